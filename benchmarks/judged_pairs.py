"""A warehouse of judged pairs, written straight into its tables: as many as are asked for, the same ones every time."""

from __future__ import annotations

import duckdb

from warehouse.address import Address
from warehouse.store import SCRATCH, Store

PAIRS_PER_DOCUMENT, PAIRS_PER_PROMPT, SOURCES = 12, 3, 40
DOCUMENTS_AT_ONCE = 4096

# One row is one pair; the three pairs of a prompt are a over b, b over c and a over c, or one time in ten c over a.
NUMBERS = """
WITH n AS (
    SELECT d, i, d * {per_document} + i AS n, md5('prompt ' || d || ' ' || i // {per_prompt}) AS q,
        (['ab', 'bc', if(hash(d, i // {per_prompt}) % 10 = 0, 'ca', 'ac')])[1 + i % {per_prompt}] AS sides
    FROM range({first}, {last}) t(d), range({per_document}) u(i)
), p AS (
    SELECT 'doc_' || lpad(to_hex(d), 20, '0') AS document_id, 'prm_' || substr(q, 1, 20) AS prompt_id,
        'par_' || substr(md5('pair ' || n), 1, 20) AS pair_id,
        'rsp_' || substr(md5(q || sides[1]), 1, 20) AS one, 'rsp_' || substr(md5(q || sides[2]), 1, 20) AS other,
        (hash(n) % 10000) / 10000 AS x, (hash(n, 1) % 10000) / 10000 AS y
    FROM n
)
"""
PAIRS = """
INSERT INTO lake.pairs BY NAME
SELECT pair_id, pair_id AS unit_id, 'stp_pairs' AS fingerprint, document_id, prompt_id, one AS chosen_id, other AS rejected_id,
    x AS score_gap, 0.5 + x / 2 AS p_chosen, round(y, 1) AS confidence, 'planted' AS rule FROM p ORDER BY document_id
"""
SIGNALS = """
INSERT INTO lake.signals BY NAME
SELECT 'sig_' || substr(md5(pair_id || j), 1, 20) AS signal_id, pair_id AS unit_id, 'stp_signals' AS fingerprint, document_id,
    prompt_id, [one, other] AS response_ids, name, 'judge' AS evaluator, v AS value, false AS abstained
FROM p, LATERAL (VALUES (0, 'one', x + y - 1), (1, 'two', x - y)) s(j, name, v) ORDER BY document_id
"""
# What a plan would hold after the steps that made them.
SCOPE = f"""
CREATE TABLE {SCRATCH}.documents AS
WITH d AS (SELECT DISTINCT document_id, hash(document_id) AS h FROM lake.pairs)
SELECT document_id, 'https://site-' || (h % {SOURCES}) // (1 + h % 3) || '.example/' || document_id AS uri, 'CC0-1.0' AS licence
FROM d;
INSERT INTO {SCRATCH}.live SELECT 'pairs', 0, pair_id, prompt_id, document_id FROM lake.pairs;
INSERT INTO {SCRATCH}.live SELECT 'signals', 0, signal_id, prompt_id, document_id FROM lake.signals;
"""


async def write(address: Address, pairs: int) -> None:
    """Write so many pairs, rounded up to whole documents, with two signals about each."""
    store = Store.open(address)
    documents = -(-pairs // PAIRS_PER_DOCUMENT)

    def insert(cursor: duckdb.DuckDBPyConnection, first: int) -> None:
        words = {"per_document": PAIRS_PER_DOCUMENT, "per_prompt": PAIRS_PER_PROMPT, "first": first}
        numbers = NUMBERS.format(**words, last=min(first + DOCUMENTS_AT_ONCE, documents))
        for statement in (PAIRS, SIGNALS):
            into, _, select = statement.partition("BY NAME")
            cursor.execute(f"{into} BY NAME {numbers} {select}")

    try:
        for first in range(0, documents, DOCUMENTS_AT_ONCE):
            await store.write(insert, first)
    finally:
        store.close()


async def put_in_scope(store: Store) -> None:
    """All pairs and signals of the warehouse are those of the plan that has begun."""
    await store.read(lambda cursor: cursor.execute(SCOPE))
