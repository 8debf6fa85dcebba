"""Which pair of one release stands for which of another: by id, by the two answers, by question and place.

Everything is kept in temporary tables, and each large table is read once for both releases: `apart` are the pairs that only
one of the two has, with their rows; `matched` says which of them belong together, and how their labels or texts differ.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.connection import LAKE, literal
from warehouse.releases import ReleaseRow

LABEL = ("score_gap", "p_chosen", "confidence", "rule")
NOTES = ("weight", "curriculum_rank", "flags")


def count(cursor: duckdb.DuckDBPyConnection, source: str) -> int:
    """How many rows there are."""
    row = cursor.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(row[0]) if row else 0


def part(cursor: duckdb.DuckDBPyConnection, a: ReleaseRow, b: ReleaseRow) -> None:
    """Make `either` (pair_id, split_a, split_b), and `apart` (side, …): pairs of one alone, with what the tables hold of them."""
    rows = f"SELECT pair_id, split FROM {LAKE}.release_rows WHERE release ="
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE either AS
        SELECT coalesce(a.pair_id, b.pair_id) AS pair_id, a.split AS split_a, b.split AS split_b
        FROM ({rows} {literal(a.release)}) a FULL JOIN ({rows} {literal(b.release)}) b ON b.pair_id = a.pair_id
    """)
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE apart AS
        SELECT if(e.split_b IS NULL, 'a', 'b') AS side, coalesce(e.split_a, e.split_b) AS split, e.pair_id, p.prompt_id,
            p.chosen_id, p.rejected_id, p.document_id, p.fingerprint, p.aspect, {", ".join(f"p.{column}" for column in LABEL)},
            hash(least(p.chosen_id, p.rejected_id), greatest(p.chosen_id, p.rejected_id), p.aspect) AS answers
        FROM (FROM either WHERE split_a IS NULL OR split_b IS NULL) e LEFT JOIN {LAKE}.pairs p ON p.pair_id = e.pair_id
    """)


def match_answers(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make `matched` (a, b, kind, detail, split_a, split_b): pairs of the same two responses, under other ids."""
    sides = {
        side: _placed(cursor, f"FROM apart WHERE side = '{side}' AND chosen_id IS NOT NULL", "answers") for side in "ab"
    }
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE matched AS
        SELECT a.pair_id AS a, b.pair_id AS b, {_kind("a.chosen_id = b.chosen_id")}, a.split AS split_a, b.split AS split_b
        FROM ({sides["a"]}) a JOIN ({sides["b"]}) b ON b.answers = a.answers AND b.place = a.place
        WHERE a.chosen_id IN (b.chosen_id, b.rejected_id) AND a.rejected_id IN (b.chosen_id, b.rejected_id)
    """)


def match_texts(cursor: duckdb.DuckDBPyConnection) -> None:
    """Add the pairs of the same question from the same place: those with the same two texts first, then those with others."""
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE rest AS
        SELECT p.* EXCLUDE (fingerprint, answers), d.uri FROM apart p JOIN {LAKE}.documents d ON d.document_id = p.document_id
        ANTI JOIN (SELECT a AS pair_id FROM matched UNION ALL SELECT b FROM matched) m ON m.pair_id = p.pair_id
    """)
    cursor.execute(
        "DELETE FROM rest WHERE uri NOT IN (SELECT uri FROM rest GROUP BY uri HAVING count(DISTINCT side) = 2)"
    )
    if not count(cursor, "rest"):
        return
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE asked AS SELECT prompt_id, hash(messages) AS asked FROM {LAKE}.prompts q
        SEMI JOIN rest r ON r.prompt_id = q.prompt_id
    """)
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE said AS SELECT response_id, hash(text) AS said FROM {LAKE}.responses x
        SEMI JOIN (SELECT unnest([chosen_id, rejected_id]) AS response_id FROM rest) r ON r.response_id = x.response_id
    """)
    cursor.execute("""
        CREATE OR REPLACE TEMP TABLE texts AS
        SELECT r.*, hash(r.uri, q.asked, r.aspect) AS asked, c.said AS chosen, j.said AS rejected,
            hash(r.uri, q.asked, r.aspect, least(c.said, j.said), greatest(c.said, j.said)) AS alike
        FROM rest r JOIN asked q ON q.prompt_id = r.prompt_id
        JOIN said c ON c.response_id = r.chosen_id JOIN said j ON j.response_id = r.rejected_id
    """)
    done = "SELECT a AS pair_id FROM matched UNION ALL SELECT b FROM matched"
    for key, kind in (("alike", _kind("a.chosen = b.chosen")), ("asked", "'text_changed' AS kind, NULL AS detail")):
        left = f"FROM texts t ANTI JOIN ({done}) m USING (pair_id) WHERE side ="
        sides = {side: _placed(cursor, f"{left} '{side}'", key) for side in "ab"}
        cursor.execute(f"""
            INSERT INTO matched SELECT a.pair_id, b.pair_id, {kind}, a.split, b.split
            FROM ({sides["a"]}) a JOIN ({sides["b"]}) b ON b.{key} = a.{key} AND b.place = a.place
        """)


