"""Releases: which pairs are in a version, what it reached, and where its immutable files are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
import orjson

from schemas.errors import WarehouseError, nearest
from schemas.rows import CONTROL
from warehouse.builds import now
from warehouse.connection import LAKE, literal
from warehouse.counting import count_release
from warehouse.release_rows import NOTED
from warehouse.store import SCRATCH, Store


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One row of the `releases` table."""

    release: str
    release_id: str
    recipe: str
    status: str
    pairs: int
    documents: int
    splits: dict[str, int]
    gates: list[dict[str, Any]]
    figures: dict[str, float]
    snapshot_id: int
    build_id: str
    folder: str
    manifest_sha256: str
    code_version: str
    rehearsal: bool
    created_at: Any
    fingerprints: list[dict[str, str]] = field(default_factory=list)
    models: dict[str, Any] = field(default_factory=dict)
    dealt: str = ""
    left_out: dict[str, int] = field(default_factory=dict)
    withdrawn_at: Any = None
    withdrawn_note: str | None = None


COLUMNS = (
    "release, release_id, recipe, status, pairs, documents, splits, gates, figures, snapshot_id, build_id, folder, "
    "manifest_sha256, code_version, rehearsal, created_at, fingerprints, models, dealt, left_out, withdrawn_at, withdrawn_note"
)
AS_JSON: dict[str, Any] = {"splits": {}, "gates": [], "figures": {}, "fingerprints": [], "models": {}, "left_out": {}}
"""Columns of JSON, each with what it is where a release from before it has none."""

RELEASE_TYPES = dict.fromkeys([*COLUMNS.split(", "), "recipe_text"], "VARCHAR") | {
    **dict.fromkeys(("pairs", "documents", "snapshot_id"), "BIGINT"),
    "rehearsal": "BOOLEAN",
    **dict.fromkeys(("created_at", "withdrawn_at"), "TIMESTAMP"),
}


async def documents_of_pairs(store: Store) -> list[str]:
    """The home documents of all pairs in scope."""
    query = f"SELECT DISTINCT document_id FROM {SCRATCH}.live WHERE tab = 'pairs' ORDER BY ALL"
    return await store.read(lambda cursor: [row[0] for row in cursor.execute(query).fetchall()])


async def clusters_of_scope(store: Store) -> list[tuple[str, str]]:
    """What must not be parted: (document, cluster) of all rows of pairs in scope that a step has put into a cluster."""
    query = f"""
        SELECT DISTINCT document_id, name || chr(0) || text FROM ({NOTED}) WHERE starts_with(name, 'cluster/')
        AND document_id IN (SELECT document_id FROM {SCRATCH}.live WHERE tab = 'pairs') ORDER BY ALL
    """
    return await store.read(lambda cursor: cursor.execute(query).fetchall())


async def landed_in(store: Store, documents: Sequence[str]) -> dict[str, int]:
    """The number of the build that first read each of these documents."""
    query = f"""
        SELECT subject_id, min(split_part(build_id, '-', 2)::BIGINT) FROM {LAKE}.outcomes
        WHERE step = 'mine/read' AND subject_id IN (SELECT unnest({literal(documents)})) GROUP BY 1
    """
    return await store.read(lambda cursor: dict(cursor.execute(query).fetchall()))


async def sides_so_far(store: Store, recipe: str, dealt: str) -> dict[str, str]:
    """The split that each document has had in the releases of a recipe whose documents were dealt out in the same way."""
    query = f"""
        SELECT p.document_id, arg_min(r.split, l.created_at) FROM {LAKE}.releases l
        JOIN {LAKE}.release_rows r ON r.release = l.release JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id
        WHERE l.recipe = {literal(recipe)} AND l.dealt = {literal(dealt)} GROUP BY 1
    """
    return await store.read(lambda cursor: dict(cursor.execute(query).fetchall()))


