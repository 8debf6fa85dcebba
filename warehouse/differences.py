"""What differs between two releases: their pairs, each change with its reason, their recipes, steps, gates and figures.

All of it is asked in SQL of all pairs at once, of the tables as they are now: rows are never changed, so the answer is the
same at any time, and of releases that were held back or withdrawn too. Nothing is written.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import RequestError
from warehouse.address import Address
from warehouse.connection import LAKE, connect, literal, rows_of
from warehouse.difference_matches import LABEL, count, match_answers, match_notes, match_texts, part
from warehouse.difference_reasons import Side, differing, explain, side_of
from warehouse.releases import ReleaseRow, find_release

MEMORY_LIMIT = "1500MB"
KINDS = ("added", "removed", "flipped", "relabelled", "text_changed", "moved")
"""What can have become of a pair: it is only in the second release, or only in the first; the other answer is the chosen one;
the winner is the same and its numbers, rule, weight or flags are others; the question of a document has other answers; it is
in another split, which is counted beside the other kinds and must not happen."""
CHANGES = """
SELECT 'removed' AS kind, reason, step, detail, pair_id AS a, NULL AS b FROM lost_why ANTI JOIN matched m ON m.a = pair_id
UNION ALL SELECT 'added', reason, step, detail, NULL, pair_id FROM new_why
UNION ALL SELECT m.kind, w.reason, w.step, coalesce(w.detail, m.detail), m.a, m.b
    FROM matched m JOIN lost_why w ON w.pair_id = m.a
