"""Whole builds in a few words, and what is in a warehouse afterwards."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from flows.build import Built, Job, build, prepare
from pipeline.runner.intake import Sources
from schemas.recipe import read_recipe
from warehouse.address import Address
from warehouse.guest import guest

STEPS: list[Any] = [
    "mine/chunk",
    "mine/qa",
    {"sample/grid": {"draws": 2, "show": "passage"}},
    "sample/gold",
    {"judge/pairwise": {"principle": "grounded"}},
    "select/best_worst",
    "select/exact_duplicates",
    {"land/release": {"splits": {"train": 0.5, "test": 0.5}}},
]
DATA = ("documents", "passages", "prompts", "responses", "signals", "pairs")


def write_recipe(
    folder: Path, *, steps: list[Any] | None = None, models: dict[str, Any] | None = None, name: str = "r"
) -> Path:
    """A recipe file; without models it rehearses, without steps it goes all the way."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    content = {"recipe": name, "models": models or {"default": {"model": "rehearsal"}}, "steps": steps or STEPS}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def job(recipe: Path, sources: Path | list[Path], address: Address, **options: Any) -> Job:
    """A prepared build."""
    places = sources if isinstance(sources, list) else [sources]
    return prepare(read_recipe(recipe), Sources(tuple(map(str, places))), address, **options)


async def run(recipe: Path, sources: Path | list[Path], address: Address, **options: Any) -> Built:
    """Build, without an orchestrator."""
    return await build(job(recipe, sources, address, **options), lambda report: None)


def calls_of(built: Built) -> dict[str, int]:
    """Model calls by step; steps without calls are left out."""
    calls: Counter[str] = Counter()
    for report in built.reports:
        calls[report.step] += report.usage.calls
    return {step: count for step, count in calls.items() if count}


_GUESTS = ExitStack()
_CURSORS: dict[str, Any] = {}


def ask(address: Address, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    """The rows of a query, as a guest; opening a warehouse costs a third of a second, so the guest stays for the test."""
    if address.catalog not in _CURSORS:
        _CURSORS[address.catalog] = _GUESTS.enter_context(guest(address))
    rows: list[tuple[Any, ...]] = _CURSORS[address.catalog].execute(query, values or []).fetchall()
    return rows


def leave() -> None:
    """Send all guests home; `conftest` does so after every test."""
    _CURSORS.clear()
    _GUESTS.close()


def ids(address: Address) -> dict[str, list[str]]:
    """All ids of all data tables, sorted."""
    return {
        table: [row[0] for row in ask(address, f"SELECT {table.removesuffix('s')}_id FROM {table} ORDER BY 1")]
        for table in DATA
    }


def audits(address: Address) -> dict[str, int]:
    """How many rows each audit view has."""
    names = [row[0] for row in ask(address, "SHOW TABLES") if row[0].startswith("audit_")]
    assert len(names) >= 5
    return {name: ask(address, f"SELECT count(*) FROM {name}")[0][0] for name in names}
