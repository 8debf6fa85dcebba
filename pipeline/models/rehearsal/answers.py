"""All that the rehearsal model plays: one function for each prompt that ships, each in the module of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.models.rehearsal import compare, mine, sample, verify_judge
from pipeline.models.rehearsal.options import Play

ANSWERS: Mapping[str, Play] = {**mine.ANSWERS, **sample.ANSWERS, **compare.ANSWERS, **verify_judge.ANSWERS}
