"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.best_worst import BestWorst
from pipeline.select.bradley_terry import BradleyTerry
from pipeline.select.by_principle import ByPrinciple
from pipeline.select.closest_three import ClosestThree
from pipeline.select.consensus import Consensus
from pipeline.select.consistent_rationale import ConsistentRationale
from pipeline.select.dawid_skene import DawidSkene
from pipeline.select.exact_duplicates import ExactDuplicates
from pipeline.select.from_scores import FromScores
from pipeline.select.from_votes import FromVotes
from pipeline.select.near_duplicates import NearDuplicates
from pipeline.select.residualise import Residualise
from pipeline.select.salmon_mix import SalmonMix
from pipeline.select.tournament import Tournament

SELECT = {
    "best_worst": BestWorst,
    "bradley_terry": BradleyTerry,
    "by_principle": ByPrinciple,
    "closest_three": ClosestThree,
    "consensus": Consensus,
    "consistent_rationale": ConsistentRationale,
    "dawid_skene": DawidSkene,
    "exact_duplicates": ExactDuplicates,
    "from_scores": FromScores,
    "from_votes": FromVotes,
    "near_duplicates": NearDuplicates,
    "residualise": Residualise,
    "salmon_mix": SalmonMix,
    "tournament": Tournament,
}
