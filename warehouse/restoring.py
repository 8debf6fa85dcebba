"""A release that was made elsewhere, with the rows that it brings: they keep their ids, and none is stored twice.

A release does not hold everything that a build knows. Of its documents it has no text, of its answers no tokens; a document
that it brings has an empty text. When a build makes one of these rows itself, its own takes the place of the one that was
brought, whose id is the same because ids are hashes of what made the row.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from schemas.fingerprints import canonical_json, identify
from warehouse.builds import now
from warehouse.connection import LAKE, literal
from warehouse.naming import NOUNS
from warehouse.releases import ReleaseRow, insert_release
from warehouse.store import Store

KEY = "land/import"
IDENTITY = {"strategy": KEY, "version": 1}
FINGERPRINT = identify("steps", IDENTITY)
BROUGHT = ("documents", "passages", "prompts", "responses", "signals", "pairs")

# By table; `{pairs}` and `{votes}` are the files of the release. All rows of a document are one unit.
ROWS = {
    "documents": """
        SELECT document_id, any_value(uri) AS uri, any_value(title) AS title, '' AS text, any_value(media_type) AS media_type,
            any_value(licence) AS licence, coalesce(any_value(sha256), '') AS sha256, {now}::TIMESTAMP AS added_at
        FROM {pairs} GROUP BY document_id
    """,
    # A passage whose text the prompt shows; of the others a release says only where they are.
    "passages": """
        SELECT DISTINCT ON (passage_id) * FROM (
            SELECT s.passage_id AS passage_id, document_id, s.start AS start, s."end" AS "end", s.heading AS heading,
                list_filter(context, lambda c: length(c.text) = s."end" - s.start)[1].text AS text
            FROM (SELECT document_id, context, unnest(passages) AS s FROM {pairs})
        ) WHERE text IS NOT NULL ORDER BY passage_id
    """,
    "prompts": """
        SELECT DISTINCT ON (prompt_id) prompt_id, document_id, prompt AS messages, passage_ids, context, reference, evidence,
            tags, tools, CASE WHEN prompt_condition IS NOT NULL THEN struct_pack(kind := prompt_condition.kind,
                id := prompt_condition.id, text := prompt_condition.text, visible := true) END AS condition
        FROM {pairs} ORDER BY prompt_id, pair_id
    """,
    "responses": """
        SELECT DISTINCT ON (response_id) * FROM (
            SELECT chosen_id AS response_id, document_id, prompt_id, chosen[1].content AS text, chosen_model AS model,
                chosen_role AS role, coalesce(chosen_strategy, '') AS strategy, chosen[1].tool_calls AS tool_calls FROM {pairs}
            UNION ALL SELECT rejected_id, document_id, prompt_id, rejected[1].content, rejected_model,
                rejected_role, coalesce(rejected_strategy, ''), rejected[1].tool_calls FROM {pairs}
        ) ORDER BY response_id
    """,
    "signals": "SELECT * EXCLUDE (split) FROM {votes}",
    "pairs": """
        SELECT pair_id, document_id, prompt_id, chosen_id, rejected_id, score_gap, p_chosen, confidence, rule, rationale,
            condition, aspect, aspect_scores FROM {pairs}
    """,
}
DEFAULTS = {"responses": ", 0 AS draw, 'stop' AS finish_reason, 0 AS tokens"}

# One for each document, as every row needs the outcome that made it.
OUTCOMES = """
    SELECT {fingerprint} AS fingerprint, document_id AS unit_id, {step} AS step, document_id AS subject_id, document_id,
        'ok' AS status, '' AS reason, '' AS detail, count(*) AS rows, 0 AS calls, 0 AS tokens_in, 0 AS tokens_out,
        0 AS tokens_cached, 0.0 AS cost, 0.0 AS seconds, {build} AS build_id
    FROM {pairs} GROUP BY document_id
