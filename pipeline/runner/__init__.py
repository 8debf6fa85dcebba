"""The stage runner: the only part of the pipeline that knows the warehouse.

`intake` reads sources into documents, `steps` runs strategies over pending units, `landing` makes releases.
"""
