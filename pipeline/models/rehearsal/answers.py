"""All that the rehearsal model plays: one function for each prompt that ships, each in the module of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.models.rehearsal import compare, examine, mine, sample, score, verify_judge
from pipeline.models.rehearsal.options import Play

MODULES = (compare, examine, mine, sample, score, verify_judge)
ANSWERS: Mapping[str, Play] = {prompt: play for module in MODULES for prompt, play in module.ANSWERS.items()}
