"""Which texts are nearly the same: sketches, candidate pairs, exact likeness, clusters. Pure functions without I/O.

    texts ─► sketch ─► candidates ─► jaccard ─► clusters

A text is normalised and cut into overlapping n-grams; two texts are alike when the Jaccard index of their sets of n-grams
reaches a threshold. `sketch` makes 126 bytes of each text, `candidates` finds the pairs that share a band of them,
`jaccard` looks at the texts of those pairs, and `clusters` says which row stands for which.
"""
