"""The identity of a step, in two halves: what must change it, and what must not."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_files import bind_case, load_cases

from pipeline.binding import BoundRecipe, bind
from pipeline.mine.chunk import Chunk
from pipeline.models.choose import choose_all
from pipeline.registry import STRATEGIES
from prompts.library import SHIPPED, shipped_template
from schemas.models import ModelSpec
from schemas.recipe import read_recipe

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "flows" / "recipes" / "quickstart.yaml"
MODELS: dict[str, Any] = {"default": {"model": "m"}, "writer": {"model": "w"}}
STEPS: list[Any] = [
    "mine/chunk",
    {"mine/qa": {"per_passage": 2}},
    {"sample/grid": {"models": ["default", "writer"], "draws": 2}},
    "sample/gold",
    {"judge/pairwise": {"principle": "helpful"}},
    "select/best_worst",
    {"select/salmon_mix": {"principles": "helpful"}},
    {"select/by_principle": {"drop": ["helpful"]}},
    "select/exact_duplicates",
    "land/release",
]

def bound(folder: Path, *, models: dict[str, Any] = MODELS, steps: list[Any] = STEPS, **more: Any) -> BoundRecipe:
    """A bound recipe of these models and steps, written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / more.pop("file", "recipe.yaml")
    path.write_text(yaml.safe_dump({"recipe": "r", "models": models, "steps": steps} | more), encoding="utf-8")
    return bind(read_recipe(path))


def prints(recipe: BoundRecipe) -> dict[str, str]:
    """The fingerprint of every step by its label."""
    return {step.label: step.fingerprint for step in recipe.steps}


def changed(before: BoundRecipe, after: BoundRecipe) -> set[str]:
    """The labels of the steps whose fingerprint differs."""
    one, other = prints(before), prints(after)
    assert one.keys() == other.keys()
    return {label for label in one if one[label] != other[label]}


def with_step(key: str, params: dict[str, Any]) -> list[Any]:
    """The steps with other parameters for one of them, in place of those it had."""
    names = [step if isinstance(step, str) else next(iter(step)) for step in STEPS]
    return [{key: params} if name == key else step for name, step in zip(names, STEPS, strict=True)]


# --- must change ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("mine/chunk", {"tokens": 200}),
        ("mine/chunk", {"least": 0}),
        ("mine/chunk", {"depth": 1}),
        ("mine/qa", {"per_passage": 3}),
        ("mine/qa", {"per_passage": 2, "temperature": 0.5}),
        ("mine/qa", {"per_passage": 2, "max_tokens": 2048}),
        ("sample/grid", {"models": ["default", "writer"], "draws": 3}),
        ("sample/grid", {"models": ["default", "writer"], "draws": 2, "temperatures": [0.8, 1.0]}),
        ("sample/grid", {"models": ["default", "writer"], "draws": 2, "top_p": 0.9}),
        ("sample/grid", {"models": ["default", "writer"], "draws": 2, "max_tokens": 100}),
        ("sample/grid", {"models": ["default", "writer"], "draws": 2, "show": "passage"}),
        ("sample/grid", {"models": ["default", "writer"], "draws": 2, "role": "student"}),
        ("sample/grid", {"models": ["writer", "default"], "draws": 2}),
        ("judge/pairwise", {"principle": "honest"}),
        ("judge/pairwise", {"principle": "helpful", "facts": "passage"}),
        ("judge/pairwise", {"principle": "helpful", "facts": "reference"}),
        ("judge/pairwise", {"principle": "helpful", "control": True}),
        ("judge/pairwise", {"principle": "helpful", "by": "likelihood"}),
        ("judge/pairwise", {"principle": "helpful", "by": "votes", "votes": 3, "temperature": 1.0}),
        ("judge/pairwise", {"principle": "helpful", "labels": ["1", "2"]}),
        ("judge/pairwise", {"principle": "helpful", "ties": "refused"}),
        ("judge/pairwise", {"principle": "helpful", "reasoning": "none"}),
        ("judge/pairwise", {"principle": "helpful", "preamble": "detailed"}),
        ("judge/pairwise", {"principle": "helpful", "examples": "harmless"}),
        ("judge/pairwise", {"principle": "helpful", "temperature": 1.0}),
        ("judge/pairwise", {"principle": "helpful", "max_tokens": 64}),
        ("judge/pairwise", {"principle": "helpful", "model": "writer"}),
        ("select/best_worst", {"min_gap": 0.1}),
        ("select/salmon_mix", {"principles": "helpful", "seed": 1}),
        ("select/salmon_mix", {"principles": "honest"}),
        ("select/by_principle", {"drop": ["honest"]}),
        ("select/exact_duplicates", {"on": "prompt"}),
    ],
)
def test_every_parameter_changes_its_own_step_alone(tmp_path: Path, key: str, params: dict[str, Any]) -> None:
    assert changed(bound(tmp_path / "a"), bound(tmp_path / "b", steps=with_step(key, params))) == {key}


