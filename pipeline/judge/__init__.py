"""Judge: responses become signals."""

from pipeline.judge.pairwise import Pairwise
from pipeline.judge.verify import Verify

JUDGE = {"pairwise": Pairwise, "verify": Verify}
