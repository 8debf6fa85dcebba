"""A judge run over labelled data through the ordinary ledger, and audited from rows alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builds
import pytest
import scripted
from typer.testing import CliRunner

from flows.auditing import audit_job, audit_recipe, evidence_of_build, evidence_of_release
from flows.build import Built, build
from flows.cli import app
from pipeline.audit import accuracy, agreement, length, position
from pipeline.audit.evidence import Evidence, settled
from pipeline.audit.table import audit
from pipeline.audit.verdicts import judged_pairs
from schemas.errors import RecipeError, RequestError, Transient
from schemas.recipe import read_recipe
from schemas.requests import Call, Completion
from warehouse.address import Address

EXACT: dict[str, Any] = {"default": {"model": "rehearsal", "options": {"noise": 0, "position_bias": 0, "misquote": 0}}}
NAMES = ("wheel", "stone", "river", "hopper", "sluice", "axle", "sack", "gear", "weir", "sail")


def labelled(path: Path, *, wrong: int = 2, bad: int = 1) -> Path:
    """Ten questions; the answer that repeats the question is right by the judge's rule, and by the label but for `wrong`."""
    rows = []
    for number, name in enumerate(NAMES):
        question = f"What does the {name} of the old mill do all day long?"
        good, worse = (
            f"The {name} of the old mill does it all day long.",
            f"Nobody can tell, {name}." + " Alas." * (number % 4 * 5),
        )
        is_first = number % 3 == 0
        label = "a" if is_first != (number < wrong) else "b"
        rows.append(
            {
                "id": f"q{number}",
                "prompt": question,
                "response_a": good if is_first else worse,
                "response_b": worse if is_first else good,
                "label": label,
                "category": ("dry", "wet")[number % 2],
            }
        )
    rows += [{"id": "bad", "prompt": "Q", "response_a": "x", "response_b": "y", "label": "?"}] * bad
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


async def run(recipe: Path, place: Path, address: Address, **options: Any) -> Built:
    """Run the judges of a recipe over labelled data."""
    options = {"engine": None, "layout": None, "limit": None, **options}
    return await build(audit_job(read_recipe(recipe), str(place), address, **options), lambda report: None)


def figures(evidence: Evidence) -> dict[str, float]:
    """The figures of the only judge."""
    (judge,) = audit(evidence).judges
    return {figure.name: figure.value for figure in judge.figures}


async def test_planted_labels_are_found_and_asked_about_once(tmp_path: Path, lake: Address) -> None:
    recipe, place = builds.write_recipe(tmp_path, models=EXACT), labelled(tmp_path / "pairs.jsonl")
    first = await run(recipe, place, lake)
    assert first.problem is None
    assert builds.calls_of(first) == {"judge/pairwise": 20}
    evidence = evidence_of_build(lake, first.build_id)
    found = figures(evidence)
    assert found["accuracy"] == 0.8  # two labels are planted wrong
    assert (found["position_consistency"], found["coverage"], found["ties"]) == (1, 1, 0)
    assert evidence.datasets == {"plain_pair"}
    assert {verdict.category for verdict in evidence.verdicts} == {"dry", "wet"}
    assert evidence.notes[0].startswith("1 row could not be read")
    assert "the label is '?'" in evidence.notes[0]
    again = await run(recipe, place, lake)
    assert builds.calls_of(again) == {}
    assert figures(evidence_of_build(lake, again.build_id)) == found
    assert set(builds.audits(lake).values()) == {0}
    assert builds.ask(lake, "SELECT DISTINCT kind FROM builds") == [("audit",)]


async def test_a_larger_limit_pays_only_for_what_is_new(tmp_path: Path, lake: Address) -> None:
    recipe, place = builds.write_recipe(tmp_path, models=EXACT), labelled(tmp_path / "pairs.jsonl", bad=0)
    few = await run(recipe, place, lake, limit=4)
    assert builds.calls_of(few) == {"judge/pairwise": 8}
    assert len(evidence_of_build(lake, few.build_id).verdicts) == 8
    all_of_them = await run(recipe, place, lake)
    assert builds.calls_of(all_of_them) == {"judge/pairwise": 12}
    assert len(evidence_of_build(lake, all_of_them.build_id).verdicts) == 20


