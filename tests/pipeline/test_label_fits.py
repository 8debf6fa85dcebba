"""Fitted labels: what they recover of a truth that was planted, and that it is the same however the rows come."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from typing import Any

import made
import pytest

from pipeline.extras import library
from pipeline.select.bradley_terry import BradleyTerry
from pipeline.select.dawid_skene import DawidSkene
from pipeline.select.from_votes import FromVotes
from pipeline.select.residualise import Residualise
from pipeline.strategy import Nothing
from schemas.errors import RequestError
from schemas.fingerprints import canonical_json
from schemas.rows import PairAnswer, Signal
from schemas.units import Candidates

ORDERS = (("ab", 0), ("ba", 1))


def answers(strategy: Any, units: Sequence[Candidates]) -> list[list[PairAnswer]]:
    """The pairs of each unit under the fit of all, which is stored as JSON in between."""
    fit = json.loads(canonical_json(strategy.fit(units)))
    found = [strategy.answer(each, fit) for each in units]
    return [[] if isinstance(each, Nothing) else each for each in found]


def group(number: int, responses: dict[str, Any], signals: Sequence[Signal]) -> Candidates:
    """The candidates of one of many prompts."""
    return made.candidates(responses, list(signals), prompt_id=f"prm_{number}")


# --- a jury ----------------------------------------------------------------------------------------------------------

JURY = {"expert": 0.95, "fair": 0.7, "guesser1": 0.55, "guesser2": 0.55, "guesser3": 0.5}


def jury_unit(number: int, dice: random.Random, jury: dict[str, float] = JURY) -> tuple[Candidates, str]:
    """Two candidates and a jury's votes on them, each right as often as its judge is; and which one is better."""
    truth = dice.choice("ab")
    votes = [truth if dice.random() < right else "ab".replace(truth, "") for right in jury.values()]
    ids = [f"r{number}_1", f"r{number}_2"]
    signals = [
        made.any_signal(place, response_ids=ids, evaluator=judge, vote=vote)
        for place, (judge, vote) in enumerate(zip(jury, votes, strict=True))
    ]
    return group(number, {ids[0]: "one", ids[1]: "other"}, signals), ids["ab".index(truth)]


def planted_jury(count: int, seed: int) -> tuple[list[Candidates], list[str]]:
    dice = random.Random(seed)
    units, truths = zip(*(jury_unit(number, dice) for number in range(count)), strict=True)
    return list(units), list(truths)


def accuracy(found: Sequence[Sequence[PairAnswer]], truths: Sequence[str]) -> float:
    return sum(bool(pairs) and pairs[0].chosen_id == truth for pairs, truth in zip(found, truths, strict=True)) / len(
        truths
    )


def test_dawid_and_skene_find_the_expert_that_a_majority_outvotes() -> None:
    units, truths = planted_jury(250, seed=7)
    by_majority: list[Any] = [FromVotes(rule="majority")(each) for each in units]
    majority = accuracy([[] if isinstance(each, Nothing) else each for each in by_majority], truths)
    posterior = accuracy(answers(DawidSkene(), units), truths)
    assert posterior > 0.9
    assert posterior > majority + 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_dawid_and_skene_agree_with_crowd_kit_on_every_label() -> None:
    """Crowd-kit's own posterior of the duels it was fitted on, told both ways round, against ours."""
    units, _ = planted_jury(80, seed=3)
    pandas, aggregation = library("pandas", "this test"), library("crowdkit.aggregation", "this test")
    votes = [(each.prompt.prompt_id, signal.evaluator, str(signal.vote)) for each in units for signal in each.signals]
    votes += [(f"{task} turned", judge, {"a": "b", "b": "a"}[vote]) for task, judge, vote in votes]
    model = aggregation.DawidSkene(n_iter=100, tol=1e-6)
    theirs = model.fit_predict_proba(pandas.DataFrame(votes, columns=["task", "worker", "label"]))
    for unit, (pair,) in zip(units, answers(DawidSkene(), units), strict=True):
        side = "ab"[[each.response_id for each in unit.responses].index(pair.chosen_id)]
        assert pair.p_chosen == pytest.approx(theirs.loc[unit.prompt.prompt_id, side], abs=0.01)


def test_a_judge_that_follows_the_order_is_found_out() -> None:
    """Two judges always take the first shown; one is right in both orders. The two outvote it in no order mean, but they
    are in every call."""
    dice = random.Random(5)
    units, truths = [], []
    for number in range(100):
        truth = dice.choice("ab")
        ids = [f"r{number}_1", f"r{number}_2"]
        shown_first = dice.choice(("ab", "ba"))  # the lazy two were asked in one order only
        votes = [("right1", order, truth if dice.random() < 0.9 else "ab".replace(truth, "")) for order, _ in ORDERS]
        votes += [(f"lazy{each}", shown_first, shown_first[0]) for each in range(2)]
        signals = [
            made.any_signal(place, response_ids=ids, evaluator=judge, order=order, vote=vote)
            for place, (judge, order, vote) in enumerate(votes)
        ]
        units.append(group(number, {ids[0]: "one", ids[1]: "other"}, signals))
        truths.append(ids["ab".index(truth)])
    by_majority: list[Any] = [FromVotes(rule="majority", orders="any")(each) for each in units]
    majority = accuracy([[] if isinstance(each, Nothing) else each for each in by_majority], truths)
    assert accuracy(answers(DawidSkene(), units), truths) > majority + 0.1


