"""Judge: responses become signals."""

from pipeline.judge.labelled import Labelled
from pipeline.judge.pairwise import Pairwise

JUDGE = {"labelled": Labelled, "pairwise": Pairwise}
