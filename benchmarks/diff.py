"""How long `prefmill diff` takes between releases of a million pairs: a night later, and after the judge has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Setting, at_most, exactly, told
from benchmarks.processes import apart, must, prefmill, run
from warehouse.address import resolve_address
from warehouse.connection import connect, migrate

PAIRS = 1_000_000
PER_DOCUMENT = 100
GOAL_SECONDS, GOAL_MB = 5.0, 2048
STEPS = (
    "mine/read",
    "mine/chunk",
    "mine/qa",
    "sample/grid",
    "judge/pairwise",
    "select/best_worst",
    "select/exact_duplicates",
)

# A pair `i` is the prompt `i` of the document `i // PER_DOCUMENT`. Of 100 documents, in this order: 2 are in the first release
# alone, 2 in the later two alone, 2 were edited in between (their second half of pairs has other answers), and of the rest
# one pair in 100 is dropped by the later releases. In the third release the judge is another one: every pair is made anew,
# one in 10 with the other winner.
ID = "'{}_' || substr(md5({}), 1, 20)"
WHOLE = """
CREATE TEMP TABLE plan AS
SELECT i, i // {per} AS d, i // {per} % 100 AS lot FROM range({pairs}) t(i);
CREATE TEMP TABLE told AS
SELECT i, d, lot, e.edition, {document} AS document_id, {prompt} AS prompt_id, {one} AS one, {other} AS other,
    md5('q' || i) AS asked, e.edition = 1 AND lot IN (4, 5) AND i % {per} >= {per} // 2 AS rewritten
FROM plan, (VALUES (0), (1)) e(edition) WHERE e.edition = 0 OR lot IN (4, 5);
INSERT INTO documents BY NAME SELECT DISTINCT document_id, document_id AS unit_id, 'stp_0' AS fingerprint,
    'shelf/' || d || '.md' AS uri, 'text' AS text, md5(document_id) AS sha256, 'CC0-1.0' AS licence
    FROM told ORDER BY document_id;
INSERT INTO listings SELECT 'lst_' || n, 'shelf/' || d || '.md', 'itm_' || document_id
    FROM (SELECT DISTINCT d, lot, edition, document_id FROM told), (VALUES (1), (2)) t(n)
    WHERE (n = 1 AND edition = 0 AND lot NOT IN (2, 3)) OR (n = 2 AND lot NOT IN (0, 1) AND edition = (lot IN (4, 5))::INTEGER);
INSERT INTO prompts BY NAME SELECT prompt_id, 'u' AS unit_id, 'stp_2' AS fingerprint, document_id, []::VARCHAR[] AS passage_ids,
    [{{'role': 'user', 'content': 'What of ' || asked || '?', 'tool_calls': NULL, 'name': NULL, 'tool_call_id': NULL}}]
        AS messages FROM told ORDER BY document_id;
INSERT INTO responses BY NAME SELECT r.id AS response_id, 'u' AS unit_id, 'stp_3' AS fingerprint, document_id, prompt_id,
    (SELECT string_agg(md5(r.seed || n), '') FROM range(10) t(n)) AS text, 'm' AS model, 'candidate' AS role
    FROM (SELECT *, unnest([{{'id': one, 'seed': 'o' || i || rewritten}}, {{'id': other, 'seed': 'p' || i || rewritten}}]) AS r
        FROM told) ORDER BY document_id;
INSERT INTO pairs BY NAME SELECT {pair} AS pair_id, 'u' AS unit_id, 'stp_5' AS fingerprint, document_id, prompt_id,
    if(judge = 1 AND i % 10 = 0, other, one) AS chosen_id, if(judge = 1 AND i % 10 = 0, one, other) AS rejected_id,
    1.0 AS score_gap, 0.9 AS p_chosen, if(judge = 1 AND i % 10 = 1, 0.5, 0.8) AS confidence, 'best_worst' AS rule
    FROM told, (VALUES (0), (1)) j(judge) WHERE judge = 0 OR lot NOT IN (0, 1) ORDER BY document_id;
