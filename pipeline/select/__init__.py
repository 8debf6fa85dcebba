"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.anchored import Anchored
from pipeline.select.best_worst import BestWorst
from pipeline.select.binarise import Binarise
from pipeline.select.bradley_terry import BradleyTerry
from pipeline.select.by_principle import ByPrinciple
from pipeline.select.cap import Cap
from pipeline.select.closest_three import ClosestThree
from pipeline.select.conflicts import Conflicts
from pipeline.select.consensus import Consensus
from pipeline.select.consistent_rationale import ConsistentRationale
from pipeline.select.coverage import Coverage
from pipeline.select.curriculum import Curriculum
from pipeline.select.cyclic import Cyclic
from pipeline.select.dawid_skene import DawidSkene
from pipeline.select.decontaminate import Decontaminate
from pipeline.select.demonstrations import Demonstrations
from pipeline.select.density import Density
from pipeline.select.diverse import Diverse
from pipeline.select.exact_duplicates import ExactDuplicates
from pipeline.select.filter import Filter
from pipeline.select.from_scores import FromScores
from pipeline.select.from_votes import FromVotes
from pipeline.select.gold_gate import GoldGate
from pipeline.select.grounded import Grounded
from pipeline.select.hygiene import Hygiene
from pipeline.select.licences import Licences
from pipeline.select.mask_contaminated import MaskContaminated
from pipeline.select.near_duplicates import NearDuplicates
from pipeline.select.ordered_list import OrderedList
from pipeline.select.pass_fail import PassFail
from pipeline.select.peer import Peer
from pipeline.select.per_aspect import PerAspect
from pipeline.select.preferences import Preferences
from pipeline.select.principle_weight import PrincipleWeight
from pipeline.select.private_data import PrivateData
from pipeline.select.quotas import Quotas
from pipeline.select.residualise import Residualise
from pipeline.select.reversal import Reversal
from pipeline.select.salmon_mix import SalmonMix
from pipeline.select.same_prompts import SamePrompts
from pipeline.select.sample_rows import SampleRows
from pipeline.select.semantic_duplicates import SemanticDuplicates
from pipeline.select.tournament import Tournament
from pipeline.select.undecided import Undecided
from pipeline.select.within_window import WithinWindow

SELECT = {
    "anchored": Anchored,
    "best_worst": BestWorst,
    "binarise": Binarise,
    "bradley_terry": BradleyTerry,
    "by_principle": ByPrinciple,
    "cap": Cap,
    "closest_three": ClosestThree,
    "conflicts": Conflicts,
    "consensus": Consensus,
    "consistent_rationale": ConsistentRationale,
    "coverage": Coverage,
    "curriculum": Curriculum,
    "cyclic": Cyclic,
    "dawid_skene": DawidSkene,
    "decontaminate": Decontaminate,
    "demonstrations": Demonstrations,
    "density": Density,
    "diverse": Diverse,
    "exact_duplicates": ExactDuplicates,
    "filter": Filter,
    "from_scores": FromScores,
    "from_votes": FromVotes,
    "gold_gate": GoldGate,
    "grounded": Grounded,
    "hygiene": Hygiene,
    "licences": Licences,
    "mask_contaminated": MaskContaminated,
    "near_duplicates": NearDuplicates,
    "ordered_list": OrderedList,
    "pass_fail": PassFail,
    "peer": Peer,
    "per_aspect": PerAspect,
    "preferences": Preferences,
    "principle_weight": PrincipleWeight,
    "private_data": PrivateData,
    "quotas": Quotas,
    "residualise": Residualise,
    "reversal": Reversal,
    "salmon_mix": SalmonMix,
    "same_prompts": SamePrompts,
    "sample_rows": SampleRows,
    "semantic_duplicates": SemanticDuplicates,
    "tournament": Tournament,
    "undecided": Undecided,
    "within_window": WithinWindow,
}