# --- strengths -------------------------------------------------------------------------------------------------------

SKILLS = {"m_good": 1.0, "m_fair": 0.0, "m_poor": -1.0}
WORDS = {"m_good": 20, "m_fair": 60, "m_poor": 180}
PER_LENGTH = 3.0  # log-odds for one unit of (a - b)/(a + b)


def wordy(number: int, dice: random.Random, per_length: float) -> Candidates:
    """One answer of each model, the poorer the longer, and the probability that a judge who likes length gives."""
    lengths = {model: max(1, int(WORDS[model] * dice.uniform(0.3, 3))) for model in SKILLS}
    ids = {model: f"r{number}_{place}" for place, model in enumerate(SKILLS)}
    responses = {ids[model]: {"text": f"{model} " + "w " * lengths[model], "model": model} for model in SKILLS}
    signals = []
    models = list(SKILLS)
    for place, one in enumerate(models):
        for other in models[place + 1 :]:
            longer = (lengths[one] - lengths[other]) / (lengths[one] + lengths[other] + 2)
            odds = SKILLS[one] - SKILLS[other] + per_length * longer
            p = 1 / (1 + math.exp(-odds))
            votes = [1.0 if dice.random() < p else 0.0 for _ in ORDERS]
            signals += [
                made.any_signal(len(signals) + each, response_ids=[ids[one], ids[other]], order=order, probability=vote)
                for (order, each), vote in zip(ORDERS, votes, strict=True)
            ]
    return group(number, responses, signals)


def right_share(found: Sequence[Sequence[PairAnswer]], units: Sequence[Candidates]) -> float:
    """The share of labels that prefer the more skilled model."""
    models = {each.response_id: each.model for unit in units for each in unit.responses}
    labels = [pair for pairs in found for pair in pairs]
    assert labels
    return sum(SKILLS[models[each.chosen_id]] > SKILLS[models[each.rejected_id]] for each in labels) / len(labels)


def test_bradley_and_terry_take_a_planted_effect_of_length_out() -> None:
    dice = random.Random(11)
    units = [wordy(number, dice, PER_LENGTH) for number in range(400)]
    (effect,) = BradleyTerry(covariates=("length",)).fit(units)["style"].values()
    assert effect == pytest.approx(PER_LENGTH, abs=0.5)
    plain = right_share(answers(BradleyTerry(covariates=(), pairs="all"), units), units)
    adjusted = right_share(answers(BradleyTerry(covariates=("length",), pairs="all"), units), units)
    assert plain < 0.55
    assert adjusted > plain + 0.15


def test_bradley_and_terry_find_no_effect_where_there_is_none() -> None:
    dice = random.Random(12)
    effects = BradleyTerry().fit([wordy(number, dice, 0.0) for number in range(400)])["style"]
    assert abs(effects["length"]) < 0.4
    assert effects["headers"] == effects["lists"] == effects["bold"] == 0  # no text has any


def test_strengths_are_those_of_the_maximum_likelihood() -> None:
    """Three candidates that differ by 1 in log-odds, told as probabilities: what is told is what is found."""
    odds = {("r1", "r2"): 1.0, ("r2", "r3"): 1.0, ("r1", "r3"): 2.0}
    signals = [
        made.any_signal(number, response_ids=list(duel), probability=1 / (1 + math.exp(-each)))
        for number, (duel, each) in enumerate(odds.items())
    ]
    unit = made.candidates({"r1": "x", "r2": "y", "r3": "z"}, signals)
    (found,) = answers(BradleyTerry(covariates=(), prior=1e-9), [unit])
    (pair,) = found
    assert (pair.chosen_id, pair.rejected_id) == ("r1", "r3")
    assert pair.score_gap == pytest.approx(2.0, abs=0.001)
    assert pair.p_chosen == pytest.approx(1 / (1 + math.exp(-2)), abs=0.001)


# --- residuals -------------------------------------------------------------------------------------------------------


def confounded(number: int, dice: random.Random, per_click: float) -> tuple[Candidates, list[str]]:
    """Four answers rated by their quality and by where they stood on a page; and the answers by quality."""
    ids = [f"r{number}_{place}" for place in range(4)]
    quality = {each: dice.gauss(0, 1) for each in ids}
    clicks = {each: dice.gauss(0, 1) for each in ids}
    prompt_effect = dice.gauss(0, 5)
    signals = []
    for each in ids:
        value = quality[each] + per_click * clicks[each] + prompt_effect
        signals.append(made.any_signal(len(signals), response_ids=[each], name="stars", value=value))
        signals.append(made.any_signal(len(signals), response_ids=[each], name="clicks", value=clicks[each]))
    return group(number, {each: f"text {each}" for each in ids}, signals), sorted(ids, key=lambda each: -quality[each])


