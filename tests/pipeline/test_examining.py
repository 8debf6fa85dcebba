"""What must hold of the judges that examine, for every input: labels do not leak, orders mirror, the missing is missing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.claim_shares import supported_share
from pipeline.judge.claims import Claims, Relation
from pipeline.judge.criteria import Criteria
from pipeline.judge.properties import Properties
from pipeline.judge.rationale import Rationale
from pipeline.select.consistent_rationale import ConsistentRationale
from pipeline.strategy import Kept, Nothing
from prompts.criteria import Criterion
from prompts.library import shipped_template
from prompts.principles import Principle
from schemas.requests import Completion, Draw, Json, Request
from schemas.rows import Signal, SignalAnswer
from schemas.units import PairText, ResponsePair

KINDER = Criterion(name="kind", definition="The better answer is kinder.")
SHEET = tuple(
    Criterion(name=name, definition=f"How {name}.", scope="response") for name in ("polite", "clear", "model_fields")
)
TEXT = st.text(alphabet="abcdefgh ", min_size=1, max_size=12)
ID = st.text(alphabet="0123456789abcdef", min_size=4, max_size=4)
Says = Callable[[Request], Any]


def answered(work: Any, says: Says) -> list[SignalAnswer]:
    """The signals of a strategy whose judge says `says(request)`, checked against the shape; none if there are none."""
    try:
        requests = next(work)
        while True:
            completions = []
            for request in requests:
                assert isinstance(request.shape, Json)
                completions.append(Completion((Draw("", data=request.shape.reply.model_validate(says(request))),), "j"))
            requests = work.send(completions)
    except StopIteration as stop:
        return [] if isinstance(stop.value, Nothing) else list(stop.value)


def rendered(request: Request) -> list[Any]:
    """What a judge reads."""
    return list(shipped_template(request.prompt).render(request.variables))


def first_round(work: Any) -> list[Request]:
    """What a strategy asks first."""
    requests: list[Request] = next(work)
    return requests


# --- criteria --------------------------------------------------------------------------------------------------------


def longer(request: Request) -> dict[str, str]:
    """A judge that reads: the longer answer is better, equal lengths cannot be told apart."""
    gap = len(request.variables["first"]) - len(request.variables["second"])
    answer = "A" if gap > 0 else "B" if gap < 0 else "none"
    return {"analysis_a": "", "analysis_b": "", "thought": "", "answer": answer}


@given(TEXT, TEXT)
def test_swapping_the_candidates_mirrors_every_vote(a: str, b: str) -> None:
    mirror = {"a": "b", "b": "a", None: None}
    one = answered(Criteria(KINDER)(made.response_pair(a, b)), longer)
    other = answered(Criteria(KINDER)(made.response_pair(b, a)), longer)
    assert [mirror[signal.vote] for signal in one] == [signal.vote for signal in other]
    assert len({signal.vote for signal in one}) <= 1, "a judge that reads is not moved by the order"


@given(TEXT, TEXT, st.sampled_from(["A", "B", "none"]), st.sampled_from(["A", "B", "none"]))
def test_an_abstention_is_never_a_vote(a: str, b: str, ab: str, ba: str) -> None:
    said = iter([ab, ba])
    reply = {"analysis_a": "", "analysis_b": "", "thought": ""}
    signals = answered(Criteria(KINDER)(made.response_pair(a, b)), lambda _: reply | {"answer": next(said)})
    for signal, answer in zip(signals, (ab, ba), strict=bool(signals)):
        assert signal.abstained == (answer == "none")
        assert (signal.vote is None) == (signal.probability is None) == signal.abstained
        assert signal.vote != "tie"
        assert signal.value is None


@pytest.mark.parametrize(("letter", "votes"), [("A", ["a", "b"]), ("B", ["b", "a"])])
def test_a_judge_that_looks_at_the_place_alone_contradicts_itself(letter: str, votes: list[str]) -> None:
    reply = {"analysis_a": "", "analysis_b": "", "thought": "", "answer": letter}
    assert [signal.vote for signal in answered(Criteria(KINDER)(made.response_pair()), lambda _: reply)] == votes


# --- properties ------------------------------------------------------------------------------------------------------


def by_length(request: Request) -> dict[str, dict[str, int | None]]:
    """A judge that rates each property by the answer alone."""
    def side(text: str) -> dict[str, int | None]:
        return {each.name: (None, 0, 1, 2, 3)[(len(text) + len(each.name)) % 5] for each in SHEET}

    return {"A": side(request.variables["first"]), "B": side(request.variables["second"])}


@given(TEXT, TEXT, ID, ID)
def test_ratings_stay_with_their_response_whichever_was_shown_first(a: str, b: str, x: str, y: str) -> None:
    assume(a.strip() != b.strip())
    assume(x < y)
    signals = answered(Properties(SHEET)(made.response_pair(a, b, ids=(x, y))), by_length)
    found = {(signal.response_ids[0], signal.name): signal.value for signal in signals}
    wanted = {
        (each, prop.name): (None, 0, 1, 2, 3)[(len(text) + len(prop.name)) % 5]
        for each, text in ((x, a), (y, b))
        for prop in SHEET
    }
    assert found == wanted
    assert all(signal.abstained == (signal.value is None) for signal in signals)


def test_about_half_of_the_pairs_are_shown_in_either_order() -> None:
    """Drawn from ids, so the numbers are the same on every machine."""
    count = 400
    orders = [
        answered(Properties(SHEET)(made.response_pair(ids=(f"rsp_{number}", f"rsp_{number}_"))), by_length)[0].order
        for number in range(count)
    ]
    assert 0.45 < orders.count("ab") / count < 0.55


@pytest.mark.parametrize("wrong", [4, -1, 1.5, True, "2", "N/A"])
def test_a_rating_off_the_scale_is_refused_and_not_bent(wrong: object) -> None:
    pair = made.response_pair()
    (request,) = first_round(Properties(SHEET)(pair))
    assert isinstance(request.shape, Json)
    good = by_length(request)
    request.shape.reply.model_validate_json(json.dumps(good))
    with pytest.raises(ValueError, match="Input should be"):
        request.shape.reply.model_validate_json(json.dumps(good | {"A": {"polite": wrong}}))


# --- rationales ------------------------------------------------------------------------------------------------------


def labelled(a: str, b: str, ids: tuple[str, str], *, is_a_chosen: bool) -> PairText:
    """A pair with a label."""
    responses = made.response(ids[0], a), made.response(ids[1], b)
    chosen, rejected = responses if is_a_chosen else responses[::-1]
    return PairText(
        "par_1",
        made.pair("par_1", chosen_id=chosen.response_id, rejected_id=rejected.response_id),
        made.prompt(),
        chosen,
        rejected,
    )


CHECKS = st.sampled_from(["both_orders", "one_order"])
LEVELS = st.sampled_from(["general", "detailed"])


@given(TEXT, TEXT, ID, ID, CHECKS, LEVELS)
def test_nothing_in_a_hidden_prompt_depends_on_the_label(
    a: str, b: str, x: str, y: str, check: Any, level: Any
) -> None:
    assume(x < y)
    judge = Rationale(level=level, check=check, principle=Principle.load("helpful", Path()))
    told, *hidden = first_round(judge(labelled(a, b, (x, y), is_a_chosen=True)))
    told_otherwise, *hidden_otherwise = first_round(judge(labelled(a, b, (x, y), is_a_chosen=False)))
    assert [rendered(each) for each in hidden] == [rendered(each) for each in hidden_otherwise]
    assert hidden == hidden_otherwise
    assert not {"is_first_preferred", "chosen", "rejected"} & set(hidden[0].variables)
    # What is told differs in its last line alone, so in no place and no other word.
    (*_, user), (*_, other) = rendered(told), rendered(told_otherwise)
    (shown, told_line), (also_shown, other_line) = (each["content"].rsplit("\n", 1) for each in (user, other))
    assert shown == also_shown
    assert {told_line, other_line} == {"Answer A was preferred.", "Answer B was preferred."}


@pytest.mark.parametrize("is_a_chosen", [True, False])
def test_the_place_does_not_give_the_label_away(is_a_chosen: bool) -> None:
    count, first = 400, 0
    for number in range(count):
        unit = labelled("x", "y", (f"rsp_{number}", f"rsp_{number}_"), is_a_chosen=is_a_chosen)
        first += first_round(Rationale()(unit))[0].variables["is_first_preferred"]
    assert 0.45 < first / count < 0.55


@given(TEXT, TEXT, ID, ID, st.booleans())
def test_a_rationale_votes_for_the_label_and_the_check_for_what_the_judge_says(
    a: str, b: str, x: str, y: str, is_a_chosen: bool
) -> None:
    """The judge of the check finds `a` better, wherever it stands, unless it is told that the texts are the same."""
    assume(x < y)
    assume(a != b)

    def says(request: Request) -> dict[str, str]:
        is_a_first = request.variables["first"] == a
        if request.prompt == "judge/rationale":
            return {"rationale": "first" if request.variables["is_first_preferred"] else "second"}
        return {"reason": "", "verdict": "A" if is_a_first else "B"}

    unit = labelled(a, b, (x, y), is_a_chosen=is_a_chosen)
    known, *hidden = answered(Rationale()(unit), says)
    assert (known.vote, known.probability) == ("a" if is_a_chosen else "b", None)
    assert known.rationale == ("first" if (known.order == "ab") == is_a_chosen else "second")
    assert [(each.order, each.vote, each.probability) for each in hidden] == [("ab", "a", 1.0), ("ba", "a", 1.0)]
    assert {tuple(each.response_ids) for each in (known, *hidden)} == {(x, y)}
    assert isinstance(ConsistentRationale()(with_signals(unit, [known, *hidden])), Kept) == is_a_chosen


def with_signals(unit: PairText, answers: list[SignalAnswer]) -> PairText:
    """A pair as it is read again, with its signals."""
    signals = [
        Signal(**answer.model_dump(), signal_id=f"sig_{number}", document_id="doc_1")
        for number, answer in enumerate(answers)
    ]
    return dataclasses.replace(unit, signals=tuple(signals))


VERDICTS = st.lists(st.sampled_from(["a", "b", "tie", None]), max_size=6)


@given(VERDICTS, st.sampled_from([0.5, 0.75, 1.0]), st.randoms(use_true_random=False))
def test_decisions_rest_on_verdicts_and_not_on_their_order(verdicts: list[Any], agreement: float, order: Any) -> None:
    both = ["rsp_1", "rsp_2"]
    signals = [made.any_signal(0, name="rationale", response_ids=both, vote="a", rationale="x")]
    signals += [
        made.any_signal(number, name="control/rationale", response_ids=both, vote=vote, abstained=vote is None)
        for number, vote in enumerate(verdicts, 1)
    ]
    shuffled = list(signals)
    order.shuffle(shuffled)
    pair = made.pair_text("par_1")
    one, other = (
        ConsistentRationale(agreement)(dataclasses.replace(pair, signals=tuple(each)))
        for each in (signals, shuffled)
    )
    assert one == other
    given_verdicts = [vote for vote in verdicts if vote]
    assert isinstance(one, Kept) == (bool(given_verdicts) and given_verdicts.count("a") >= agreement * len(given_verdicts))


# --- claims ----------------------------------------------------------------------------------------------------------

RELATIONS: tuple[Relation, ...] = ("support", "contradict", "irrelevant")


def claimed(request: Request) -> dict[str, Any]:
    """A judge that splits at full stops and finds of each claim what its length says."""
    if request.prompt == "judge/claims":
        return {"claims": request.variables["text"].split(".")}
    return {
        f"claim_{number}": RELATIONS[len(claim) % 3] for number, claim in enumerate(request.variables["claims"], 1)
    }


@given(st.lists(TEXT, min_size=1, max_size=9), st.integers(1, 6))
def test_verdicts_stay_with_their_claims_however_they_are_asked_for(parts: list[str], most: int) -> None:
    unit = made.response_unit(".".join(parts), evidence="Known.")
    together, apart = (
        answered(Claims(ask=ask, facts="evidence", most=most)(unit), claimed) for ask in ("together", "apart")
    )
    assert together == apart
    wanted = list(dict.fromkeys(words for part in parts if (words := " ".join(part.split()))))[:most]
    assert [signal.rationale for signal in together] == wanted
    assert [signal.draw for signal in together] == list(range(len(wanted)))
    assert [signal.raw for signal in together] == [RELATIONS[len(claim) % 3] for claim in wanted]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_verdict_too_few_or_too_many_is_refused(count: int) -> None:
    work: Any = Claims(facts="evidence")(made.response_unit("One. Two.", evidence="One."))
    (split,) = next(work)
    (check,) = work.send([Completion((Draw("", data=split.shape.reply(claims=["One.", "Two."])),))])
    with pytest.raises(ValueError, match=r"Field required|Extra inputs"):
        check.shape.reply.model_validate({f"claim_{number}": "support" for number in range(1, count + 1)})


@pytest.mark.parametrize(
    ("values", "share"),
    [
        pytest.param([1.0, -1.0, 0.0, 1.0], 0.5, id="irrelevant claims count as not supported"),
        pytest.param([1.0, None], 1.0, id="what is missing does not count"),
        pytest.param([0.0], 0.0, id="none supported"),
        pytest.param([None], None, id="nothing but the missing"),
        pytest.param([], None, id="no claim"),
    ],
)
def test_the_supported_share(values: list[float | None], share: float | None) -> None:
    claims = [made.any_signal(number, name="claim", value=value) for number, value in enumerate(values)]
    others = [made.any_signal(99, name="checklist", value=-1.0), made.any_signal(98, name="length", value=7.0)]
    assert supported_share([*claims, *others]) == share
    assert supported_share([*claims, *others], "checklist") == 0.0


# --- the units -------------------------------------------------------------------------------------------------------


@given(st.sets(st.sampled_from(["chat", "writing", "code"])))
def test_a_criterion_is_asked_in_its_category_and_nowhere_else(categories: set[str]) -> None:
    judge = Criteria(KINDER.model_copy(update={"category": "chat"}))
    unit: ResponsePair = made.response_pair(categories=sorted(categories))
    assert bool(answered(judge(unit), longer)) == ("chat" in categories)
    assert answered(Criteria(KINDER)(unit), longer), "one for any category is asked in all"