INSERT INTO release_rows SELECT 'r' || n, {pair}, if(d % 10 = 0, 'test', 'train')
    FROM told, (VALUES (1, 0), (2, 0), (3, 1)) r(n, judge) WHERE (n = 1 AND edition = 0 AND lot NOT IN (2, 3)) OR
    (n > 1 AND lot NOT IN (0, 1) AND edition = (lot IN (4, 5))::INTEGER AND (lot < 6 OR i % {per} <> 7)) ORDER BY ALL;
INSERT INTO outcomes BY NAME SELECT 'stp_0' AS fingerprint, 'itm_' || document_id AS unit_id, 'mine/read' AS step,
    document_id AS subject_id, document_id, 'ok' AS status, '' AS reason, 'build-1' AS build_id
    FROM (SELECT DISTINCT document_id FROM told);
INSERT INTO outcomes BY NAME SELECT 'stp_6' AS fingerprint, {pair} AS unit_id, 'select/exact_duplicates' AS step,
    {pair} AS subject_id, document_id, if(lot > 5 AND i % {per} = 7, 'none', 'ok') AS status,
    if(lot > 5 AND i % {per} = 7, 'duplicate', '') AS reason, 'build-2' AS build_id FROM told, (VALUES (0), (1)) j(judge);
INSERT INTO builds BY NAME SELECT 'build-' || n AS build_id, 'made' AS recipe, 'lst_' || least(n, 2) AS listing_id,
    'done' AS status, now()::TIMESTAMP AS started_at FROM range(1, 4) t(n);
INSERT INTO build_steps SELECT 'build-' || n, p, s, 'stp_' || p || if(n = 3 AND p = 4, '_new', if(n = 1 AND p = 6, '_old', ''))
    FROM range(1, 4) t(n), (SELECT unnest({steps}) AS s, unnest(range({count})) AS p);
INSERT INTO releases BY NAME SELECT 'r' || n AS release, 'rel_' || n AS release_id, 'made' AS recipe, 'published' AS status,
    1 AS pairs, 1 AS documents, '{{}}' AS splits, '[]' AS gates, '{{}}' AS figures, 1 AS snapshot_id, 'build-' || n AS build_id,
    'releases/r' || n AS folder, '' AS manifest_sha256, 'recipe: made' AS recipe_text, '0' AS code_version, false AS rehearsal,
    now()::TIMESTAMP + INTERVAL 1 SECOND * n AS created_at FROM range(1, 4) t(n);
"""


def measure(setting: Setting) -> Iterator[Figure]:
    """Wall time and peak memory of the command, and whether it counted what was planted."""
    pairs = setting.sized(PAIRS, 20_000)
    room = setting.room("diff")
    apart(make, room / "lake", pairs)
    lots = pairs // 100
    rewritten = 2 * lots // 2
    dropped = 94 * lots // PER_DOCUMENT
    for name, later in (("a night later", "r2"), ("with another judge", "r3")):
        ended = must(run(prefmill("diff", "r1", later, "--json", "-w", "lake"), room))
        found = json.loads(ended.out)["counts"]
        yield at_most(f"diff of two releases of {pairs:,} pairs, {name}", ended.seconds, GOAL_SECONDS, "s")
        yield told("… CPU", ended.cpu_seconds, "s")
        yield at_most("… peak memory", ended.peak_mb, GOAL_MB, "MB")
        yield exactly("… added", found["added"], 2 * lots)
        yield exactly("… removed", found["removed"], 2 * lots + dropped)
        yield exactly("… with other answers", found["text_changed"], rewritten)


def make(folder: Path, pairs: int) -> None:
    """A warehouse with three releases of nearly so many pairs; `pairs` is a multiple of 10,000."""
    connection = connect(resolve_address(str(folder)), memory_limit="8GB")
    migrate(connection)
    connection.execute(f"SET temp_directory = '{folder / 'spill'}'")
    edition = "if(e.edition = 1, 'new', '')"
    connection.execute(
        WHOLE.format(
            pairs=pairs,
            per=PER_DOCUMENT,
            steps=list(STEPS),
            count=len(STEPS),
            document=ID.format("doc", f"'d' || d || {edition}"),
            prompt=ID.format("prm", f"'q' || i || {edition}"),
            one=ID.format("rsp", f"'o' || i || {edition}"),
            other=ID.format("rsp", f"'p' || i || {edition}"),
            pair=ID.format("par", "prompt_id || judge"),
        )
    )
    connection.close()
