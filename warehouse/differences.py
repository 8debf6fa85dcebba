"""What differs between two releases: their pairs, each change with its reason, their recipes, steps, gates and figures.

Pairs are held against each other by id; then by the two answers, which are the same when only the judging was done anew;
then by question and place, under whatever ids. All of it is done in SQL over all pairs at once, on the tables as they are
now: rows are never changed, so this says the same at any time. It writes nothing.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import RequestError
from warehouse.address import Address
from warehouse.connection import LAKE, connect, literal, rows_of
from warehouse.difference_reasons import Side, differing, explain, side_of
from warehouse.releases import ReleaseRow, find_release

MEMORY_LIMIT = "1500MB"
KINDS = ("added", "removed", "flipped", "relabelled", "text_changed", "moved")
"""What can have become of a pair: it is only in the second release, or only in the first; the other answer is the chosen one;
the winner is the same and its numbers, rule, weight or flags are others; the question of a document has other answers; it is
in another split, which is counted beside the other kinds and must not happen."""
LABEL = ("score_gap", "p_chosen", "confidence", "rule")
NOTES = ("weight", "curriculum_rank", "flags")
PLACED = "row_number() OVER (PARTITION BY {key} ORDER BY pair_id)"


@dataclass(frozen=True, slots=True)
class Group:
    """The pairs that changed in one way for one reason.

    `reason` is one of `REASONS`, or `label` for labels that were noted anew on the same rows; `step` the step it lies with;
    `detail` a step's own reason code, a revocation's id, what of a label differs, or for a step that differs whether it was
    `changed`, `added` or `taken_out`. Examples hold `a` and `b`, pair ids in either release (None where there is none), and
    the texts of both.
    """

    kind: str
    reason: str
    step: str | None
    detail: str | None
    pairs: int
    examples: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two releases side by side. `kept` pairs have the same texts and label, under whatever id."""

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
    _part(cursor, one.row, other.row)
    _match_answers(cursor)
    _match_texts(cursor)
    cursor.execute("CREATE OR REPLACE TEMP TABLE lost AS FROM gone g ANTI JOIN matched m ON m.a = g.pair_id AND m.kind = 'same'")
    cursor.execute("CREATE OR REPLACE TEMP TABLE new AS FROM come g ANTI JOIN matched m ON m.b = g.pair_id")
    explain(cursor, "lost", one, other)
    explain(cursor, "new", other, one)
    _note_anew(cursor, root, one.row, other.row)
    groups = _groups(cursor, limit, one, other)
    return Difference(
        one.row,
        other.row,
        _count(cursor, "paired WHERE kind = 'same'"),
        {kind: sum(each.pairs for each in groups if each.kind == kind) for kind in KINDS},
        groups,
        differing(one, other),
        _recipes(cursor, one.row, other.row),
        _figures(one.row.figures, other.row.figures),
        _gates(one.row, other.row),
    )


def _part(cursor: duckdb.DuckDBPyConnection, a: ReleaseRow, b: ReleaseRow) -> None:
    """`shared`: pairs of both, with their splits; `gone` and `come`: those of one, with their rows where the tables hold them."""
    for name, row in (("of_a", a), ("of_b", b)):
        rows = f"SELECT pair_id, split FROM {LAKE}.release_rows WHERE release = {literal(row.release)}"
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {rows}")
    cursor.execute("""
        CREATE OR REPLACE TEMP TABLE shared AS
        SELECT a.pair_id, a.split AS split_a, b.split AS split_b FROM of_a a JOIN of_b b ON b.pair_id = a.pair_id
    """)
    for name, mine, theirs in (("gone", "of_a", "of_b"), ("come", "of_b", "of_a")):
        cursor.execute(f"""
            CREATE OR REPLACE TEMP TABLE {name} AS
            SELECT m.pair_id, m.split, p.prompt_id, p.chosen_id, p.rejected_id, p.document_id, p.fingerprint, p.aspect,
                {", ".join(f"p.{column}" for column in LABEL)}
            FROM (FROM {mine} m ANTI JOIN {theirs} t ON t.pair_id = m.pair_id) m
            LEFT JOIN {LAKE}.pairs p ON p.pair_id = m.pair_id
        """)


