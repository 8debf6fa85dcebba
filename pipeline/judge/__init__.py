"""Judge: responses become signals."""

from pipeline.judge.pairwise import Pairwise

JUDGE = {"pairwise": Pairwise}
