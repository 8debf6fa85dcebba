"""Builds, releases, traces and strategies as plain values, for `--json` and for tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pipeline.registry import STRATEGIES

if TYPE_CHECKING:
    from flows.build import Built
    from warehouse.lineage import Node, Trace
    from warehouse.releases import ReleaseRow


def build_as_dict(built: Built) -> dict[str, Any]:
    """What a script wants to know of a build."""
    return {
        "build": built.build_id,
        "status": "done" if built.problem is None else type(built.problem).__name__.lower(),
        "message": str(built.problem or ""),
        "calls": built.calls,
        "units_done": built.done,
        "units_pending": built.deferred,
        "release": None
        if built.landed is None
        else {**release_as_dict(built.landed.release), "is_new": built.landed.is_new},
        "funnel": [dataclasses.asdict(row) for row in built.funnel],
    }


def release_as_dict(row: ReleaseRow) -> dict[str, Any]:
    """One release."""
    return dataclasses.asdict(row)


def trace_as_dict(trace: Trace) -> dict[str, Any]:
    """A lineage trace, nested as it is."""
    return {
        "above": [_node_as_dict(node) for node in trace.above],
        "node": _node_as_dict(trace.node),
        "refused": trace.refused,
        "releases": trace.releases,
        "noted": trace.noted,
        "revoked": trace.revoked,
    }


def as_dicts(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows of a dataclass, one by one."""
    return [dataclasses.asdict(row) for row in rows]


def strategy_rows() -> list[dict[str, str]]:
    """Every strategy: what it works on, what it makes, its first line, its parameters with their defaults."""
    return [
        {
            "strategy": key,
            "unit": works_on(strategy),
            "makes": _makes(key, strategy),
            "about": (strategy.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " "),
            "parameters": ", ".join(map(_parameter, dataclasses.fields(strategy))),
        }
        for key, strategy in STRATEGIES.items()
    ]


def works_on(strategy: type[Any]) -> str:
    """The kind of unit of a strategy in words; of one that a recipe may set to work on several tables, all of them."""
    unit = getattr(strategy, "unit", None)
    if isinstance(unit, str):
        return unit.replace("_", " ")
    only = getattr(strategy, "of", None)
    tables = (only,) if isinstance(only, str) else get_args(get_type_hints(strategy)["of"])
    return ("all " if hasattr(strategy, "sift") else "") + ", ".join(tables)


def _makes(key: str, strategy: type[Any]) -> str:
    """What comes of a strategy's answers."""
    if key.startswith("land/"):
        return "a release"
    makes = getattr(strategy, "makes", None)
    return makes if isinstance(makes, str) and not getattr(strategy, "sifts", False) else "decisions"


def _parameter(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"{field.name}={field.default!r}"
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.name}={field.default_factory()!r}"
    return field.name


def _node_as_dict(node: Node) -> dict[str, Any]:
    return {
        "table": node.table,
        "id": node.id,
        "row": node.row,
        "outcome": node.outcome,
        "children": [_node_as_dict(child) for child in node.children],
        "left_out": node.left_out,
    }