def _match_answers(cursor: duckdb.DuckDBPyConnection) -> None:
    """`matched` (a, b, kind, detail, split_a, split_b): pairs of the same two responses, under another id."""
    key = "least(chosen_id, rejected_id), greatest(chosen_id, rejected_id), aspect"
    side = f"SELECT *, hash({key}) AS key, {PLACED.format(key='hash(' + key + ')')} AS place FROM {{}} WHERE chosen_id IS NOT NULL"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE matched AS
        SELECT a.pair_id AS a, b.pair_id AS b, {_kind("a.chosen_id = b.chosen_id")}, a.split AS split_a, b.split AS split_b
        FROM ({side.format("gone")}) a JOIN ({side.format("come")}) b ON b.key = a.key AND b.place = a.place
        WHERE least(a.chosen_id, a.rejected_id) = least(b.chosen_id, b.rejected_id)
            AND greatest(a.chosen_id, a.rejected_id) = greatest(b.chosen_id, b.rejected_id)
    """)


def _match_texts(cursor: duckdb.DuckDBPyConnection) -> None:
    """Add the pairs of the same question from the same place: with the same two texts first, then with others."""
    for side, table in (("a", "gone"), ("b", "come")):
        cursor.execute(f"""
            CREATE OR REPLACE TEMP TABLE rest_{side} AS
            SELECT g.* EXCLUDE (fingerprint), d.uri FROM {table} g JOIN {LAKE}.documents d ON d.document_id = g.document_id
            ANTI JOIN matched m ON m.{side} = g.pair_id
        """)
    cursor.execute("CREATE OR REPLACE TEMP TABLE places AS SELECT DISTINCT uri FROM rest_a INTERSECT SELECT DISTINCT uri FROM rest_b")
    if not _count(cursor, "places"):
        return
    for side in ("a", "b"):
        cursor.execute(f"""
            CREATE OR REPLACE TEMP TABLE texts_{side} AS
            SELECT r.*, hash(r.uri, q.messages, r.aspect) AS asked, hash(c.text) AS chosen, hash(j.text) AS rejected
            FROM (FROM rest_{side} SEMI JOIN places USING (uri)) r JOIN {LAKE}.prompts q ON q.prompt_id = r.prompt_id
            JOIN {LAKE}.responses c ON c.response_id = r.chosen_id JOIN {LAKE}.responses j ON j.response_id = r.rejected_id
        """)
    both = "asked, least(chosen, rejected), greatest(chosen, rejected)"
    for key, is_same in ((both, True), ("asked", False)):
        side = f"(SELECT *, hash({key}) AS key, {PLACED.format(key=key)} AS place FROM texts_{{0}} t ANTI JOIN matched m ON m.{{0}} = t.pair_id)"
        kind = _kind("a.chosen = b.chosen") if is_same else "'text_changed' AS kind, NULL AS detail"
        cursor.execute(f"""
            INSERT INTO matched SELECT a.pair_id, b.pair_id, {kind}, a.split, b.split
            FROM {side.format("a")} a JOIN {side.format("b")} b ON b.key = a.key AND b.place = a.place
        """)


def _kind(same_winner: str) -> str:
    """SQL: how the labels of two pairs of the same texts stand to each other."""
    unlike = {column: f"a.{column} IS DISTINCT FROM b.{column}" for column in LABEL}
    fields = ", ".join(f"CASE WHEN {test} THEN {literal(column)} END" for column, test in unlike.items())
    return f"""
        CASE WHEN NOT ({same_winner}) THEN 'flipped' WHEN {" OR ".join(unlike.values())} THEN 'relabelled' ELSE 'same' END AS kind,
        CASE WHEN {same_winner} THEN nullif(concat_ws(', ', {fields}), '') END AS detail
    """


def _note_anew(cursor: duckdb.DuckDBPyConnection, root: Path | None, a: ReleaseRow, b: ReleaseRow) -> None:
    """`paired`: the pairs with the same texts, in either release; those that are noted otherwise there count as relabelled."""
    cursor.execute("""
        CREATE OR REPLACE TEMP TABLE paired AS
        SELECT a, b, kind, split_a, split_b, NULL::VARCHAR AS noted FROM matched
        UNION ALL SELECT pair_id, pair_id, 'same', split_a, split_b, NULL FROM shared
    """)
    files = [root / row.folder / "pairs.parquet" for row in (a, b)] if root else []
    steps = " UNION ".join(
        f"SELECT fingerprint FROM {LAKE}.build_steps WHERE build_id = {literal(row.build_id)}" for row in (a, b)
    )
    # Notes are by rows and builds; which of them counted for a release, only its files say.
    noted = cursor.execute(f"SELECT 1 FROM {LAKE}.notes SEMI JOIN ({steps}) USING (fingerprint) LIMIT 1").fetchone()
    if not files or noted is None or not all(file.is_file() for file in files):
        return
    names = [name for name in NOTES if all(name in _columns(cursor, file) for file in files)]
    fields = ", ".join(f"CASE WHEN x.{name} IS DISTINCT FROM y.{name} THEN {literal(name)} END" for name in names)
    if not names:
        return
    x, y = (f"read_parquet({literal(str(file))})" for file in files)
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE paired AS
        SELECT t.* REPLACE (CASE WHEN t.kind = 'same' AND n.noted IS NOT NULL THEN 'relabelled' ELSE t.kind END AS kind,
            CASE WHEN t.kind = 'same' THEN n.noted END AS noted)
        FROM paired t LEFT JOIN (
            SELECT m.a, nullif(concat_ws(', ', {fields}), '') AS noted FROM paired m
            JOIN {x} x ON x.pair_id = m.a JOIN {y} y ON y.pair_id = m.b
        ) n ON n.a = t.a
    """)


