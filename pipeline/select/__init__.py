"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.best_worst import BestWorst
from pipeline.select.by_principle import ByPrinciple
from pipeline.select.exact_duplicates import ExactDuplicates
from pipeline.select.salmon_mix import SalmonMix

SELECT = {
    "best_worst": BestWorst,
    "by_principle": ByPrinciple,
    "exact_duplicates": ExactDuplicates,
    "salmon_mix": SalmonMix,
}
