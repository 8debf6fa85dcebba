"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.anchored import Anchored
from pipeline.select.best_worst import BestWorst
from pipeline.select.binarise import Binarise
from pipeline.select.bradley_terry import BradleyTerry
from pipeline.select.by_principle import ByPrinciple
from pipeline.select.closest_three import ClosestThree
from pipeline.select.consensus import Consensus
from pipeline.select.consistent_rationale import ConsistentRationale
from pipeline.select.dawid_skene import DawidSkene
from pipeline.select.demonstrations import Demonstrations
from pipeline.select.exact_duplicates import ExactDuplicates
from pipeline.select.from_scores import FromScores
from pipeline.select.from_votes import FromVotes
from pipeline.select.near_duplicates import NearDuplicates
from pipeline.select.ordered_list import OrderedList
from pipeline.select.pass_fail import PassFail
from pipeline.select.per_aspect import PerAspect
from pipeline.select.quotas import Quotas
from pipeline.select.residualise import Residualise
from pipeline.select.reversal import Reversal
from pipeline.select.salmon_mix import SalmonMix
from pipeline.select.tournament import Tournament
from pipeline.select.within_window import WithinWindow

SELECT = {
    "anchored": Anchored,
    "best_worst": BestWorst,
    "binarise": Binarise,
    "bradley_terry": BradleyTerry,
    "by_principle": ByPrinciple,
    "closest_three": ClosestThree,
    "consensus": Consensus,
    "consistent_rationale": ConsistentRationale,
    "dawid_skene": DawidSkene,
    "demonstrations": Demonstrations,
    "exact_duplicates": ExactDuplicates,
    "from_scores": FromScores,
    "from_votes": FromVotes,
    "near_duplicates": NearDuplicates,
    "ordered_list": OrderedList,
    "pass_fail": PassFail,
    "per_aspect": PerAspect,
    "quotas": Quotas,
    "residualise": Residualise,
    "reversal": Reversal,
    "salmon_mix": SalmonMix,
    "tournament": Tournament,
    "within_window": WithinWindow,
}