"""


async def restore_rows(store: Store, row: ReleaseRow, recipe_text: str, folder: Path) -> ReleaseRow:
    """Note a release whose files are in `folder`, with all rows that it brings, in one transaction.

    It is noted under a build of kind `import`, which the row that is returned names.
    """

    def work(cursor: duckdb.DuckDBPyConnection) -> ReleaseRow:
        cursor.execute("BEGIN")
        try:
            (count,) = cursor.execute(f"SELECT count(*) FROM {LAKE}.builds").fetchone() or (0,)
            noted = replace(row, build_id=f"build-{count + 1}")
            _note_build(cursor, noted, recipe_text)
            words = _words(folder, noted.build_id)
            for table, query in ROWS.items():
                if "{votes}" not in query or "votes" in words:
                    _add(cursor, table, query.format(**words))
            known = f"(FROM {LAKE}.outcomes WHERE fingerprint = {literal(FINGERPRINT)})"
            cursor.execute(
                f"INSERT INTO {LAKE}.outcomes BY NAME FROM ({OUTCOMES.format(**words)}) n ANTI JOIN {known} o USING (unit_id)"
            )
            insert_release(cursor, store, noted, recipe_text)
            cursor.execute(
                f"INSERT INTO {LAKE}.release_rows SELECT {literal(row.release)}, pair_id, split FROM {words['pairs']} "
                "ORDER BY pair_id"
            )
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        return noted

    return await store.write(work)


def has_brought_rows(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether some release brought rows to this warehouse."""
    query = f"SELECT 1 FROM {LAKE}.fingerprints WHERE fingerprint = {literal(FINGERPRINT)}"
    return cursor.execute(query).fetchone() is not None


def make_room(cursor: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    """Take out what a release brought of these rows (what stands after FROM), for a build now has them itself."""
    if table in BROUGHT:
        name = f"{NOUNS[table]}_id"
        cursor.execute(
            f"DELETE FROM {LAKE}.{table} WHERE fingerprint = {literal(FINGERPRINT)} AND {name} IN (SELECT r.{name} FROM {rows} r)"
        )


def _words(folder: Path, build_id: str) -> dict[str, str]:
    """What the queries are filled with; `votes` only if the release has that file."""
    files = {name: folder / f"{name}.parquet" for name in ("pairs", "votes")}
    read = {name: f"read_parquet({literal(str(file))})" for name, file in files.items() if file.is_file()}
    given = {"fingerprint": FINGERPRINT, "step": KEY, "build": build_id, "now": str(now())}
    return read | {name: literal(value) for name, value in given.items()}


def _add(cursor: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    """Insert the rows of a query that are not there yet."""
    key = f"{NOUNS[table]}_id"
    stamp = f"document_id AS unit_id, {literal(FINGERPRINT)} AS fingerprint{DEFAULTS.get(table, '')}"
    cursor.execute(
        f"INSERT INTO {LAKE}.{table} BY NAME SELECT n.*, {stamp} FROM ({query}) n "
        f"ANTI JOIN {LAKE}.{table} t ON t.{key} = n.{key} ORDER BY document_id, {key}"
    )


def _note_build(cursor: duckdb.DuckDBPyConnection, row: ReleaseRow, recipe_text: str) -> None:
    """The build that the release is noted under, and the one step of it."""
    texts = {
        "build_id": row.build_id,
        "recipe": row.recipe,
        "recipe_text": recipe_text,
        "kind": "import",
        "status": "done",
        "message": "",
        "code_version": row.code_version,
    }
    columns = ", ".join(f"{literal(value)} AS {name}" for name, value in texts.items())
    moment = f"{literal(str(now()))}::TIMESTAMP"
    cursor.execute(
        f"INSERT INTO {LAKE}.builds BY NAME SELECT {columns}, {moment} AS started_at, {moment} AS finished_at"
    )
    build, step, fingerprint = literal(row.build_id), literal(KEY), literal(FINGERPRINT)
    cursor.execute(f"INSERT INTO {LAKE}.build_steps VALUES ({build}, 0, {step}, {fingerprint})")
    if not has_brought_rows(cursor):
        cursor.execute(
            f"INSERT INTO {LAKE}.fingerprints VALUES ({fingerprint}, {step}, {literal(canonical_json(IDENTITY))})"
        )
