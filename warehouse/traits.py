"""What can be seen of every pair of a release without reading it for sense: lengths, marks, phrases, and hashes of its texts.

One pass over the texts makes a table of numbers beside the data, and every figure of a release is asked of that table. The
pairs come from the immutable file of a release or, before there is one, from the scope of a build.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.address import Address
from warehouse.connection import connect, literal
from warehouse.release_rows import release_columns
from warehouse.sources import SOURCE_SQL
from warehouse.store import SCRATCH

MEMORY_LIMIT = "400MB"
TRAITS = f"{SCRATCH}.traits"
MATCHED = 0.9
"""Two answers are of one length when the shorter has at least this share of the longer one's characters."""
OPENING = 300
"""A refusal is looked for in so many characters from the start: later on, "I cannot" is mostly about something else."""
LEAST_ANSWER = 50
"""Shorter answers ("Yes.") are equal by chance, and are no leakage."""

MAKE_TRAITS = f"""
CREATE OR REPLACE TABLE {TRAITS} AS
WITH texts AS (
    SELECT pair_id, prompt_id, document_id, split, chosen_model, rejected_model, uri,
        array_to_string(list_transform(prompt, lambda m: m.role || ': ' || m.content), chr(10)) AS prompt,
        chosen[1].content AS chosen, rejected[1].content AS rejected
    FROM ({{source}})
)
SELECT pair_id, prompt_id, document_id, split, chosen_model, rejected_model, {SOURCE_SQL.format(uri='uri')} AS source,
    hash({{prompt_key}}) AS prompt_key, {{sides}}
FROM texts
"""
SIDE = """
    length({side}) AS {side}_chars,
    {headers} AS {side}_headers, {lists} AS {side}_lists, {bold} AS {side}_bold,
    regexp_matches(left({side}, {opening}), {refusal}) AS {side}_refuses,
    regexp_matches({side}, {identity}) AS {side}_names_itself,
    CASE WHEN length({side}) >= {least} THEN hash({key}) END AS {side}_key
"""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Where the pairs are: SQL of rows with the columns of a release."""

    query: str

    @classmethod
    def of_file(cls, path: Path) -> Pairs:
        """The pairs of a written release."""
        return cls(f"SELECT * FROM read_parquet({literal(str(path))})")

    @classmethod
    def in_scope(cls) -> Pairs:
        """The pairs that `deal_out` dealt out last; only on the connection of that build."""
        return cls(release_columns(rehearsal=False))


@contextmanager
def auditor(address: Address) -> Iterator[duckdb.DuckDBPyConnection]:
    """A guest with a scratch database of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="prefmill-audit-") as folder:
        connection = connect(address, read_only=True, memory_limit=MEMORY_LIMIT)
        try:
            connection.execute(f"SET temp_directory = {literal(str(Path(folder) / 'spill'))}")
            connection.execute(f"ATTACH {literal(str(Path(folder) / 'scratch.duckdb'))} AS {SCRATCH}")
            yield connection
        finally:
            connection.close()


def same_text(text: str) -> str:
    """SQL of what texts share that are the same but for case, white space and Unicode form (NFC).

    White space is taken out, not made one blank: that takes a fifth of the time, and no two texts differ by it alone.
    """
    for sign in (9, 10, 13, 32, 160):
        text = f"replace({text}, chr({sign}), '')"
    return f"lower(nfc_normalize({text}))"


def _count(text: str, pattern: str, *, only_with: Sequence[str]) -> str:
    """SQL that counts a pattern; most texts hold none of the words that it cannot do without, which is quick to see."""
    there = " OR ".join(f"contains({text}, {literal(word)})" for word in only_with) or "true"
    return f"CASE WHEN {there} THEN len(regexp_extract_all({text}, {literal(pattern)}))::INTEGER ELSE 0 END"


def make_traits(cursor: duckdb.DuckDBPyConnection, pairs: Pairs, phrases: Mapping[str, str]) -> int:
    """Fill the table of traits; returns how many pairs there are. `phrases` are patterns (RE2) for `refusal` and `identity`."""
    sides = [
        SIDE.format(
            side=side,
            headers=_count(side, r"(?m)^ {0,3}#{1,6}\s", only_with=("#",)),
            lists=_count(side, r"(?m)^[ \t]*(?:[-*+]|\d+[.)])[ \t]", only_with=()),
            bold=_count(side, r"\*\*[^*\n]+\*\*|__[^_\n]+__", only_with=("**", "__")),
            opening=OPENING,
            refusal=literal(phrases["refusal"]),
            identity=literal(phrases["identity"]),
            least=LEAST_ANSWER,
            key=same_text(side),
        )
        for side in ("chosen", "rejected")
    ]
    cursor.execute(MAKE_TRAITS.format(source=pairs.query, prompt_key=same_text("prompt"), sides=",".join(sides)))
    row = cursor.execute(f"SELECT count(*) FROM {TRAITS}").fetchone()
    return int(row[0]) if row else 0
