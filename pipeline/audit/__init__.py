"""Knowing the judge: labelled pairs, what a judge says of them, and what that tells of the judge.

    items.py         one labelled prompt, whatever layout it was published in
    layouts.py       the layouts that are known and how one is recognised
    pairs.py         layouts of two answers: LLMBar, JudgeBench, RewardBench, plain and trainers' JSONL
    groups.py        layouts of more: RewardBench 2, RM-Bench, HelpSteer2
    people.py        layouts with the votes of people: MultiPref, HelpSteer3, hh-rlhf
    places.py        rows from a file, a folder or the hub
    verdicts.py      one row for each judge call, and what a judge says of a pair
    recorded.py      somebody else's recorded judge outputs as such rows
    cascade.py       when a cheap judge is to be believed, fitted on labelled rows
    selective.py     below which confidence a judge is to abstain
    accuracy.py, best_of.py, position.py, length.py, agreement.py, calibration.py    the measures
    evidence.py      rows of a warehouse as such rows, with what is known of each answer
    figures.py       all of them for one judge, with what each means
    table.py         the report on every judge
    source.py        labelled items as documents, so that a judge is run over them like over any others

Every measure is a pure function of rows; nothing here calls a model, and the warehouse is not known.
"""
