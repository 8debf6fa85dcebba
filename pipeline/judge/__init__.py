"""Judge: responses become signals."""

from pipeline.judge.log_likelihood import LogLikelihood
from pipeline.judge.measure import Measure
from pipeline.judge.pairwise import Pairwise
from pipeline.judge.verify import Verify

JUDGE = {
    "log_likelihood": LogLikelihood,
    "measure": Measure,
    "pairwise": Pairwise,
    "verify": Verify,
}
