"""`prefmill audit RELEASE`, and releases that their recipe's gates hold back for what they teach."""

from __future__ import annotations

import builtins
import importlib.util
import json
from pathlib import Path
from typing import Any

import builds
import pytest
from releases import innocent, plant, said
from typed import Run

from flows.auditing_releases import audit_release
from pipeline.land.files import read_release
from pipeline.land.gates import Gates
from pipeline.land.release import Release
from schemas.errors import RecipeError
from schemas.recipe import read_recipe
from warehouse.address import Address


def long_chosen(count: int = 200) -> list[dict[str, Any]]:
    """Pairs whose chosen answer is always much the longer one."""
    rows = innocent(count)
    for row in rows:
        said(row, "chosen", f"{said(row, 'chosen')} {said(row, 'rejected')}")
    return rows


@pytest.fixture
def two(lake: Address) -> Address:
    """A warehouse with an innocent release and, as the latest, one of long answers."""
    plant(lake, innocent(200), "good")
    plant(lake, long_chosen(), "long")
    return lake


# --- the command -----------------------------------------------------------------------------------------------------


def test_a_release_is_audited_by_its_name_alone(prefmill: Run, two: Address) -> None:
    code, shown, _ = prefmill("audit", "latest")
    assert code == 0
    assert "length · long, 200 pairs" in shown
    assert "what speaks for chosen" in shown
    assert "what held-out pairs share with the splits before theirs" in shown
    assert "compare answers of one length" in " ".join(shown.split())
    assert prefmill("audit", "release", "long")[1] == shown
    assert prefmill("audit", "release")[1] == shown, "the latest, if none is named"
    code, shown, _ = prefmill("audit", "good", "-w", two.root)
    assert code == 0
    assert "compare answers of one length" not in " ".join(shown.split())


def test_scripts_read_every_figure(prefmill: Run, two: Address) -> None:
    told = json.loads(prefmill("audit", "long", "--json")[1])
    figures = {each["name"]: each for each in told["figures"]}
    assert (told["release"], told["pairs"], told["broken"]) == ("long", 200, [])
    assert figures["longer_chosen"] | {"low": 0, "meaning": "", "remedy": ""} == {
        "name": "longer_chosen", "theme": "length", "value": 1.0, "n": 200, "low": 0, "high": 1.0, "bound": 0.65,
        "standing": "over", "meaning": "", "remedy": "",
    }  # fmt: skip
    assert len(told["ngrams"]["chosen"]) == 20
    assert {row["name"] for row in told["tables"]["source_share"]} == {f"shelf{at}" for at in range(4)}


def test_two_releases_are_compared_figure_by_figure(prefmill: Run, two: Address) -> None:
    told = json.loads(prefmill("audit", "long", "--against", "good", "--json")[1])
    changes = {each["name"]: each for each in told["changes"]}
    assert told["against"] == "good"
    length = changes["longer_chosen"]
    assert length["change"]["value"] == pytest.approx(1 - length["there"]["value"])
    assert 0 < length["change"]["low"] < length["change"]["value"] < length["change"]["high"] + 1e-9
    same = changes["source_share"]["change"]
    assert (same["value"], same["low"] < 0 < same["high"]) == (0, True)
    code, shown, _ = prefmill("audit", "long", "--against", "good")
    assert code == 0
    assert "long beside good" in shown
    lines = {line.split("│")[1].strip(): line for line in shown.splitlines() if line.count("│") > 5}
    assert "differs" in lines["longer_chosen"]
    assert "differs" not in lines["source_share"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("lonk", "did you mean `long`?"), ("jugde", "did you mean `judge`?"), ("lates", "did you mean `latest`?")],
)
def test_a_release_that_is_not_there_is_told_with_the_nearest_name(
    prefmill: Run, two: Address, name: str, nearest: str
) -> None:
    code, _, problem = prefmill("audit", name)
    assert code == 2
    assert problem.startswith(f"prefmill: there is no release {name!r}")
    assert nearest in problem
    assert prefmill("audit", "long", "--against", name)[0] == 2


def test_without_a_release_there_is_nothing_to_audit(prefmill: Run, tmp_path: Path) -> None:
    code, _, problem = prefmill("audit", "latest")
    assert (code, "there is no warehouse" in problem) == (2, True)


def test_a_release_whose_file_is_gone_is_told_so(prefmill: Run, two: Address) -> None:
    (two.root / "releases" / "long" / "pairs.parquet").unlink()
    code, _, problem = prefmill("audit", "long")
    assert code == 2
    assert "has lost its file" in problem


def test_a_gate_that_is_not_kept_ends_with_one(prefmill: Run, lake: Address) -> None:
    gates = [
        {"name": "max_length_auc", "wanted": 0.6, "value": 0.5, "passed": True, "sentence": ""},
        {"name": "max_failed_share", "wanted": 0.1, "value": 0.0, "passed": True, "sentence": ""},
        {"name": "max_lists_chosen", "wanted": 0.6, "value": None, "passed": True, "sentence": ""},
        {"name": "min_pairs", "wanted": 1.0, "value": 200.0, "passed": True, "sentence": ""},
    ]
    plant(lake, long_chosen(), gates=gates, figures={"failed_share": 0.0, "pairs": 200.0})
    code, shown, problem = prefmill("audit", "planted", "--json")
    assert code == 1
    assert [gate["name"] for gate in json.loads(shown)["broken"]] == ["max_length_auc"]
    assert problem.startswith("prefmill: release planted does not keep the gates of its recipe: length auc: ")
    assert "compare answers of one length" in problem


