"""The rehearsal model: no GPU, no key, no network. It answers our own prompts from their variables, by rules.

It rehearses a recipe in seconds, prices it, and gives tests a planted truth: an answer is as good as the share of the
known facts it repeats, less what it adds. Its words are stamped `rehearsal` and are not training data.
"""

from pipeline.models.rehearsal.engine import Rehearsal
from pipeline.models.rehearsal.options import Options

__all__ = ["Options", "Rehearsal"]
