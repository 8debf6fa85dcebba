"""Knowing the release: what of it can be learnt without learning to prefer, and what it holds too much of.

    catalogue.py     every figure: what it means, the bound that it should keep and why, what to do when it does not
    figures.py       a figure with its interval, and how it stands to its bound
    intervals.py     areas under a curve with intervals, and the interval of a difference
    jury.py          how wrong labels are, by how much judges disagree
    probe.py         a reward model that sees words and word pairs, and no prompt
    languages.py     the language of a text, by script and stop words
    near.py          prompts that are nearly the same, in two splits
    coverage.py      shares and effective numbers of sources, topics and languages
    report.py        the figures of one release, and of one beside another

Every measure is a pure function of counts or texts; the warehouse is not known (`pipeline.runner.measuring` asks it).
"""