def test_residuals_are_freed_of_a_planted_confounder() -> None:
    dice = random.Random(2)
    units, ranks = zip(*(confounded(number, dice, 3.0) for number in range(200)), strict=True)
    strategy = Residualise(aspects=("stars",), covariates=("clicks",))
    for fold in strategy.fit(units)["folds"]:
        assert fold["clicks"] == pytest.approx(3.0, abs=0.15)
    best = [pairs[0].chosen_id == rank[0] for pairs, rank in zip(answers(strategy, units), ranks, strict=True)]
    assert sum(best) / len(best) > 0.9


def test_each_prompt_is_corrected_by_the_others() -> None:
    """What one prompt says changes every fold's regression but its own."""
    dice = random.Random(4)
    units = [confounded(number, dice, 1.0)[0] for number in range(30)]
    strategy = Residualise(aspects=("stars",), covariates=("clicks",), folds=3)
    before = strategy.fit(units)["folds"]
    odd, _ = confounded(3, random.Random(99), 9.0)
    after = strategy.fit([*units[:3], odd, *units[4:]])["folds"]
    changed = [one != other for one, other in zip(before, after, strict=True)]
    assert changed.count(False) == 1
    assert strategy._fold(odd) == changed.index(False)


def test_a_covariate_that_nobody_measured_is_a_mistake() -> None:
    units = [confounded(1, random.Random(1), 1.0)[0]]
    with pytest.raises(RequestError, match="no response has the covariate 'click'"):
        Residualise(aspects=("stars",), covariates=("click", "clicks")).fit(units)


# --- all of them -----------------------------------------------------------------------------------------------------

FITTED: dict[str, Any] = {
    "bradley_terry": BradleyTerry(pairs="all"),
    "dawid_skene": DawidSkene(judges=1, pairs="all"),
    "residualise": Residualise(aspects=("stars",), covariates=("length", "clicks"), pair="all_pairs"),
}


def everything(seed: int) -> list[Candidates]:
    """Prompts with verdicts, and prompts with ratings."""
    dice = random.Random(seed)
    return [
        *(wordy(number, dice, 1.0) for number in range(20)),
        *(confounded(number, dice, 1.0)[0] for number in range(20, 40)),
        *(jury_unit(number, dice)[0] for number in range(40, 60)),
    ]


@pytest.mark.parametrize("name", FITTED)
def test_a_fit_is_the_same_whatever_order_the_rows_come_in(name: str) -> None:
    units = everything(1)
    shuffled = [Candidates(each.unit_id, each.prompt, each.responses[::-1], each.signals[::-1]) for each in units[::-1]]
    strategy = FITTED[name]
    assert canonical_json(strategy.fit(units)) == canonical_json(strategy.fit(shuffled))
    assert answers(strategy, units) == answers(strategy, shuffled)[::-1]


@pytest.mark.parametrize("name", FITTED)
def test_a_label_of_a_fit_says_how_sure_it_is(name: str) -> None:
    units = everything(2)
    found = [pair for pairs in answers(FITTED[name], units) for pair in pairs]
    assert len(found) > 20
    for pair in found:
        assert 0.5 < pair.p_chosen <= 1
        assert 0 <= pair.confidence <= 1
        assert pair.score_gap > 0
        assert pair.rule == name
        assert pair.chosen_id != pair.rejected_id


@pytest.mark.parametrize("name", ["bradley_terry", "dawid_skene"])
def test_the_opposite_of_every_vote_is_the_opposite_of_every_fitted_label(name: str) -> None:
    """Of style too: a judge that liked length dislikes it."""
    units = everything(3)
    opposite = [
        Candidates(
            each.unit_id,
            each.prompt,
            each.responses,
            tuple(
                signal.model_copy(
                    update={
                        "vote": {"a": "b", "b": "a"}.get(signal.vote or ""),
                        "probability": None if signal.probability is None else 1 - signal.probability,
                    }
                )
                for signal in each.signals
            ),
        )
        for each in units
    ]
    one, other = ([pair for pairs in answers(FITTED[name], some) for pair in pairs] for some in (units, opposite))
    turned = {(each.rejected_id, each.chosen_id): each for each in other}
    assert {(each.chosen_id, each.rejected_id) for each in one} == set(turned)
    for pair in one:
        mirror = turned[pair.chosen_id, pair.rejected_id]
        assert pair.p_chosen == pytest.approx(mirror.p_chosen, abs=0.001)
        assert pair.confidence == pytest.approx(mirror.confidence)


@pytest.mark.parametrize("name", FITTED)
def test_nothing_at_all_can_be_fitted(name: str) -> None:
    strategy = FITTED[name]
    fit = strategy.fit([])
    unit = made.candidates({"r1": "x", "r2": "y"}, [])
    assert strategy.answer(unit, fit).reason == "unjudged"


def test_a_library_that_is_not_installed_is_one_sentence() -> None:
    assert library("math", "a test") is math
    with pytest.raises(RequestError, match=r"this test needs crowdkid: pip install 'prefmill\[judging\]'"):
        library("crowdkid.aggregation", "this test")
