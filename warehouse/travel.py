"""What the tables held when a release became visible: `AT (RELEASE => 'name')` in a query, or a whole catalog as of then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import duckdb

from schemas.errors import RequestError, WarehouseError, nearest
from warehouse.connection import LAKE, literal

LITERAL = re.compile(r"'((?:[^']|'')*)'")
NAME = re.compile(r'"((?:[^"]|"")*)"|\w+')


@dataclass(frozen=True, slots=True)
class Moment:
    """A release and the snapshots of the catalog around it: the last one `before` it, and the one in which it is `visible`."""

    release: str
    before: int
    visible: int


class Token(NamedTuple):
    """One token of a query: its kind (DuckDB's word for it) and where its text begins, in bytes."""

    start: int
    kind: str
    text: str


def moments(cursor: duckdb.DuckDBPyConnection) -> list[Moment]:
    """Every release of the warehouse with its snapshots, newest first; whether these are still there is another question.

    A release becomes visible with its rows. DuckLake keeps for each row which snapshot brought it, also when files are
    merged; a release without a row became visible in the commit right after the snapshot that it notes.
    """
    rows = cursor.execute(f"""
        SELECT l.release, l.snapshot_id, coalesce(r.visible, l.snapshot_id + 1) FROM {LAKE}.releases l LEFT JOIN (
            SELECT release, min(snapshot_id) AS visible FROM {LAKE}.release_rows GROUP BY release
        ) r ON r.release = l.release WHERE coalesce(r.visible, l.snapshot_id) IS NOT NULL
        ORDER BY l.created_at DESC, l.release DESC
    """).fetchall()
    return [Moment(name, visible - 1 if before is None else before, visible) for name, before, visible in rows]


def snapshot_of(cursor: duckdb.DuckDBPyConnection, release: str) -> int:
    """The snapshot in which a release became visible, `latest` being the newest published one.

    Raises `WarehouseError` for a release that is not there, and for one whose snapshot has expired.
    """
    name = _published_last(cursor) if release == "latest" else release
    found = cursor.execute(f"""
        SELECT coalesce(r.visible, l.snapshot_id + 1) FROM {LAKE}.releases l, (
            SELECT min(snapshot_id) AS visible FROM {LAKE}.release_rows WHERE release = {literal(name)}
        ) r WHERE l.release = {literal(name)}
    """).fetchone()
    if found is None:
        names = [row[0] for row in cursor.execute(f"SELECT release FROM {LAKE}.releases").fetchall()]
        raise WarehouseError(f"there is no release {release!r}{nearest(release, names)}")
    if found[0] is None or not is_there(cursor, found[0]):
        raise WarehouseError(
            f"the snapshot of the release {name!r} has expired, so the tables as of then are gone; "
            f"its files are still there: `prefmill export {name} --to DIR`"
        )
    return int(found[0])


def is_there(cursor: duckdb.DuckDBPyConnection, snapshot: int) -> bool:
    """Whether a snapshot has not expired."""
    query = f"SELECT 1 FROM ducklake_snapshots('{LAKE}') WHERE snapshot_id = {int(snapshot)}"
    return cursor.execute(query).fetchone() is not None


def at_releases(cursor: duckdb.DuckDBPyConnection, query: str) -> str:
    """A query with each `AT (RELEASE => 'name')` as the `AT (VERSION => n)` that DuckLake knows.

    DuckDB's own tokens are looked at, so one in a text, a comment or a quoted name stays what it is. Raises
    `WarehouseError` for an unknown or expired release, `RequestError` for a view: only tables have a past of their own.
    """
    written = query.encode("utf-8", "surrogatepass")
    tokens = _tokens(written)
    parts, done = [], 0
    for place in range(1, len(tokens) - 5):
        five = tokens[place : place + 6]
        words = [each.text.upper() for each in five]
        if words[:4] != ["AT", "(", "RELEASE", "=>"] or five[0].kind != "keyword" or words[5] != ")":
            continue
        name = LITERAL.match(five[4].text)
        if name is None:
            raise RequestError(f"a release is named by a text, as in AT (RELEASE => 'name'), not by {five[4].text}")
        _refuse_view(cursor, _named_before(tokens, place), name[1])
        snapshot = snapshot_of(cursor, name[1].replace("''", "'"))
        parts += [written[done : five[0].start], f"AT (VERSION => {snapshot})".encode()]
        done = five[5].start + 1
    return b"".join([*parts, written[done:]]).decode("utf-8", "surrogatepass")


def _tokens(written: bytes) -> list[Token]:
    """The tokens of a query; comments and white space are none. Of one that ends nowhere DuckDB says so when it is asked."""
    found = duckdb.tokenize(written.decode("utf-8", "surrogatepass"))
    ends = [*(start for start, _ in found), len(written)][1:]
    tokens = []
    for (start, kind), end in zip(found, ends, strict=True):
        text = written[start:end].decode("utf-8", "replace")
        word = LITERAL.match(text) or NAME.match(text)
        shown = word[0] if word else "=>" if text.startswith("=>") else text[:1]
        tokens.append(Token(start, str(kind).rpartition(".")[2], shown))
    return tokens


def _named_before(tokens: list[Token], place: int) -> str:
    """The name of the table that the `AT` at a place speaks of: DuckDB has it after the alias, `pairs AS p AT (…)`."""
    before = [each for each in tokens[max(0, place - 3) : place] if each.text.upper() != "AS"]
    alias = len(before) > 1 and all(each.kind == "identifier" for each in before[-2:])
    name = before[-2 if alias else -1].text
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _refuse_view(cursor: duckdb.DuckDBPyConnection, name: str, release: str) -> None:
    query = f"SELECT 1 FROM duckdb_views() WHERE database_name = '{LAKE}' AND lower(view_name) = lower({literal(name)})"
    if cursor.execute(query).fetchone():
        raise RequestError(
            f'{name!r} is a view, and AT is for tables; to ask views as of then: `prefmill sql --at {release} "…"`'
        )


def _published_last(cursor: duckdb.DuckDBPyConnection) -> str:
    row = cursor.execute(
        f"SELECT release FROM {LAKE}.releases WHERE status = 'published' ORDER BY created_at DESC, release DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise WarehouseError("there is no published release yet; make one with `prefmill build`")
    return str(row[0])
