"""Judge: responses become signals."""

from pipeline.judge.cascade import Cascade
from pipeline.judge.pairwise import Pairwise

JUDGE = {"cascade": Cascade, "pairwise": Pairwise}