UNION ALL SELECT 'relabelled', 'label', NULL, detail, a, b FROM noted
UNION ALL SELECT 'moved', 'label', NULL, split_a || ' to ' || split_b, pair_id, pair_id FROM either WHERE split_a <> split_b
UNION ALL SELECT 'moved', 'label', NULL, split_a || ' to ' || split_b, a, b FROM matched WHERE split_a <> split_b
"""


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs that changed in one way for one reason.

    `reason` is one of `REASONS`, or `label` for what differs on the same rows; `step` the step it lies with; `detail` a
    step's own reason code, a revocation's id, what of a label or split differs, or for a step that differs whether it was
    `changed`, `added` or `taken_out`. Examples have `a` and `b`, the pair in either release with its texts, or None.
    """

    kind: str
    reason: str
    step: str | None
    detail: str | None
    pairs: int
    examples: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two releases side by side. `kept` pairs have the same texts and the same label, under whatever id."""

    a: ReleaseRow
    b: ReleaseRow
    kept: int
    counts: dict[str, int]
    groups: list[Group]
    steps: list[dict[str, Any]]
    recipe: str
    figures: list[dict[str, Any]]
    gates: list[dict[str, Any]]


@contextmanager
def comparer(address: Address) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest with room for tables of its own, which are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="prefmill-diff-") as folder:
        connection = connect(address, read_only=True, memory_limit=MEMORY_LIMIT)
        try:
            connection.execute(f"SET temp_directory = {literal(folder)}")
            yield connection
        finally:
            connection.close()


def compare(
    cursor: duckdb.DuckDBPyConnection, a: str, b: str, *, root: Path | None = None, limit: int = 3
) -> Difference:
    """What differs from release `a` to release `b`, with up to `limit` examples of each reason; raises `WarehouseError`.

    `root` is the folder that releases lie in: weights and flags are compared where both still have their files there.
    """
    if limit < 0:
        raise RequestError(f"--limit {limit} is below 0; give the number of examples for each reason")
    one, other = side_of(cursor, find_release(cursor, a)), side_of(cursor, find_release(cursor, b))
    part(cursor, one.row, other.row)
    match_answers(cursor)
    match_texts(cursor)
    match_notes(cursor, root, one.row, other.row)
    for name, side, done in (("lost", "a", "WHERE kind = 'same'"), ("new", "b", "")):
        left = f"FROM apart ANTI JOIN (FROM matched {done}) m ON m.{side} = pair_id WHERE side = '{side}'"
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {left}")
    explain(cursor, "lost", one, other)
    explain(cursor, "new", other, one)
    groups = _groups(cursor, limit, one, other)
    same = count(cursor, "either WHERE split_a IS NOT NULL AND split_b IS NOT NULL")
    return Difference(
        one.row,
        other.row,
        same + count(cursor, "matched WHERE kind = 'same'") - count(cursor, "noted"),
        {kind: sum(each.pairs for each in groups if each.kind == kind) for kind in KINDS},
        groups,
        differing(one, other),
        _recipes(cursor, one.row, other.row),
        _figures(one.row.figures, other.row.figures),
        _gates(one.row, other.row),
    )


def _groups(cursor: duckdb.DuckDBPyConnection, limit: int, one: Side, other: Side) -> list[Group]:
    """All changes by kind and reason, the largest first, with examples from the start of the alphabet of ids."""
    few = f"min({{'key': coalesce(a, b), 'a': a, 'b': b}}, {max(1, limit)})"
    rows = rows_of(
        cursor,
        f"SELECT kind, reason, step, detail, count(*) AS pairs, {few} AS few FROM ({CHANGES}) GROUP BY ALL",
    )
    texts = _texts(cursor, {each[side] for row in rows for each in row["few"][:limit] for side in ("a", "b")} - {None})
    names = {"a": {each.step for each in one.steps}, "b": {each.step for each in other.steps}}
    groups = []
    for row in rows:
        detail = row["detail"] or (_how(row["step"], names) if row["reason"] == "step_changed" else None)
        examples = [
            {side: texts.get(each[side], {"pair_id": each[side]}) if each[side] else None for side in ("a", "b")}
            for each in row["few"][:limit]
        ]
        groups.append(Group(row["kind"], row["reason"], row["step"], detail, row["pairs"], examples))
    return sorted(
        groups, key=lambda each: (KINDS.index(each.kind), -each.pairs, each.reason, each.step or "", each.detail or "")
    )


def _how(step: str, names: Mapping[str, set[str]]) -> str:
    """Whether a step differs, or is in one of the two recipes alone."""
    return "changed" if step in names["a"] and step in names["b"] else "taken_out" if step in names["a"] else "added"


def _texts(cursor: duckdb.DuckDBPyConnection, pair_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The texts and labels of pairs that the tables hold, by id.

    The ids are written out with those of their documents: so DuckDB finds the few groups of rows that hold them.
    """
    if not (wanted := sorted(pair_ids)):
        return {}
    named = f"pair_id IN ({_listed(wanted)})"
    homes = cursor.execute(f"SELECT document_id FROM apart WHERE {named} AND document_id IS NOT NULL").fetchall()
    # Those that only moved are not `apart`, and are looked for everywhere.
    near = f"AND document_id IN ({_listed(row[0] for row in homes)})" if len(homes) == len(wanted) else ""
    pairs = rows_of(cursor, f"FROM {LAKE}.pairs WHERE {named} {near}")
    if not pairs:
        return {}
    here = f"document_id IN ({_listed(each['document_id'] for each in pairs)})"
    answers = _listed(each[side] for each in pairs for side in ("chosen_id", "rejected_id"))
    prompts = _listed(each["prompt_id"] for each in pairs)
    uris, asked, said = (
        dict(cursor.execute(f"SELECT {columns} WHERE {here} {test}").fetchall())
        for columns, test in (
            (f"document_id, uri FROM {LAKE}.documents", ""),
            (f"prompt_id, messages[-1].content FROM {LAKE}.prompts", f"AND prompt_id IN ({prompts})"),
            (f"response_id, text FROM {LAKE}.responses", f"AND response_id IN ({answers})"),
        )
    )
    return {
        each["pair_id"]: {
            "pair_id": each["pair_id"],
            "uri": uris.get(each["document_id"]),
            "prompt": asked.get(each["prompt_id"]),
            "chosen": said.get(each["chosen_id"]),
            "rejected": said.get(each["rejected_id"]),
            **{column: each[column] for column in LABEL},
        }
        for each in pairs
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(literal, sorted(set(names))))


def _recipes(cursor: duckdb.DuckDBPyConnection, a: ReleaseRow, b: ReleaseRow) -> str:
    """The recipes as a unified diff; empty where they are the same."""
    query = f"SELECT release, recipe_text FROM {LAKE}.releases WHERE release IN ({_listed([a.release, b.release])})"
    found = dict(cursor.execute(query).fetchall())
    before, after = ((found.get(row.release) or "").splitlines() for row in (a, b))
    return "\n".join(difflib.unified_diff(before, after, a.release, b.release, lineterm=""))


def _figures(a: Mapping[str, float], b: Mapping[str, float]) -> list[dict[str, Any]]:
    """The figures that both have and that differ."""
    return [{"name": name, "a": a[name], "b": b[name]} for name in sorted({*a} & {*b}) if a[name] != b[name]]


def _gates(a: ReleaseRow, b: ReleaseRow) -> list[dict[str, Any]]:
    """The gates that ask or found something else: `a` and `b` as they are in the releases, None where one has none."""
    of = {side: {gate["name"]: gate for gate in row.gates} for side, row in (("a", a), ("b", b))}
    names = sorted({*of["a"], *of["b"]})
    return [
        {"name": name, "a": of["a"].get(name), "b": of["b"].get(name)}
        for name in names
        if of["a"].get(name) != of["b"].get(name)
    ]