@pytest.mark.parametrize("key", [key for key in STRATEGIES if not key.startswith("land/")])
def test_all_parameters_are_hashed_defaults_included(key: str) -> None:
    """Otherwise a default that changes in the code would keep its old identity."""
    step = bind_case(key, load_cases()[key][0])
    fields = {field.name for field in dataclasses.fields(step.strategy)}
    assert set(step.identity["params"]) == fields - {"model", "models"}
    assert json.loads(json.dumps(step.identity)) == step.identity


def test_another_version_of_a_strategy_is_another_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bound(tmp_path)
    monkeypatch.setattr(Chunk, "version", Chunk.version + 1)
    assert changed(before, bound(tmp_path)) == {"mine/chunk"}


@pytest.mark.parametrize(
    ("alias", "change", "steps"),
    [
        ("default", {"model": "other"}, {"mine/qa", "sample/grid", "judge/pairwise"}),
        ("default", {"model": "m", "revision": "abc"}, {"mine/qa", "sample/grid", "judge/pairwise"}),
        ("default", {"model": "m", "options": {"top_k": 5}}, {"mine/qa", "sample/grid", "judge/pairwise"}),
        ("writer", {"model": "w2"}, {"sample/grid"}),
        ("writer", {"model": "w", "options": {"stop": ["\n"]}}, {"sample/grid"}),
    ],
)
def test_another_model_changes_the_steps_that_ask_it(
    tmp_path: Path, alias: str, change: dict[str, Any], steps: set[str]
) -> None:
    assert changed(bound(tmp_path / "a"), bound(tmp_path / "b", models=MODELS | {alias: change})) == steps


def own_prompt(folder: Path, name: str, edit: str = "", *, about: str = "") -> str:
    """A copy of the judge's prompt, edited, by its path from `folder`."""
    text = (SHIPPED / "judge" / "pairwise.md").read_text(encoding="utf-8")
    head, body = text.split("---\n", 2)[1:]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"---\n{about or head}---\n{body}{edit}", encoding="utf-8")
    return name


def judged(prompt: str | None = None, principle: str = "helpful") -> list[Any]:
    """The steps with another prompt or principle for the judge."""
    return with_step("judge/pairwise", {"principle": principle} | ({"prompt": prompt} if prompt else {}))


def test_other_words_in_a_prompt_change_its_step(tmp_path: Path) -> None:
    own_prompt(tmp_path, "own.md", "\nThink twice.")
    assert changed(bound(tmp_path), bound(tmp_path, steps=judged("own.md"))) == {"judge/pairwise"}