def test_without_the_extras_the_rest_is_measured(prefmill: Run, two: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "sklearn", "numba")
    told = json.loads(prefmill("audit", "latest", "--json")[1])
    assert "left out: the n-gram probe needs sklearn: pip install 'prefmill[judging]'" in told["notes"]
    assert "left out: looking for near duplicates needs numba: pip install 'prefmill[dedup]'" in told["notes"]
    names = {each["name"] for each in told["figures"]}
    assert {"length_auc", "leakage", "language_share"} <= names
    assert not {"probe_auc", "near_duplicates_across_splits"} & names


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """A Python in which these libraries are not installed."""
    real, found = importlib.import_module, importlib.util.find_spec

    def missing(name: str) -> bool:
        return name.split(".")[0] in modules

    def load(name: str, package: str | None = None) -> Any:
        if missing(name):
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", load)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if missing(name) else found(name, *more))


# --- gates -----------------------------------------------------------------------------------------------------------


def gated(folder: Path, **gates: float) -> Path:
    landing = {"land/release": {"gates": gates, "splits": {"train": 0.5, "test": 0.5}}}
    return builds.write_recipe(folder, steps=[*builds.STEPS[:-1], landing])


async def test_a_release_is_held_back_for_a_shortcut_and_says_what_to_do(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    built = await builds.run(gated(tmp_path, max_source_share=0.6, max_leakage=0, max_lists_chosen=0.6), documents, lake)
    assert built.landed is not None
    assert built.landed.release.status == "held"
    results = {result.name: result for result in built.landed.gates}
    assert results["max_source_share"].value == 1
    assert "source share: 1, at most 0.6 wanted; add other sources, or cap the largest, or change" in str(built.problem)
    assert results["max_leakage"].passed
    assert results["max_lists_chosen"].sentence == "lists chosen: no case of it, at most 0.6 wanted"
    assert "max_length_auc" not in results
    figures = built.landed.release.figures
    assert figures["source_share"] == 1
    assert {"length_auc", "document_share"} <= set(figures), "what was measured along with it is kept"
    assert not {"probe_auc", "order_flips", "near_duplicates_across_splits"} & set(figures), "what was not asked for is not"
    manifest = read_release(lake.root / built.landed.release.folder)
    assert manifest.figures["source_share"] == 1


async def test_the_figures_of_the_scope_are_those_of_the_file(
    tmp_path: Path, documents: Path, catalog: Address
) -> None:
    """Every part is asked for with a bound that it keeps, or not: the audit of what was written says the same."""
    every = ("length_auc", "order_flips", "language_share", "near_duplicates_across_splits", "topic_share", "always_longest")
    built = await builds.run(gated(tmp_path, **{f"max_{name}": 0.999 for name in every}), documents, catalog)
    assert built.landed is not None
    stored = built.landed.release.figures
    again = audit_release(catalog, built.landed.release.release).report.values
    assert {"length_auc", "order_flips", "language_share"} <= set(stored) & set(again)
    assert {name: again[name] for name in stored if name in again} == {
        name: value for name, value in stored.items() if name in again
    }


async def test_the_same_pairs_again_are_no_new_version(tmp_path: Path, documents: Path, lake: Address) -> None:
    recipe = gated(tmp_path, max_length_auc=0.99, max_order_flips=0.99)
    first = await builds.run(recipe, documents, lake)
    again = await builds.run(recipe, documents, lake)
    assert first.landed is not None
    assert again.landed is not None
    assert again.landed.release == first.landed.release
    assert not again.landed.is_new


@pytest.mark.parametrize(
    ("gate", "module", "extra"),
    [("max_probe_auc", "sklearn", "judging"), ("max_near_duplicates_across_splits", "numba", "dedup")],
)
def test_a_gate_whose_library_is_missing_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: str, module: str, extra: str
) -> None:
    from pipeline.binding import bind

    path = gated(tmp_path, **{gate: 0.7})
    bind(read_recipe(path))
    without(monkeypatch, module)
    with pytest.raises(RecipeError, match=f"the gate `{gate}` needs {module}: pip install 'prefmill\\[{extra}\\]'"):
        bind(read_recipe(path))
    Release(gates=Gates(max_length_auc=0.6))


def test_the_core_is_enough_to_check_gates_that_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def load(name: str, *more: Any, **else_: Any) -> Any:
        assert name.split(".")[0] not in ("numpy", "sklearn", "numba"), name
        return real(name, *more, **else_)

    monkeypatch.setattr(builtins, "__import__", load)
    assert Release(gates=Gates(max_length_auc=0.6, max_order_flips=0.2)).gates.asked == ["length_auc", "order_flips"]
