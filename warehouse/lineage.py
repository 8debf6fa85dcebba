"""Lineage: any id of the warehouse, up to its document and down to what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from schemas.errors import WarehouseError
from warehouse.connection import LAKE, literal, rows_of
from warehouse.naming import NOUNS, TABLES
from warehouse.revocations import revocations_of

COUNTED = 12
"""So many children of one kind are shown one by one; the rest are counted."""
DEPTH = 3


@dataclass
class Node:
    """One row on the way, with the outcome of the unit that made it and what came of it."""

    table: str
    id: str
    row: dict[str, Any]
    outcome: dict[str, Any] | None = None
    children: list[Node] = field(default_factory=list)
    left_out: int = 0

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class Trace:
    """Where an id comes from (`above`, document first), what it is, what came of it, and what was refused about it.

    `noted` is what steps noted of it, `revoked` the revocations that its document is under.
    """

    above: list[Node]
    node: Node
    refused: list[dict[str, Any]]
    releases: list[dict[str, Any]]
    noted: list[dict[str, Any]]
    revoked: list[dict[str, Any]]


def trace(cursor: duckdb.DuckDBPyConnection, row_id: str) -> Trace:
    """Follow an id both ways; raises `WarehouseError` for one that is not in the warehouse."""
    table = TABLES.get(row_id.split("_")[0])
    if table is None:
        raise WarehouseError(f"{row_id!r} is not an id; ids start with {', '.join(f'{prefix}_' for prefix in TABLES)}")
    node = _node(cursor, table, row_id)
    if node is None:
        matches = rows_of(
            cursor,
            f"SELECT {NOUNS[table]}_id AS id FROM {LAKE}.{table} "
            f"WHERE starts_with({NOUNS[table]}_id, {literal(row_id)}) LIMIT 3",
        )
        if len(matches) != 1:
            what = f"is the start of several {table}" if matches else f"is not among the {table}"
            raise WarehouseError(f'{row_id!r} {what} of this warehouse; look it up with `prefmill sql "FROM {table}"`')
        node = _node(cursor, table, matches[0]["id"])
        assert node is not None
    _descend(cursor, [node])
    above = _ancestors(cursor, node)
    _with_outcomes(cursor, [*above, *node.walk()])
    revoked = revocations_of(cursor, node.row["document_id"])
    return Trace(above, node, _refusals(cursor, node), _releases(cursor, node), _notes(cursor, node), revoked)


def _node(cursor: duckdb.DuckDBPyConnection, table: str, row_id: str) -> Node | None:
    rows = rows_of(cursor, f"FROM {LAKE}.{table} WHERE {NOUNS[table]}_id = {literal(row_id)} LIMIT 1")
    return _made(rows[0], table) if rows else None


def _made(row: dict[str, Any], table: str) -> Node:
    return Node(table, row[f"{NOUNS[table]}_id"], row)


def _ancestors(cursor: duckdb.DuckDBPyConnection, node: Node) -> list[Node]:
    """From the document down to just above the node."""
    row = node.row
    ids: list[tuple[str, str]] = [("documents", row["document_id"])]
    if node.table in ("responses", "signals", "pairs"):
        prompt = _node(cursor, "prompts", row["prompt_id"])
        ids += [("passages", each) for each in (prompt.row["passage_ids"] if prompt else None) or []]
        ids.append(("prompts", row["prompt_id"]))
    if node.table == "prompts":
        ids += [("passages", each) for each in row["passage_ids"] or []]
    if node.table == "signals":
        ids += [("responses", each) for each in row["response_ids"]]
    if node.table == "pairs":
        ids += [("responses", row["chosen_id"]), ("responses", row["rejected_id"])]
    found = [] if node.table == "documents" else [_node(cursor, table, each) for table, each in ids]
    return [each for each in found if each is not None]


CHILDREN: dict[str, list[tuple[str, str]]] = {
    "documents": [("passages", "document_id")],
    "passages": [("prompts", "passage_ids")],
    "prompts": [("responses", "prompt_id"), ("pairs", "prompt_id")],
    "responses": [("signals", "response_ids"), ("pairs", "chosen_id"), ("pairs", "rejected_id")],
    "pairs": [("signals", "prompt_id")],
    "signals": [],
}
"""Which rows come of a row, and the column that names it."""


def _descend(cursor: duckdb.DuckDBPyConnection, nodes: list[Node], depth: int = 0) -> None:
    """Hang what came of these nodes (all of one table) below them, a level at a time.

    Verdicts are shown below the row that was asked for, not below every response on the way.
    """
    below: dict[str, list[Node]] = defaultdict(list)
    for table, column in CHILDREN[nodes[0].table] if nodes else []:
        if depth > 0 and table == "signals":
            continue
        for node, rows in _children(cursor, nodes, table, column):
            kept = [_made(row, table) for row in rows[:COUNTED]]
            node.children.extend(kept)
            node.left_out += len(rows) - len(kept)
            below[table].extend(kept)
    if depth < DEPTH:
        for children in below.values():
            _descend(cursor, children, depth + 1)


def _children(
    cursor: duckdb.DuckDBPyConnection, nodes: list[Node], table: str, column: str
) -> list[tuple[Node, list[dict[str, Any]]]]:
    """Each node with its children in one table, in the order of the text or of their ids."""
    by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
    keys = [node.row["prompt_id"] if node.table == "pairs" else node.id for node in nodes]
    is_list = column.endswith("ids")
    test = f"list_has_any({column}, {literal(keys)})" if is_list else f"list_contains({literal(keys)}, {column})"
    order = "start" if table == "passages" else f"{NOUNS[table]}_id"
    for row in rows_of(cursor, f"FROM {LAKE}.{table} WHERE {test} ORDER BY {order}"):
        for key in row[column] if is_list else [row[column]]:
            by_key[key].append(row)
    return [(node, _about(node, by_key[key])) for node, key in zip(nodes, keys, strict=True)]


def _about(node: Node, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the signals about a prompt, those on the two responses of a pair or on one of them; other rows as they are."""
    if node.table != "pairs":
        return rows
    both = {node.row["chosen_id"], node.row["rejected_id"]}
    return [row for row in rows if row["response_ids"] and set(row["response_ids"]) <= both]