def match_notes(cursor: duckdb.DuckDBPyConnection, root: Path | None, a: ReleaseRow, b: ReleaseRow) -> None:
    """Make `noted` (a, b, detail): pairs with the same texts and label that have other weights, ranks or flags.

    What steps noted of rows is by rows and builds; which of it counted for a release only its files say, so where one of
    the two folders is gone nothing is compared.
    """
    cursor.execute("CREATE OR REPLACE TEMP TABLE noted (a VARCHAR, b VARCHAR, detail VARCHAR)")
    files = [root / row.folder / "pairs.parquet" for row in (a, b)] if root else []
    builds = literal([a.build_id, b.build_id])
    steps = f"SELECT fingerprint FROM {LAKE}.build_steps WHERE list_contains({builds}, build_id)"
    some = cursor.execute(f"SELECT 1 FROM {LAKE}.notes WHERE fingerprint IN ({steps}) LIMIT 1").fetchone()
    if not files or some is None or not all(file.is_file() for file in files):
        return
    x, y = (f"read_parquet({literal(str(file))})" for file in files)
    there = [{column[0] for column in cursor.execute(f"FROM {file} LIMIT 0").description or ()} for file in (x, y)]
    names = [name for name in NOTES if all(name in each for each in there)]  # releases of before have fewer columns
    fields = ", ".join(f"CASE WHEN x.{name} IS DISTINCT FROM y.{name} THEN {literal(name)} END" for name in names)
    if names:
        cursor.execute(f"""
            INSERT INTO noted SELECT * FROM (
                SELECT m.a, m.b, nullif(concat_ws(', ', {fields}), '') AS detail FROM (
                    SELECT a, b FROM matched WHERE kind = 'same'
                    UNION ALL SELECT pair_id, pair_id FROM either WHERE split_a IS NOT NULL AND split_b IS NOT NULL
                ) m JOIN {x} x ON x.pair_id = m.a JOIN {y} y ON y.pair_id = m.b
            ) WHERE detail IS NOT NULL
        """)


def _placed(cursor: duckdb.DuckDBPyConnection, source: str, key: str) -> str:
    """SQL: the rows with their place among those of the same key. Keys that come once, as most do, need no sorting."""
    ((rows, keys),) = cursor.execute(f"SELECT count(*), count(DISTINCT {key}) FROM ({source})").fetchall()
    place = "1" if rows == keys else f"row_number() OVER (PARTITION BY {key} ORDER BY pair_id)"
    return f"SELECT *, {place} AS place FROM ({source})"


def _kind(same_winner: str) -> str:
    """SQL: how the labels of two pairs of the same texts stand to each other."""
    unlike = {column: f"a.{column} IS DISTINCT FROM b.{column}" for column in LABEL}
    fields = ", ".join(f"CASE WHEN {test} THEN {literal(column)} END" for column, test in unlike.items())
    return f"""
        CASE WHEN NOT ({same_winner}) THEN 'flipped' WHEN {" OR ".join(unlike.values())} THEN 'relabelled' ELSE 'same' END
            AS kind,
        CASE WHEN {same_winner} THEN nullif(concat_ws(', ', {fields}), '') END AS detail
    """
