"""Judge: responses become signals."""

from pipeline.judge.category import Category
from pipeline.judge.claims import Claims
from pipeline.judge.criteria import Criteria
from pipeline.judge.pairwise import Pairwise
from pipeline.judge.properties import Properties
from pipeline.judge.rationale import Rationale

JUDGE = {
    "category": Category,
    "claims": Claims,
    "criteria": Criteria,
    "pairwise": Pairwise,
    "properties": Properties,
    "rationale": Rationale,
}
