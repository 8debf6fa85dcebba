"""Judge: responses become signals."""

from pipeline.judge.critique import Critique
from pipeline.judge.listwise import Listwise
from pipeline.judge.pairwise import Pairwise
from pipeline.judge.rubric import Rubric
from pipeline.judge.rubric_group import RubricGroup

JUDGE = {
    "critique": Critique,
    "listwise": Listwise,
    "pairwise": Pairwise,
    "rubric": Rubric,
    "rubric_group": RubricGroup,
}