async def test_the_best_of_four_is_judged_two_at_a_time(tmp_path: Path, lake: Address) -> None:
    def item(number: int, subset: str, item_id: str, right: int) -> dict[str, Any]:
        name = NAMES[number]
        question = f"What does the {name} of the old mill do all day long?"
        good = [
            f"The {name} of the old mill does it all day long.",
            f"All day long the {name} of the old mill does it.",
        ]
        wrong = [f"The {name}.", "Nobody knows it.", "It depends on many further considerations."]
        return {
            "id": item_id,
            "prompt": question,
            "chosen": good[:right],
            "rejected": wrong,
            "subset": subset,
            "num_correct": right,
        }

    rows = [
        item(0, "Math", "1", 1),
        item(1, "Focus", "2", 1),
        item(2, "Ties", "ref:1", 1),
        item(2, "Ties", "tied:1", 2),
    ]
    (tmp_path / "rb2.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    built = await run(builds.write_recipe(tmp_path, models=EXACT), tmp_path / "rb2.jsonl", lake)
    assert builds.calls_of(built) == {"judge/pairwise": 2 * (6 + 6 + 6 + 10)}
    found = figures(evidence_of_build(lake, built.build_id))
    assert (found["rewardbench2"], found["rewardbench2_errors"]) == (1.0, 0.0)
    assert found["rewardbench2_ties"] > 1  # the right answers win all, and tie with each other


async def test_an_interrupted_audit_goes_on_and_pays_nothing_twice(
    tmp_path: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = True

    async def answer(call: Call) -> Completion:
        if down and len(log.calls) > 9:
            raise Transient("the server is down")
        return await scripted.rehearse(call)

    log = scripted.install(monkeypatch, answer)
    models = {"default": {"model": "m", "engine": "openai", "base_url": "http://127.0.0.1:9/v1", "concurrency": 2}}
    recipe, place = builds.write_recipe(tmp_path, models=models), labelled(tmp_path / "pairs.jsonl")
    first = await run(recipe, place, lake)
    assert first.problem is not None
    done = builds.ask(lake, "SELECT sum(calls)::BIGINT FROM outcomes WHERE step = 'judge/pairwise'")[0][0]
    assert 0 < done < 20
    builds.leave()
    down = False
    second = await run(recipe, place, lake)
    assert second.problem is None
    assert builds.calls_of(second) == {"judge/pairwise": 20 - done}
    assert figures(evidence_of_build(lake, second.build_id))["accuracy"] == 0.8


async def test_audited_pairs_reach_no_release(tmp_path: Path, lake: Address) -> None:
    recipe = builds.write_recipe(tmp_path, models=EXACT)
    await run(recipe, labelled(tmp_path / "pairs.jsonl"), lake)
    (tmp_path / "docs").mkdir()
    text = "# Mill\n\nThe river turns the wheel of the mill.\n\nThe stone grinds the grain into flour.\n"
    (tmp_path / "docs" / "a.md").write_text(text, encoding="utf-8")
    built = await builds.run(recipe, tmp_path / "docs", lake)
    assert built.landed is not None
    uris = "SELECT DISTINCT d.uri FROM latest_pairs p JOIN documents d USING (document_id)"
    assert [row[0].rpartition("/")[2] for row in builds.ask(lake, uris)] == ["a.md"]


async def test_a_release_is_audited_without_a_call(tmp_path: Path, lake: Address) -> None:
    (tmp_path / "docs").mkdir()
    for name in NAMES:
        text = f"# The {name}\n\nThe {name} of the mill is old and heavy.\n\nEvery {name} was made of oak by hand.\n"
        (tmp_path / "docs" / f"{name}.md").write_text(text, encoding="utf-8")
    recipe = builds.write_recipe(tmp_path)
    built = await builds.run(recipe, tmp_path / "docs", lake)
    calls = builds.ask(lake, "SELECT sum(calls)::BIGINT, count(*) FROM outcomes")
    evidence = evidence_of_release(lake, "latest")
    assert len(evidence.verdicts) == builds.ask(lake, "SELECT count(*) FROM signals")[0][0]
    found = figures(evidence)
    assert "accuracy" not in found  # nobody has labelled it
    ((consistency,),) = builds.ask(lake, "SELECT position_consistency FROM judge_consistency")
    assert found["position_consistency"] == pytest.approx(consistency)
    assert builds.ask(lake, "SELECT sum(calls)::BIGINT, count(*) FROM outcomes") == calls
    builds.leave()
    again = await builds.run(recipe, tmp_path / "docs", lake)
    assert builds.calls_of(again) == {}
    assert built.landed is not None
    # Verdicts on answers that an earlier recipe sampled are no part of a later release.
    steps = [
        {"sample/grid": {"draws": 1, "show": "passage"}} if "sample/grid" in step else step for step in builds.STEPS
    ]
    other = builds.write_recipe(tmp_path / "other", steps=steps, name="fewer")
    builds.leave()
    fewer = await builds.run(other, tmp_path / "docs", lake)
    units = sum(row.rows for row in fewer.funnel if row.step == "judge/pairwise")
    assert len(evidence_of_build(lake, fewer.build_id).verdicts) == units
    assert 0 < units < len(evidence.verdicts)


# --- the views say what the functions say ------------------------------------------------------------------------------


async def test_each_view_is_the_python_metric_on_the_same_rows(tmp_path: Path, lake: Address) -> None:
    noisy = {"model": "rehearsal", "options": {"noise": 0.2, "position_bias": 0.3}}
    models = {"default": noisy, "second": {**noisy, "model": "rehearsal:other"}}
    steps = [
        {"judge/pairwise": {"principle": "grounded", "facts": "nothing"}},
        {"judge/pairwise": {"principle": "grounded", "facts": "nothing", "model": "second"}},
    ]
    before = ["mine/chunk", "mine/qa", "sample/gold"]
    recipe = builds.write_recipe(tmp_path, models=models, steps=[*before, *steps])
    rows = [json.loads(line) for line in labelled(tmp_path / "pairs.jsonl", bad=0).read_text().splitlines()]
    rows = [
        {**row, "model_a": "rehearsal", "model_b": "other", "response_b": row["response_b"] + "!" * (at % 3)}
        for at, row in enumerate(rows)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    built = await run(recipe, tmp_path / "pairs.jsonl", lake)
    evidence = evidence_of_build(lake, built.build_id)
    calls = {
        name: [each for each in evidence.verdicts if each.judge == name]
        for name in {each.judge for each in evidence.verdicts}
    }
    assert len(calls) == 2
    judged = {name: judged_pairs(each) for name, each in calls.items()}
    for name in calls:
        _views_agree(lake, name, calls[name], judged)
    assert builds.ask(lake, "SELECT DISTINCT evaluator, against FROM judge_self_preference ORDER BY 2") == [
        ("rehearsal", "gold labels"),
        ("rehearsal", "other judges"),
    ]
    one, other = sorted(judged)
    votes = {name: {pair.pair_id: pair.choice for pair in judged[name] if pair.choice} for name in judged}
    wanted = agreement.agreement(votes[one], votes[other])
    assert wanted is not None
    ((raw, kappa, n),) = builds.ask(lake, "SELECT agreement, kappa, pairs FROM judge_agreement")
    assert (raw, kappa, n) == (pytest.approx(wanted.raw), pytest.approx(wanted.kappa), wanted.n)


def _views_agree(lake: Address, name: str, calls: list[Any], judged: dict[str, Any]) -> None:
    def row(columns: str, view: str, where: str = "true") -> Any:
        (found,) = builds.ask(lake, f"SELECT {columns} FROM {view} WHERE evaluator = '{name}' AND {where}")
        return found

    right = accuracy.accuracy(judged[name])
    assert right is not None
    said = row('accuracy, low, high, "read"', "judge_accuracy", "category IS NULL")
    assert said == pytest.approx((right.value, right.low, right.high, right.n))
    for category, share in accuracy.by_category(judged[name]).items():
        assert row("accuracy", "judge_accuracy", f"category = '{category}'") == pytest.approx((share.value,))
    place = position.position(calls)
    assert place.consistency is not None
    found = row("position_consistency, coalesce(preference_fairness, 0)", "judge_consistency")
    assert found == pytest.approx((place.consistency.value, place.fairness))
    replies = position.replies(calls)
    assert replies.ties is not None
    assert replies.readable is not None
    assert replies.abstained is not None
    wanted = (replies.ties.value, replies.readable.value, replies.abstained.value)
    assert row("tie_rate, readable_rate, abstention_rate", "judge_ties") == pytest.approx(wanted)
    longer, floor = length.longer_chosen(judged[name]), length.longer_is_gold(judged[name])
    assert longer is not None
    assert floor is not None
    assert row("longer_chosen, always_longest", "judge_length") == pytest.approx((longer.value, floor.value))
    others = {other: pairs for other, pairs in judged.items() if other != name}
    own = agreement.self_preference(name, judged[name], others)
    if own is not None:
        found = row(
            "own_wins, wins_elsewhere, self_preference, pairs", "judge_self_preference", f"against = '{own.against}'"
        )
        assert found == pytest.approx((own.own, own.others, own.excess, own.n))
        alone = agreement.self_preference(name, judged[name], {})
        assert alone is not None
        found = row("own_wins, wins_elsewhere", "judge_self_preference", "against = 'gold labels'")
        assert found == pytest.approx((alone.own, alone.others))


async def test_stability_and_gold_labels_as_views(lake: Address, tmp_path: Path) -> None:
    """Rows that no shipped step makes: repeats, abstentions, votes of several people, scores."""
    from warehouse.store import Store

    store = Store.open(lake)

    def signals(cursor: Any) -> None:
        said = [("ab", 0, "a"), ("ab", 1, "a"), ("ab", 2, "b"), ("ba", 0, "tie"), ("ba", 1, "tie"), ("ba", 2, None)]
        for number, (order, draw, vote) in enumerate(said):
            vote_word = "NULL" if vote is None else f"'{vote}'"
            cursor.execute(
                "INSERT INTO lake.signals VALUES "
                f"('s{number}', 'u', 'f', 'd', 'q', ['x', 'y'], 'helpful', 'judge', '{order}', {draw}, {vote_word}, NULL, NULL, "
                f"{vote is None}, NULL, '')"
            )
        for number, (annotator, vote) in enumerate([("p1", "a"), ("p2", "a"), ("p3", "tie"), ("p4", "b")]):
            cursor.execute(
                "INSERT INTO lake.labels VALUES "
                f"('v{number}', 'u', 'g', 'd', 'q', ['x', 'y'], '{annotator}', NULL, '{vote}', NULL, NULL, NULL)"
            )
        for answer, score in (("m", 1.0), ("n", 0.0), ("o", 1.0)):
            cursor.execute(
                "INSERT INTO lake.labels VALUES "
                f"('c{answer}', 'u', 'g', 'd', 'r', ['{answer}'], 'gold', NULL, NULL, NULL, {score}, NULL)"
            )

    try:
        await store.write(signals)
    finally:
        store.close()
    assert builds.ask(lake, "SELECT questions, calls, repetition_stability FROM judge_stability") == [
        (2, 5, pytest.approx((2 / 3 + 1) / 2))
    ]
    assert builds.ask(lake, "SELECT abstained, unreadable, ties FROM judge_ties") == [(1, 0, 2)]
    gold = dict(builds.ask(lake, "SELECT array_to_string(response_ids, ' '), gold FROM gold_labels"))
    assert gold == {"x y": "a", "m n": "a", "m o": "tie", "n o": "b"}
    assert settled({"p1": "a", "p2": "a", "p3": "tie", "p4": "b"}) == "a"


# --- what is asked for --------------------------------------------------------------------------------------------------


def test_only_judges_are_taken_from_a_recipe(tmp_path: Path) -> None:
    path = builds.write_recipe(tmp_path)
    file = audit_recipe(read_recipe(path))
    assert [step.strategy for step in file.recipe.steps] == [
        "mine/labelled",
        "sample/labelled",
        "judge/labelled",
        "judge/pairwise",
    ]
    assert file.recipe.recipe == "r.audit"
    ours, theirs = read_recipe(path).lines, file.lines
    assert theirs["steps", 3, "principle"] == ours["steps", 4, "principle"]
    without = builds.write_recipe(tmp_path / "w", steps=["mine/chunk", "mine/qa", "sample/gold"])
    with pytest.raises(RequestError, match="has no judge to audit on labelled data"):
        audit_recipe(read_recipe(without))
    wrong = builds.write_recipe(
        tmp_path / "x", steps=["mine/chunk", "mine/qa", "sample/gold", {"judge/pairwise": {"principle": "no"}}]
    )
    with pytest.raises(RecipeError):
        audit_recipe(read_recipe(wrong))


def invoke(*arguments: str) -> Any:
    """The command line with `arguments`."""
    return CliRunner().invoke(app, list(arguments))


def test_the_command_prints_a_table_and_saves_a_calibration(tmp_path: Path, lake: Address) -> None:
    place, recipe = labelled(tmp_path / "pairs.jsonl"), builds.write_recipe(tmp_path, models=EXACT)
    common = ["audit", "judge", "--labels", str(place), "--recipe", str(recipe), "-w", str(lake.root)]
    done = invoke(*common, "--save-calibration", str(tmp_path / "c.json"))
    assert done.exit_code == 0, done.output
    assert "position_consistency" in done.output
    assert set(json.loads((tmp_path / "c.json").read_text())) == {"name", "x", "y"}
    done = invoke(*common, "--calibration", str(tmp_path / "c.json"), "--json")
    (judge,) = json.loads(done.stdout)["judges"]
    found = {figure["name"]: figure["value"] for figure in judge["figures"]}
    assert found["accuracy"] == 0.8
    assert found["calibration_error_applied"] < found["calibration_error"]
    done = invoke(
        "audit",
        "judge",
        "--labels",
        str(place),
        "--limit",
        "3",
        "--recipe",
        str(recipe),
        "-w",
        str(lake.root),
        "--json",
    )
    assert json.loads(done.stdout)["judges"][0]["pairs"] == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "nothing to audit"),
        (["--release", "latest", "--labels", "x"], "leave out --labels"),
        (["--verdicts", "x", "--limit", "3"], "--limit is for asking a judge"),
        (["--release", "latest", "--recipe", "quickstart"], "--recipe is for asking a judge"),
        (["--verdicts", "x", "--layout", "hh"], "--layout is that of --labels"),
        (["--labels", "nowhere.jsonl"], "does not exist"),
        (["--labels", "{file}", "--layout", "plan_pair"], "did you mean `plain_pair`"),
        (["--labels", "{file}", "--recipe", "quikstart"], "did you mean `quickstart`"),
        (["--labels", "{file}", "--calibration", "{file}"], "is not a calibration"),
    ],
)
def test_a_wrong_request_is_one_sentence(arguments: list[str], why: str, tmp_path: Path) -> None:
    file = str(labelled(tmp_path / "pairs.jsonl"))
    done = invoke("audit", "judge", *(each.format(file=file) for each in arguments), "-w", str(tmp_path / "lake"))
    assert isinstance(done.exception, RequestError)
    assert why in str(done.exception)


def test_a_calibration_of_two_judges_is_refused(tmp_path: Path) -> None:
    rows = [
        {"judge": judge, "pair_id": str(number), "choice": "a", "gold": "a"} for judge in "xy" for number in range(12)
    ]
    (tmp_path / "v.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = invoke(
        "audit", "judge", "--verdicts", str(tmp_path / "v.jsonl"), "--save-calibration", str(tmp_path / "c.json")
    )
    assert "here are 2 (x, y)" in str(done.exception)
