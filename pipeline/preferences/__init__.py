"""Preference data as people publish it: read into items, whatever its layout, for audits of judges and for imports.

items.py         one labelled prompt, whatever layout it was published in
layouts.py       the layouts that are known and how one is recognised
turns.py         conversations and calls of tools, however they are written
pairs.py         layouts of two answers: LLMBar, JudgeBench, RewardBench, plain and trainers' own
groups.py        layouts of more: RewardBench 2, RM-Bench, HelpSteer, UltraFeedback, rankings, single labels
people.py        layouts with the votes of people: MultiPref, HelpSteer3, PKU-SafeRLHF, arenas
beside.py        what rows say besides their texts and labels: scores, margins, tools, licences
places.py        rows from a file, a folder or the hub
source.py        items as documents, so that they go through the same steps as any others
rows.py          items as prompts, responses and signals
"""
