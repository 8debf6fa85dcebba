"""Judges that score: what a reply says, whose score it is, and how likely each number was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import builds
import made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.binding import bind
from pipeline.judge.expected import ask_likelihood, most_groups
from pipeline.judge.lineup import line_up
from pipeline.judge.listwise import Listwise
from pipeline.judge.ranking import disagreement, mean_ranks, read_order
from pipeline.judge.rubric import Rubric
from pipeline.judge.rubric_group import RubricGroup
from pipeline.judge.scores import Score, read_score, score_reply, scores_reply
from pipeline.models.strict_schema import strict_schema
from pipeline.scales import rescale
from prompts.principles import Principle
from prompts.rubrics import Aspect
from schemas.errors import RecipeError, Unanswerable
from schemas.recipe import read_recipe
from schemas.requests import Choice, Completion, Draw, Json, Request, TokenLogprob
from schemas.rows import SignalAnswer
from schemas.units import ResponseGroup

TRUTHFUL = Aspect.load("ultrafeedback/truthfulness", Path())
DIRECT = Aspect.load("direct", Path())
HELPFUL = Principle.load("helpful", Path())
SCALE = tuple(map(str, range(1, 11)))

# --- one score -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [4, 4.0, "4", " 4\n"])
def test_a_number_of_the_scale_is_read(said: object) -> None:
    assert read_score(said, 1, 5) == Score(4.0)


@pytest.mark.parametrize("said", ["N/A", "n/a", "NA", "N / A.", "not applicable"])
def test_not_applicable_is_an_abstention(said: object) -> None:
    assert read_score(said, 1, 5) == Score(None, abstained=True)


@pytest.mark.parametrize(
    "said", [0, 6, -4, 4.5, "4.0", "4/5", "four", "", "٤", "44444", True, None, [4], {"score": 4}, math.nan, math.inf]
)
def test_anything_else_is_missing(said: object) -> None:
    assert read_score(said, 1, 5) == Score(None)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)), st.integers(0, 5))
def test_a_score_is_never_moved_into_the_scale(said: object, least: int) -> None:
    value = read_score(said, least, least + 5).value
    if value is not None:
        assert least <= value <= least + 5
        assert value == float(said)  # type: ignore[arg-type]


def test_the_ends_of_any_scale_become_minus_one_and_one() -> None:
    assert [rescale(score, 1, 10) for score in (1, 5.5, 10)] == [-1.0, 0.0, 1.0]
    assert rescale(7.75, 1, 10) == pytest.approx(2 * 6.75 / 9 - 1)
    assert [rescale(score, 0, 4) for score in (0, 1, 2, 3, 4)] == [-1.0, -0.5, 0.0, 0.5, 1.0]


# --- shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hosted", [True, False])
@pytest.mark.parametrize(
    "reply",
    [
        score_reply(1, 5),
        score_reply(1, 5, not_applicable=True, before="reason"),
        scores_reply(("A", "B"), 1, 5, not_applicable=True, explain=True),
        scores_reply(("A", "B"), 1, 5),
    ],
    ids=["score", "reason and score", "reasons and scores", "scores"],
)
def test_every_shape_is_one_that_strict_servers_take(reply: Any, hosted: bool) -> None:
    schema, is_strict = strict_schema(reply, hosted=hosted)
    assert is_strict
    assert schema["required"] == list(schema["properties"])
    numbers = str(schema)
    assert "[1, 2, 3, 4, 5]" in numbers
    assert ("N/A" in numbers) == ("OrNone" in reply.__name__)


def test_shapes_that_differ_have_names_that_differ() -> None:
    """The name stands for the shape in the hash of a request."""
    shapes = [
        score_reply(least, most, not_applicable=silent, before=before, length=length)
        for least, most in ((1, 5), (0, 5), (1, 10))
        for silent in (True, False)
        for before, length in (("", 600), ("reason", 600), ("critique", 600), ("critique", 3000))
    ]
    shapes += [
        scores_reply(names, 1, most, not_applicable=silent, explain=explain)
        for names in (("A", "B"), ("A", "B", "C"))
        for most in (5, 10)
        for silent in (True, False)
        for explain in (True, False)
    ]
    assert len({shape.__name__ for shape in shapes}) == len(shapes)
    assert len({str(shape.model_json_schema()["properties"]) for shape in shapes}) == len(shapes)


# --- likelihoods -----------------------------------------------------------------------------------------------------


def tokens(*positions: Mapping[str, float]) -> Draw:
    """A draw of the first token of each position, whose alternatives have these shares."""
    read = tuple(
        TokenLogprob(
            next(iter(shares)), math.log(next(iter(shares.values()))), {k: math.log(v) for k, v in shares.items()}
        )
        for shares in positions
    )
    return Draw("".join(token.token for token in read if not token.token.startswith("<")), logprobs=read)


def likelihood_after(*rounds: Draw) -> tuple[list[Request], Any]:
    """What is asked, and the likelihood that comes of these replies, one for each request."""
    asked: list[Request] = []
    work = ask_likelihood(Request("judge/rubric", {}, "default"), SCALE)
    waiting = iter(rounds)
    try:
        requests = next(work)
        while True:
            asked += requests
            requests = work.send([Completion((next(waiting),)) for _ in requests])
    except StopIteration as stop:
        return asked, stop.value[1]


def test_ten_of_two_tokens_is_divided_by_a_second_request() -> None:
    first = tokens({"8": 0.6, "1": 0.4}, {"<end>": 1.0})
    asked, found = likelihood_after(first, tokens({"1": 1.0}, {"0": 0.75, "<end>": 0.25}))
    assert [request.shape for request in asked] == [Choice(SCALE), Choice(("1", "10"))]
    assert {label: share for label, share in found.labels.items() if share} == pytest.approx(
        {"1": 0.1, "8": 0.6, "10": 0.3}
    )


def test_what_was_drawn_is_divided_by_what_follows() -> None:
    asked, found = likelihood_after(tokens({"1": 0.5, "9": 0.5}, {"0": 0.8, "<end>": 0.2}))
    assert len(asked) == 1
    assert found.labels["10"] == pytest.approx(0.4)


def test_what_a_second_request_leaves_together_is_no_likelihood() -> None:
    _, found = likelihood_after(tokens({"8": 0.6, "1": 0.4}), tokens({"1": 1.0}))
    assert found is None


@pytest.mark.parametrize(
    "rounds", [[Draw("8")], [tokens({"1": 1.0}), tokens({"1": 1.0})]], ids=["no log-probabilities", "still together"]
)
def test_a_server_without_likelihoods_fails_the_unit_and_gives_no_score(rounds: list[Draw]) -> None:
    with pytest.raises(Unanswerable) as caught:
        tell(Rubric(aspect=DIRECT, by="likelihood")(made.response_unit()), rounds)
    assert caught.value.reason == "no_likelihood"


def tell(work: Any, rounds: list[Draw]) -> None:
    """Reply to one request a round."""
    next(work)
    for draw in rounds:
        work.send([Completion((draw,))])


def test_a_plan_counts_the_groups_that_a_second_round_may_ask_about() -> None:
    assert most_groups(SCALE) == 1
    assert most_groups([str(number) for number in range(21)]) == 2
    assert most_groups([*map(str, range(1, 6)), "N/A"]) == 0
    by_number, by_likelihood = Rubric(aspect=DIRECT), Rubric(aspect=DIRECT, by="likelihood")
    assert (by_number.calls, by_likelihood.calls, by_likelihood.at_once) == (1, 2, 1)


@pytest.mark.parametrize(
    ("key", "params", "words"),
    [
        ("rubric", {"by": "likelihood", "explain": True}, "leave `explain` out"),
        ("rubric", {"by": "likelihood", "temperature": 0.7}, "`repeats` and `temperature` are for `by: score`"),
        ("rubric", {"by": "likelihood", "repeats": 3}, "`repeats` and `temperature` are for `by: score`"),
        ("rubric", {"repeats": 3}, "use repeats: 1 or a temperature above 0"),
        ("critique", {"scale": [10, 1]}, "such as [1, 10]; [10, 1] does not"),
        ("critique", {"scale": [0, 100]}, "less than or equal to 20"),
        ("rubric_group", {"most": 27}, "less than or equal to 26"),
        ("listwise", {"most": 1}, "greater than or equal to 2"),
        ("rubric", {"aspects": "helpsteer"}, "has both `aspect` and `aspects`"),
    ],
)
def test_what_does_not_go_together_is_said_before_any_work(
    tmp_path: Path, key: str, params: dict[str, Any], words: str
) -> None:
    words_of = {"critique": {}, "listwise": {"principle": "helpful"}}.get(key, {"aspect": "direct"})
    steps = ["mine/chunk", "mine/qa", "sample/gold", {f"judge/{key}": {**words_of, **params}}]
    with pytest.raises(RecipeError) as caught:
        bind(read_recipe(builds.write_recipe(tmp_path, steps=steps)))
    assert words in str(caught.value)


# --- several answers -------------------------------------------------------------------------------------------------

Judge = Callable[[str], int]
JUDGES: dict[str, Judge] = {
    "by length": lambda text: 1 + len(text) % 5,
    "by its letters": lambda text: 1 + sum(map(ord, text)) % 5,
    "all alike": lambda text: 3,
}
TEXTS = st.lists(st.text(max_size=12), min_size=2, max_size=6, unique=True)


def group(texts: Mapping[str, str], order: Any = None) -> ResponseGroup:
    """The answers of a prompt, in any order."""
    unit = made.response_group(dict(texts))
    responses = list(unit.responses)
    if order is not None:
        order.shuffle(responses)
    return ResponseGroup(unit.unit_id, unit.prompt, tuple(responses))


def judged(strategy: Any, unit: ResponseGroup, judge: Judge) -> list[SignalAnswer]:
    """The signals of a judge that looks at texts alone, however they are named and ordered."""
    work = strategy(unit)
    try:
        requests = next(work)
        work.send([judge_reply(request, judge) for request in requests])
    except StopIteration as stop:
        signals: list[SignalAnswer] = stop.value
        return signals
    raise AssertionError("one round was expected")


def judge_reply(request: Request, judge: Judge) -> Completion:
    assert isinstance(request.shape, Json)
    scores = {each["name"]: judge(each["text"]) for each in request.variables["answers"]}
    said: Any = scores
    if request.prompt == "judge/listwise":
        levels = sorted(set(scores.values()), reverse=True)
        ranking = [[name for name in scores if scores[name] == level] for level in levels]
        said = {"thought": "", "scores": scores, "ranking": ranking}
    return Completion((Draw("", data=request.shape.reply.model_validate(said)),), "judge")


STRATEGIES = [RubricGroup(aspect=TRUTHFUL, explain=False, orders=2), Listwise(principle=HELPFUL, orders=2)]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=["rubric_group", "listwise"])
@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@given(texts=TEXTS, data=st.data())
def test_what_answers_are_called_and_how_they_lie_changes_nobodys_score(
    strategy: Any, judge: Judge, texts: list[str], data: st.DataObject
) -> None:
    """Relabelled, reordered: a text gets the score that the judge gives this text."""
    names = data.draw(st.permutations([f"rsp_{number}" for number in range(len(texts))]))
    unit = group(dict(zip(names, texts, strict=True)), data.draw(st.randoms(use_true_random=False)))
    text_of = {response.response_id: response.text for response in unit.responses}
    signals = judged(strategy, unit, judge)
    scores = [each for each in signals if not each.name.endswith("/rank")]
    assert len(scores) == 2 * len(texts)
    for signal in scores:
        assert signal.value == judge(text_of[signal.response_ids[0]])
    ranks = {(each.draw, text_of[each.response_ids[0]]): each.value for each in signals if each.name.endswith("/rank")}
    for (draw, text), rank in ranks.items():
        better = sum(judge(other) > judge(text) for other in texts)
        equal = sum(judge(other) == judge(text) for other in texts)
        assert rank == better + (equal + 1) / 2, draw


@given(TEXTS, st.randoms(use_true_random=False))
def test_a_line_up_does_not_depend_on_the_order_it_is_made_from(texts: list[str], random: Any) -> None:
    named = {f"rsp_{number}": text for number, text in enumerate(texts)}
    assert line_up(group(named), "honest") == line_up(group(named, random), "honest")


@given(TEXTS)
def test_over_as_many_line_ups_as_answers_each_stands_everywhere_once(texts: list[str]) -> None:
    unit = group({f"rsp_{number}": text for number, text in enumerate(texts)})
    places = {
        (response.response_id, name)
        for number in range(len(texts))
        for name, response in line_up(unit, "honest", number).items()
    }
    assert len(places) == len(texts) ** 2


def test_every_order_is_about_as_frequent() -> None:
    """A label must not leak through position: over prompts, each of three answers is first in a third of them."""
    texts = {"rsp_1": "x", "rsp_2": "y", "rsp_3": "z"}
    first = [line_up(made.response_group(texts, prompt_id=f"prm_{n}"), "honest")["A"].response_id for n in range(900)]
    assert all(250 < first.count(each) < 350 for each in texts)


# --- rankings --------------------------------------------------------------------------------------------------------


def test_ranks_of_ties_are_the_mean_of_their_places() -> None:
    assert mean_ranks([["B"], ["A", "D"], ["C"]]) == {"B": 1.0, "A": 2.5, "D": 2.5, "C": 4.0}
    assert mean_ranks([["A", "B", "C"]]) == {"A": 2.0, "B": 2.0, "C": 2.0}


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ([["A"], ["B", "C"]], [["A"], ["B", "C"]]),
        (["A", "B"], [["A"], ["B"]]),
        ([["A"], [], "B"], [["A"], ["B"]]),
        ("A > B", []),
        (None, []),
        ([1, {"A": 1}], []),
    ],
)
def test_an_order_is_read_as_groups(said: object, order: list[list[str]]) -> None:
    assert read_order(said) == order


@given(st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 5), min_size=2), st.data())
def test_an_order_by_score_agrees_and_two_unlike_exchanged_do_not(scores: dict[str, int], data: st.DataObject) -> None:
    values = {name: float(score) for name, score in scores.items()}
    order = [[name] for name in sorted(values, key=lambda name: -values[name])]
    assert disagreement(values, order) == ""
    one, other = sorted(data.draw(st.permutations(range(len(order))))[:2])
    exchanged = list(order)
    exchanged[one], exchanged[other] = order[other], order[one]
    assert (disagreement(values, exchanged) == "") == (values[order[one][0]] == values[order[other][0]])


@given(st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 5), min_size=2))
def test_a_tie_agrees_only_with_equal_scores(scores: dict[str, int]) -> None:
    values = {name: float(score) for name, score in scores.items()}
    assert (disagreement(values, [list(values)]) == "") == (len(set(values.values())) == 1)
