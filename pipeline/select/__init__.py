"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.best_worst import BestWorst
from pipeline.select.consistent_rationale import ConsistentRationale
from pipeline.select.exact_duplicates import ExactDuplicates

SELECT = {
    "best_worst": BestWorst,
    "consistent_rationale": ConsistentRationale,
    "exact_duplicates": ExactDuplicates,
}
