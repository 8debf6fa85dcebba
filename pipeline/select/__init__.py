"""Select: signals become pairs, and pairs are kept or dropped with a reason."""

from pipeline.select.best_worst import BestWorst
from pipeline.select.bradley_terry import BradleyTerry
from pipeline.select.by_principle import ByPrinciple
from pipeline.select.closest_three import ClosestThree
from pipeline.select.consensus import Consensus
from pipeline.select.consistent_rationale import ConsistentRationale
from pipeline.select.coverage import Coverage
from pipeline.select.dawid_skene import DawidSkene
from pipeline.select.density import Density
from pipeline.select.diverse import Diverse
from pipeline.select.exact_duplicates import ExactDuplicates
from pipeline.select.from_scores import FromScores
from pipeline.select.from_votes import FromVotes
from pipeline.select.grounded import Grounded
from pipeline.select.hygiene import Hygiene
from pipeline.select.licences import Licences
from pipeline.select.near_duplicates import NearDuplicates
from pipeline.select.private_data import PrivateData
from pipeline.select.residualise import Residualise
from pipeline.select.salmon_mix import SalmonMix
from pipeline.select.semantic_duplicates import SemanticDuplicates
from pipeline.select.tournament import Tournament

SELECT = {
    "best_worst": BestWorst,
    "bradley_terry": BradleyTerry,
    "by_principle": ByPrinciple,
    "closest_three": ClosestThree,
    "consensus": Consensus,
    "consistent_rationale": ConsistentRationale,
    "coverage": Coverage,
    "dawid_skene": DawidSkene,
    "density": Density,
    "diverse": Diverse,
    "exact_duplicates": ExactDuplicates,
    "from_scores": FromScores,
    "from_votes": FromVotes,
    "grounded": Grounded,
    "hygiene": Hygiene,
    "licences": Licences,
    "near_duplicates": NearDuplicates,
    "private_data": PrivateData,
    "residualise": Residualise,
    "salmon_mix": SalmonMix,
    "semantic_duplicates": SemanticDuplicates,
    "tournament": Tournament,
}
