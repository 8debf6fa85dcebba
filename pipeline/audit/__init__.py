"""Knowing the judge: labelled pairs, what a judge says of them, and what that tells of the judge.

    verdicts.py      one row for each judge call, and what a judge says of a pair
    recorded.py      somebody else's recorded judge outputs as such rows
    cascade.py       when a cheap judge is to be believed, fitted on labelled rows
    selective.py     below which confidence a judge is to abstain
    accuracy.py, best_of.py, position.py, length.py, agreement.py, calibration.py    the measures
    evidence.py      rows of a warehouse as such rows, with what is known of each answer
    figures.py       all of them for one judge, with what each means
    table.py         the report on every judge

Labelled pairs are read by `pipeline.preferences`. Every measure is a pure function of rows; nothing here calls a model, and
the warehouse is not known.
"""