def own_principle(folder: Path, name: str, definition: str) -> str:
    """A principle of one's own, by its path from `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(yaml.safe_dump({"name": "kind", "definition": definition, "negation": "It is not."}))
    return name


def test_other_words_in_a_principle_change_its_step(tmp_path: Path) -> None:
    own_principle(tmp_path, "kind.yaml", "The better answer is kind.")
    before = bound(tmp_path, steps=judged(principle="kind.yaml"))
    own_principle(tmp_path, "kind.yaml", "The better answer is kinder.")
    assert changed(before, bound(tmp_path, steps=judged(principle="kind.yaml"))) == {"judge/pairwise"}


# --- must not change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "machinery",
    [
        {"engine": "openai"},
        {"engine": "vllm"},
        {"base_url": "http://127.0.0.1:8000/v1"},
        {"api_key_env": "MY_KEY"},
        {"concurrency": 7},
        {"timeout_seconds": 3.0},
        {"attempts": 2},
        {"price": {"input": 1.0, "output": 2.0}},
        {"engine_options": {"tensor_parallel_size": 2}},
        {"licence": "apache-2.0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_machinery_changes_nothing(tmp_path: Path, machinery: dict[str, Any]) -> None:
    models = {alias: spec | machinery for alias, spec in MODELS.items()}
    assert changed(bound(tmp_path / "a"), bound(tmp_path / "b", models=models)) == set()


def test_every_field_of_a_model_is_either_identity_or_machinery() -> None:
    """A new field has to be put on one side on purpose: add it to the tests above, then here."""
    machinery = {
        "engine",
        "base_url",
        "api_key_env",
        "concurrency",
        "timeout_seconds",
        "attempts",
        "price",
        "engine_options",
        "licence",
    }
    assert set(ModelSpec.model_fields) - set(ModelSpec().identity()) == machinery


def test_what_a_model_is_called_in_the_recipe_changes_nothing(tmp_path: Path) -> None:
    models = {"default": {"model": "m"}, "author": {"model": "w"}}
    steps = with_step("sample/grid", {"models": ["default", "author"], "draws": 2})
    assert changed(bound(tmp_path / "a"), bound(tmp_path / "b", models=models, steps=steps)) == set()


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("mine/chunk", {"tokens": Chunk().tokens, "least": Chunk().least, "depth": Chunk().depth}),
        ("mine/qa", {"per_passage": 2, "temperature": 0}),
        ("sample/grid", {"draws": 2, "models": ["default", "writer"], "temperatures": [0.8], "top_p": 1}),
        ("select/best_worst", {"min_gap": 0.0}),
    ],
)
def test_a_default_spelled_out_is_the_default(tmp_path: Path, key: str, params: dict[str, Any]) -> None:
    assert changed(bound(tmp_path / "a"), bound(tmp_path / "b", steps=with_step(key, params))) == set()


def test_names_places_and_words_about_the_recipe_change_nothing(tmp_path: Path) -> None:
    other = bound(tmp_path / "elsewhere", file="other.yml", about="Something else.", paper="arXiv 1", recipe="renamed")
    assert changed(bound(tmp_path), other) == set()


def test_where_a_prompt_lies_and_what_its_head_says_change_nothing(tmp_path: Path) -> None:
    """A copy of the shipped prompt is the shipped prompt: its text counts."""
    own_prompt(tmp_path, "deep/copy.md")
    inputs = f"inputs: [{', '.join(reversed(shipped_template('judge/pairwise').inputs))}]\n"
    own_prompt(tmp_path, "retold.md", about=f"about: In other words.\n{inputs}")
    before = bound(tmp_path)
    assert changed(before, bound(tmp_path, steps=judged("deep/copy.md"))) == set()
    assert changed(before, bound(tmp_path, steps=judged("retold.md"))) == set()


def test_where_a_principle_lies_changes_nothing(tmp_path: Path) -> None:
    one, other = own_principle(tmp_path, "a.yaml", "Be kind."), own_principle(tmp_path, "b.yaml", "Be kind.")
    before = bound(tmp_path, steps=judged(principle=one))
    assert changed(before, bound(tmp_path, steps=judged(principle=other))) == set()


def test_steps_before_and_after_change_nothing(tmp_path: Path) -> None:
    """A step is what it does; what it is done to is in the ids of its units."""
    whole = prints(bound(tmp_path / "a"))
    part = prints(bound(tmp_path / "b", steps=STEPS[:4]))
    assert part.items() <= whole.items()


def test_the_engine_of_the_command_line_changes_nothing_but_for_a_rehearsal(tmp_path: Path) -> None:
    """What the rehearsal model writes in another's place is not that other's answer."""
    recipe = bound(tmp_path)
    for engine in ("openai", "vllm"):
        chosen = choose_all(recipe.models, engine=engine)
        assert changed(recipe, bind(recipe.file, {alias: each.spec for alias, each in chosen.items()})) == set()
    rehearsed = {alias: each.spec for alias, each in choose_all(recipe.models, engine="rehearsal").items()}
    assert changed(recipe, bind(recipe.file, rehearsed)) == {"mine/qa", "sample/grid", "judge/pairwise"}


PRINT_ALL = """
import json, sys
from pathlib import Path
from pipeline.binding import bind
from schemas.recipe import read_recipe
print(json.dumps({step.label: step.fingerprint for step in bind(read_recipe(Path(sys.argv[1]))).steps}))
"""


def test_another_process_with_another_hash_seed_agrees(tmp_path: Path) -> None:
    """Sets and dictionaries of other processes come in another order; elsewhere is another working directory."""
    bound(tmp_path)
    path = str(tmp_path / "recipe.yaml")
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PRINT_ALL, path],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "TZ": zone},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, zone in (("1", "UTC"), ("4242", "Asia/Tokyo"))
    ]
    answers = [json.loads(run.communicate(timeout=60)[0]) for run in runs]
    assert answers == [prints(bound(tmp_path))] * 2
