"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.best_worst import BestWorst
from pipeline.select.exact_duplicates import ExactDuplicates

SELECT = {"best_worst": BestWorst, "exact_duplicates": ExactDuplicates}