async def deal_out(store: Store, splits: Mapping[str, str], extra: Sequence[str]) -> tuple[str, dict[str, int], int]:
    """Give every pair in scope the split of its document; returns the content's hash (with `extra`) and split sizes.

    Pairs of documents that `splits` does not name are left out; the last number counts them.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> tuple[str, dict[str, int], int]:
        rows = [{"document_id": document_id, "split": split} for document_id, split in splits.items()]
        split_of = store.stage("split_of", rows, {"document_id": "VARCHAR", "split": "VARCHAR"})
        cursor.execute(f"""
            CREATE OR REPLACE TABLE {SCRATCH}.released AS SELECT l.row_id AS pair_id, s.split, l.document_id
            FROM {SCRATCH}.live l JOIN {split_of} s ON s.document_id = l.document_id WHERE l.tab = 'pairs'
        """)
        sizes = dict(cursor.execute(f"SELECT split, count(*) FROM {SCRATCH}.released GROUP BY 1 ORDER BY 1").fetchall())
        words = "|".join([*extra, *_licences(cursor), *_notes(cursor)])
        row = cursor.execute(
            f"SELECT md5(coalesce(string_agg(pair_id || split, '|' ORDER BY pair_id), '') || {literal(words)}) "
            f"FROM {SCRATCH}.released"
        ).fetchone()
        in_scope = cursor.execute(f"SELECT count(*) FROM {SCRATCH}.live WHERE tab = 'pairs'").fetchone() or (0,)
        return f"rel_{str(row[0])[:20]}" if row else "", sizes, in_scope[0] - sum(sizes.values())

    return await store.read(work)


def _licences(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """The documents of the release dealt out last that have a licence, each with it: another licence, another release."""
    query = f"""
        SELECT DISTINCT document_id || licence FROM {SCRATCH}.released
        JOIN {LAKE}.documents USING (document_id) WHERE licence IS NOT NULL ORDER BY ALL
    """
    return [row[0] for row in cursor.execute(query).fetchall()]


def _notes(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """One hash of all that was noted in this build, if anything was: other flags or ranks, another release."""
    query = f"SELECT md5(string_agg(concat_ws(chr(0), subject_id, name, value, text), '|' ORDER BY ALL)) FROM ({NOTED})"
    return [str(row[0]) for row in cursor.execute(query).fetchall() if row[0] is not None]


async def figures_of_scope(store: Store) -> dict[str, float]:
    """What gates measure, over this build's scope: shares in [0, 1]; position consistency is left out when unmeasured."""

    def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, float]:
        figures = dict(
            zip(
                ("units", "failed", "pending"),
                cursor.execute(f"""
            SELECT count(*), count(*) FILTER (WHERE o.status = 'failed'), count(*) FILTER (WHERE o.status IS NULL)
            FROM {SCRATCH}.units u JOIN {SCRATCH}.steps s ON s.position = u.position
            LEFT JOIN {LAKE}.outcomes o ON o.fingerprint = s.fingerprint AND o.unit_id = u.unit_id
        """).fetchone()
                or (0, 0, 0),
                strict=True,
            )
        )
        both, same = cursor.execute(f"""
            WITH votes AS (
                SELECT s.unit_id, s.fingerprint, s.name, s.evaluator, s.draw,
                    max(s.vote) FILTER (WHERE s."order" = 'ab') AS ab,
                    max(s.vote) FILTER (WHERE s."order" = 'ba') AS ba
                FROM {SCRATCH}.live l JOIN {LAKE}.signals s ON s.signal_id = l.row_id
                WHERE l.tab = 'signals' AND NOT starts_with(s.name, '{CONTROL}') GROUP BY ALL
            ) SELECT count(*), count(*) FILTER (WHERE ab = ba) FROM votes WHERE ab IS NOT NULL AND ba IS NOT NULL
        """).fetchone() or (0, 0)
        units = max(1, figures["units"])
        shares = {"failed_share": figures["failed"] / units, "pending_share": figures["pending"] / units}
        return shares | ({"position_consistency": same / both} if both else {})

    return await store.read(work)


async def add_release(store: Store, row: ReleaseRow, recipe_text: str) -> None:
    """Note a release, its rows and its counts in one transaction; its files are written."""

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("BEGIN")
        insert_release(cursor, store, row, recipe_text)
        cursor.execute(
            f"INSERT INTO {LAKE}.release_rows "
            f"SELECT {literal(row.release)}, pair_id, split FROM {SCRATCH}.released ORDER BY pair_id"
        )
        count_release(cursor, row.release, store.address.root / row.folder)
        cursor.execute("COMMIT")

    await store.write(work)


def insert_release(cursor: duckdb.DuckDBPyConnection, store: Store, row: ReleaseRow, recipe_text: str) -> None:
    """Note a release, within a transaction that notes its rows too."""
    kept = asdict(row) | {name: _json(getattr(row, name)) for name in AS_JSON}
    kept |= {"created_at": row.created_at or now(), "recipe_text": recipe_text}
    cursor.execute(f"INSERT INTO {LAKE}.releases BY NAME FROM {store.stage('release', [kept], RELEASE_TYPES)}")


async def current_snapshot(store: Store) -> int:
    """The id of the newest DuckLake snapshot."""
    row = await store.read(lambda cursor: cursor.execute(f"FROM ducklake_current_snapshot('{LAKE}')").fetchone())
    return int(row[0]) if row else 0


def list_releases(cursor: duckdb.DuckDBPyConnection, recipe: str | None = None) -> list[ReleaseRow]:
    """All releases (of one recipe), newest first."""
    where = f"WHERE recipe = {literal(recipe)}" if recipe else ""
    rows = cursor.execute(
        f"SELECT {COLUMNS} FROM {LAKE}.releases {where} ORDER BY created_at DESC, release DESC"
    ).fetchall()
    loaded = [dict(zip(ReleaseRow.__dataclass_fields__, row, strict=True)) for row in rows]
    return [
        ReleaseRow(
            **{**each, **{name: orjson.loads(each[name]) if each[name] else none for name, none in AS_JSON.items()}}
        )
        for each in loaded
    ]


def find_release(cursor: duckdb.DuckDBPyConnection, name: str) -> ReleaseRow:
    """A release by name; `latest` is the newest published one. Raises `WarehouseError` with the nearest name."""
    rows = list_releases(cursor)
    if name == "latest":
        published = [row for row in rows if row.status == "published"]
        if published:
            return published[0]
        raise WarehouseError("there is no published release yet; make one with `prefmill build`")
    for row in rows:
        if row.release == name:
            return row
    raise WarehouseError(f"there is no release {name!r}{nearest(name, [row.release for row in rows])}")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