def _with_outcomes(cursor: duckdb.DuckDBPyConnection, nodes: list[Node]) -> None:
    """Give every node the outcome of the unit that made it, and what its step's fingerprint stands for."""
    units = sorted({node.row["unit_id"] for node in nodes})
    query = (
        f"SELECT o.*, f.identity FROM {LAKE}.outcomes o LEFT JOIN {LAKE}.fingerprints f USING (fingerprint) "
        f"WHERE list_contains({literal(units)}, o.unit_id)"
    )
    found = {(row["fingerprint"], row["unit_id"]): row for row in rows_of(cursor, query)}
    for node in nodes:
        node.outcome = found.get((node.row["fingerprint"], node.row["unit_id"]))


def _refusals(cursor: duckdb.DuckDBPyConnection, node: Node) -> list[dict[str, Any]]:
    """Outcomes about this row that made nothing: why there is no pair, no prompt, or why a pair was dropped."""
    return rows_of(
        cursor,
        f"SELECT step, status, reason, detail, build_id FROM {LAKE}.outcomes "
        f"WHERE subject_id = {literal(node.id)} AND status <> 'ok' ORDER BY ALL",
    )


def _notes(cursor: duckdb.DuckDBPyConnection, node: Node) -> list[dict[str, Any]]:
    """What steps noted of this row: flags, weights, ranks, clusters."""
    query = f"""
        SELECT DISTINCT f.step, n.name, n.value, n.text FROM {LAKE}.notes n JOIN {LAKE}.fingerprints f USING (fingerprint)
        WHERE n.subject_id = {literal(node.id)} ORDER BY ALL
    """
    return rows_of(cursor, query)


def _releases(cursor: duckdb.DuckDBPyConnection, node: Node) -> list[dict[str, Any]]:
    """The releases that hold this row's pairs."""
    column = {"documents": "p.document_id", "prompts": "p.prompt_id", "pairs": "p.pair_id"}.get(node.table)
    where = (
        f"{column} = {literal(node.id)}"
        if column
        else f"{literal(node.id)} IN (p.chosen_id, p.rejected_id)"
        if node.table == "responses"
        else f"list_contains(q.passage_ids, {literal(node.id)})"
    )
    if node.table == "signals":
        return []
    return rows_of(
        cursor,
        f"""
        SELECT r.release, l.split, count(*) AS pairs, r.status FROM {LAKE}.release_rows l JOIN {LAKE}.releases r USING (release)
        JOIN {LAKE}.pairs p USING (pair_id) JOIN {LAKE}.prompts q ON q.prompt_id = p.prompt_id
        WHERE {where} GROUP BY ALL ORDER BY ALL
    """,
    )