def _columns(cursor: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    """The columns of a Parquet file: releases of before have fewer."""
    return {column[0] for column in cursor.execute(f"FROM read_parquet({literal(str(file))}) LIMIT 0").description or ()}


def _groups(cursor: duckdb.DuckDBPyConnection, limit: int, one: Side, other: Side) -> list[Group]:
    """All changes by kind and reason, the largest groups first, with examples from the start of the alphabet of ids."""
    rows = rows_of(
        cursor,
        f"""
        WITH told AS (
            SELECT 'removed' AS kind, w.reason, w.step, w.detail, w.pair_id AS a, NULL AS b FROM lost_why w
                ANTI JOIN matched m ON m.a = w.pair_id
            UNION ALL SELECT 'added', reason, step, detail, NULL, pair_id FROM new_why
            UNION ALL SELECT t.kind, w.reason, w.step, coalesce(w.detail, m.detail), t.a, t.b
                FROM paired t JOIN matched m ON m.a = t.a JOIN lost_why w ON w.pair_id = t.a WHERE m.kind <> 'same'
            UNION ALL SELECT kind, 'label', NULL, noted, a, b FROM paired WHERE noted IS NOT NULL
            UNION ALL SELECT 'moved', 'label', NULL, split_a || ' to ' || split_b, a, b FROM paired WHERE split_a <> split_b
        )
        SELECT kind, reason, step, detail, count(*) AS pairs, min({{'key': coalesce(a, b), 'a': a, 'b': b}}, {max(1, limit)}) AS few
        FROM told GROUP BY kind, reason, step, detail
    """,
    )
    texts = _texts(cursor, [each[side] for row in rows for each in row["few"][:limit] for side in ("a", "b") if each[side]])
    names = {"a": {each.step for each in one.steps}, "b": {each.step for each in other.steps}}
    groups = []
    for row in rows:
        examples = [_example(each, texts) for each in row["few"][:limit]]
        detail = row["detail"]
        if row["reason"] == "step_changed" and row["kind"] in ("added", "removed", "text_changed", "flipped"):
            detail = _how(row["step"], names)
        groups.append(Group(row["kind"], row["reason"], row["step"], detail, row["pairs"], examples))
    return sorted(groups, key=lambda each: (KINDS.index(each.kind), -each.pairs, each.reason, each.step or "", each.detail or ""))


def _how(step: str, names: Mapping[str, set[str]]) -> str:
    """Whether a step differs, or is in one of the two recipes alone."""
    return "changed" if step in names["a"] and step in names["b"] else "taken_out" if step in names["a"] else "added"


def _texts(cursor: duckdb.DuckDBPyConnection, pair_ids: list[str]) -> dict[str, dict[str, Any]]:
    """The texts of pairs that the tables hold, by id."""
    rows = rows_of(
        cursor,
        f"""
        SELECT p.pair_id, d.uri, q.messages[-1].content AS prompt, c.text AS chosen, j.text AS rejected, p.score_gap, p.rule
        FROM {LAKE}.pairs p JOIN {LAKE}.prompts q ON q.prompt_id = p.prompt_id JOIN {LAKE}.documents d ON d.document_id = p.document_id
        JOIN {LAKE}.responses c ON c.response_id = p.chosen_id JOIN {LAKE}.responses j ON j.response_id = p.rejected_id
        WHERE p.pair_id IN (SELECT unnest({literal(sorted(set(pair_ids)))}))
    """,
    ) if pair_ids else []  # fmt: skip
    return {row.pop("pair_id"): row for row in rows}


def _example(ids: Mapping[str, Any], texts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {side: {"pair_id": ids[side], **texts.get(ids[side], {})} if ids[side] else None for side in ("a", "b")}


def _recipes(cursor: duckdb.DuckDBPyConnection, a: ReleaseRow, b: ReleaseRow) -> str:
    """The recipes as a unified diff; empty where they are the same."""
    names = literal([a.release, b.release])
    found = dict(cursor.execute(
        f"SELECT release, recipe_text FROM {LAKE}.releases WHERE list_contains({names}, release)").fetchall())  # fmt: skip
    texts = [(found.get(row.release) or "").splitlines() for row in (a, b)]
    return "\n".join(difflib.unified_diff(*texts, a.release, b.release, lineterm=""))


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


def _count(cursor: duckdb.DuckDBPyConnection, source: str) -> int:
    row = cursor.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(row[0]) if row else 0
