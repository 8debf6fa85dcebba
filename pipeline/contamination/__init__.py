"""Contamination: which texts share runs of words with evaluation items.

    words.py         what a word is
    columns.py       which columns of an evaluation set hold text
    evaluations.py   evaluation sets: files, folders, saved datasets, the hub; read, named and digested
    runs.py          all different runs of n words of the items
    index.py         the search for them in other texts
    kernel.py        the inner loops, compiled; imported only when they are needed
"""
