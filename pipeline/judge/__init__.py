"""Judge: responses become signals."""

from pipeline.judge.cascade import Cascade
from pipeline.judge.category import Category
from pipeline.judge.claims import Claims
from pipeline.judge.criteria import Criteria
from pipeline.judge.critique import Critique
from pipeline.judge.difficulty import Difficulty
from pipeline.judge.embed import Embed
from pipeline.judge.labelled import Labelled
from pipeline.judge.listwise import Listwise
from pipeline.judge.log_likelihood import LogLikelihood
from pipeline.judge.measure import Measure
from pipeline.judge.pairwise import Pairwise
from pipeline.judge.preferences import Preferences
from pipeline.judge.properties import Properties
from pipeline.judge.rationale import Rationale
from pipeline.judge.relevance import Relevance
from pipeline.judge.rubric import Rubric
from pipeline.judge.rubric_group import RubricGroup
from pipeline.judge.verify import Verify

JUDGE = {
    "cascade": Cascade,
    "category": Category,
    "claims": Claims,
    "criteria": Criteria,
    "critique": Critique,
    "difficulty": Difficulty,
    "embed": Embed,
    "labelled": Labelled,
    "listwise": Listwise,
    "log_likelihood": LogLikelihood,
    "measure": Measure,
    "pairwise": Pairwise,
    "preferences": Preferences,
    "properties": Properties,
    "rationale": Rationale,
    "relevance": Relevance,
    "rubric": Rubric,
    "rubric_group": RubricGroup,
    "verify": Verify,
}
