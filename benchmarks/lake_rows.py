"""The rows of `benchmarks.lake` as SQL; `{{name}}` is what `lake` fills in."""

from __future__ import annotations

SENTENCES = (
    "The runner stone turns above the bedstone and never touches it.",
    "A millstone is dressed with furrows that lead the flour outwards.",
    "The hopper lets grain fall into the eye of the stone.",
    "French burr is harder than any stone of the region.",
    "Each furrow is cut anew after a few hundred hours of work.",
    "Tallow keeps the footstep bearing of the great spindle cool.",
    "The miller listens to the damsel to know how fast the stones run.",
    "Water is led over the wheel where the stream falls far enough.",
    "An undershot wheel takes less than a third of what the water could give.",
    "The gap between the stones is set with the tentering screw.",
    "Bran is what is left in the sieve when the flour has gone through.",
    "Wooden cogs are made of apple or hornbeam and greased in spring.",
    "A brake wheel of oak stops the sails when a storm comes up.",
    "The cap of the mill is turned until the sails face the wind.",
    "Meal that comes out hot has been ground too fast.",
    "Old stones were cemented from pieces and bound with iron hoops.",
)
SUBJECTS = ("the runner stone", "the hopper", "French burr", "the damsel", "the wheel", "the tentering screw", "the sieve", "the cap")
TOPICS = ("flour", "heat", "wear", "speed", "wind", "water", "wood", "iron", "grain", "noise", "safety", "repair", "cost")
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "Apache-2.0")
SOURCES = 40


def _one_of(texts: tuple[str, ...], number: str) -> str:
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    return f"list_extract([{quoted}], 1 + ({number} % {len(texts)})::INT)"


# One row is a passage: its document d, its place k there, its number n, its question and the three answers to it.
PAGE = f"""
CREATE OR REPLACE TEMP TABLE docs AS
SELECT d, 'doc_' || md5('d' || d)[:20] AS document_id, 'itm_' || md5('i' || d)[:20] AS item_id,
    'shelf-' || d // 16 % {SOURCES} || '/' || d || '.md' AS uri, {_one_of(LICENCES, "d // 64")} AS licence,
    list_transform(range(4), lambda k: {_one_of(SENTENCES, "hash(d, k)")}) AS said
FROM range({{{{first}}}}, {{{{last}}}}) t(d);
CREATE OR REPLACE TEMP TABLE passages AS
SELECT d, k, document_id, d * 4 + k AS n, 'psg_' || md5('s' || n)[:20] AS passage_id, 'prm_' || md5('q' || n)[:20] AS prompt_id,
    hash(n) AS h, said[k + 1] AS evidence, '## Part ' || k || chr(10) || chr(10) AS head,
    head || evidence || ' ' || {_one_of(SENTENCES, "hash(n, 1)")} || chr(10) || chr(10) AS text,
    {{{{principles}}}}[1 + (h // 7 % len({{{{principles}}}}))::INT] AS principle,
    list_transform(range(3), lambda i: 'rsp_' || md5('r' || n || '.' || i)[:20]) AS answers
FROM docs, range(4) u(k);
CREATE OR REPLACE TEMP TABLE compared AS
SELECT d, document_id, prompt_id, n, n * 3 + c AS m, principle, n % 20 <> 10 AS is_kept, answers[one] AS one_id, answers[two] AS two_id,
    'grp_' || md5('g' || m)[:20] AS group_id, 'par_' || md5('p' || m)[:20] AS pair_id, m % 1000 = 77 AS is_broken,
    if(n % 20 = 10, 1, hash(m) % 5) AS leaning, (hash(m, 2) % 1000 / 1000)::DOUBLE AS x, (hash(m, 3) % 1000 / 1000)::DOUBLE AS y
FROM passages, (VALUES (0, 1, 2), (1, 2, 3), (2, 1, 3)) v(c, one, two) WHERE n % 20 <> 0;
"""


def _outcomes(fingerprint: int, unit: str, subject: str, rows: str, source: str, **more: str) -> str:
    """Outcomes of the step with this place among the steps, one for each row of a query."""
    said = {"status": "'ok'", "reason": "''", "detail": "''", "calls": "0", "tokens_in": "0", "tokens_out": "0"} | more
    return f"""
        INSERT INTO lake.outcomes
        SELECT {{{{fingerprints}}}}[{fingerprint + 1}], {unit}, {{{{steps}}}}[{fingerprint + 1}], {subject}, document_id,
            {said["status"]}, {said["reason"]}, {said["detail"]}, {rows}, {said["calls"]}, {said["tokens_in"]},
            {said["tokens_out"]}, {said["tokens_in"]} // 2, ({said["calls"]}) * 0.0001, 0.01, '{{{{build_id}}}}'
        FROM {source}
    """


IS_DROPPED = "m % 100 = {{dropped}}"
SIFTED = {
    "status": f"if({IS_DROPPED}, 'none', 'ok')",
    "reason": f"if({IS_DROPPED}, 'below_min', '')",
    "detail": f"if({IS_DROPPED}, 'score_gap is below 0.05', '')",
}

STORED = (
    f"""
    INSERT INTO lake.documents
    SELECT document_id, item_id, {{{{fingerprints}}}}[1], uri, 'Mills, part ' || d,
        array_to_string(list_transform(range(4), lambda k: '## Part ' || k || chr(10) || chr(10) || said[k + 1] || ' '
            || {_one_of(SENTENCES, "hash(d * 4 + k, 1)")} || chr(10) || chr(10)), ''),
        'text/markdown', licence, md5('t' || d) || md5('u' || d), TIMESTAMP '2026-01-01' + INTERVAL 1 DAY * {{{{number}}}}
    FROM docs ORDER BY d
    """,
    _outcomes(0, "item_id", "document_id", "1", "docs ORDER BY d"),
    _outcomes(1, "document_id", "document_id", "4", "docs ORDER BY d"),
    """
    INSERT INTO lake.passages
    SELECT passage_id, document_id, {{fingerprints}}[2], document_id,
        coalesce(sum(length(text)) OVER (PARTITION BY d ORDER BY k ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS begins,
        begins + length(text), text, 'Part ' || k
    FROM passages ORDER BY n
    """,
    _outcomes(
        2, "passage_id", "passage_id", "if(n % 20 = 0, 0, 1)", "passages ORDER BY n", calls="1", tokens_in="210", tokens_out="40",
        status="if(n % 20 = 0, 'none', 'ok')", reason="if(n % 20 = 0, 'nothing_to_ask', '')",
    ),
    f"""
    INSERT INTO lake.prompts BY NAME
    SELECT prompt_id, passage_id AS unit_id, {{{{fingerprints}}}}[3] AS fingerprint, document_id,
        [{{role: 'user', content: 'What does ' || {_one_of(SUBJECTS, "h")} || ' have to do with '
            || {_one_of(TOPICS, "h // 8")} || ', in part ' || k || ' of mill ' || d || '?'}}] AS messages,
        [passage_id] AS passage_ids, evidence AS reference, evidence,
        ['category:' || {_one_of(TOPICS, "h // 8")}] AS tags
    FROM passages WHERE n % 20 <> 0 ORDER BY n
    """,
    _outcomes(
        3, "prompt_id", "prompt_id", "3", "passages WHERE n % 20 <> 0 ORDER BY n", calls="1", tokens_in="260", tokens_out="150",
    ),
    f"""
    INSERT INTO lake.responses BY NAME
    SELECT answers[i + 1] AS response_id, prompt_id AS unit_id, {{{{fingerprints}}}}[4] AS fingerprint, document_id, prompt_id,
        {_one_of(SENTENCES, "hash(n, i, 4)")} || if(hash(n, i, 5) % 3 >= i, ' ' || {_one_of(SENTENCES, "hash(n, i, 6)")}, '')
            || ' (' || n || '/' || i || ')' AS text,
        {{{{models}}}}[1 + (hash(n, i, 7) % 3)::INT] AS model, 'candidate' AS role, 'grid t=0.8' AS strategy, i AS draw,
        'stop' AS finish_reason, 40 + hash(n, i, 5) % 3 * 10 AS tokens
    FROM passages, range(3) t(i) WHERE n % 20 <> 0 ORDER BY n, i
    """,
    _outcomes(
        4, "group_id", "prompt_id", "if(is_broken, 0, 2)", "compared ORDER BY m", calls="2", tokens_in="700", tokens_out="60",
        status="if(is_broken, 'failed', 'ok')", reason="if(is_broken, 'truncated_reply', '')",
    ),
    """
    INSERT INTO lake.signals BY NAME
    SELECT 'sig_' || md5('v' || m || o)[:20] AS signal_id, group_id AS unit_id, {{fingerprints}}[5] AS fingerprint, document_id,
        prompt_id, [one_id, two_id] AS response_ids, principle AS name, '{{judge}}' AS evaluator, o AS "order", 0 AS draw,
        if(leaning = 1, if(o = 'ab', 'a', 'b'), 'a') AS vote, if(vote = 'a', 0.5 + x / 2, 0.5 - x / 2) AS probability,
        false AS abstained, if(vote = 'a', 'The first answer says more.', 'The second answer says more.') AS rationale,
        '{"winner":"' || vote || '"}' AS raw
    FROM compared, (VALUES ('ab'), ('ba')) v(o) WHERE NOT is_broken ORDER BY m, o
    """,
    _outcomes(
        5, "'grp_' || md5('l' || n)[:20]", "prompt_id", "if(n % 20 = 10, 0, 3)", "passages WHERE n % 20 <> 0 ORDER BY n",
        status="if(n % 20 = 10, 'none', 'ok')", reason="if(n % 20 = 10, 'order_inconsistent', '')",
    ),
    """
    INSERT INTO lake.pairs BY NAME
    SELECT pair_id, 'grp_' || md5('l' || n)[:20] AS unit_id, {{fingerprints}}[6] AS fingerprint, document_id, prompt_id,
        one_id AS chosen_id, two_id AS rejected_id, x AS score_gap, 0.5 + x / 2 AS p_chosen, round(y, 2) AS confidence,
        'from_scores' AS rule
    FROM compared WHERE is_kept ORDER BY m
    """,
    _outcomes(6, "pair_id", "pair_id", f"if({IS_DROPPED}, 0, 1)", "compared WHERE is_kept ORDER BY m", **SIFTED),
    """
    INSERT INTO lake.notes BY NAME
    SELECT 'nte_' || md5('w' || m)[:20] AS note_id, pair_id AS unit_id, {{fingerprints}}[7] AS fingerprint, document_id,
        pair_id AS subject_id, 'flag/short' AS name, 1.0 AS value
    FROM compared WHERE is_kept AND m % 100 = 50 ORDER BY m
    """,
)  # fmt: skip

# The number of a comparison can be told from its pair's place: documents come back in the order of their numbers.
SIFTED_AGAIN = f"""
INSERT INTO lake.outcomes
SELECT {{{{fingerprints}}}}[7], pair_id, {{{{steps}}}}[7], pair_id, document_id, {SIFTED["status"]}, {SIFTED["reason"]},
    {SIFTED["detail"]}, if({IS_DROPPED}, 0, 1), 0, 0, 0, 0, 0.0, 0.01, '{{{{build_id}}}}'
FROM (
    SELECT m, 'par_' || md5('p' || m)[:20] AS pair_id, 'doc_' || md5('d' || m // 12)[:20] AS document_id
    FROM range({{{{first}}}} * 12, {{{{last}}}} * 12) t(m) WHERE m // 3 % 20 NOT IN (0, 10)
) ORDER BY m
"""

BUILDS_SQL = (
    """
    INSERT INTO lake.listings SELECT 'lst_{{number}}', 'shelf-' || d // 16 % 40 || '/' || d || '.md', 'itm_' || md5('i' || d)[:20]
    FROM range({{first}}, {{last}}) t(d) ORDER BY d
    """,
    """
    INSERT INTO lake.builds BY NAME SELECT '{{build_id}}' AS build_id, '{{recipe}}' AS recipe, 'recipe: {{recipe}}' AS recipe_text,
        'lst_{{number}}' AS listing_id, 'build' AS kind, 'done' AS status, '' AS message, '0.1.0' AS code_version, '{}' AS models,
        TIMESTAMP '2026-01-01' + INTERVAL 1 DAY * {{number}} AS started_at, started_at + INTERVAL 5 HOUR AS finished_at
    """,
    """
    INSERT INTO lake.build_steps SELECT '{{build_id}}', i, ({{steps}} || ['land/release'])[i + 1],
        ({{fingerprints}} || ['stp_{{recipe}}_release'])[i + 1] FROM range(8) t(i)
    """,
    """
    INSERT INTO lake.fingerprints SELECT s.fingerprint, s.step, '{"strategy":"' || s.step || '","params":{},"models":[]}'
    FROM lake.build_steps s ANTI JOIN lake.fingerprints f ON f.fingerprint = s.fingerprint
    WHERE s.build_id = '{{build_id}}' ORDER BY s.position
    """,
    """
    INSERT INTO lake.build_funnel
    SELECT '{{build_id}}', s.position, s.step, o.status, o.reason, count(*), sum(o.rows)
    FROM lake.outcomes o JOIN lake.build_steps s ON s.fingerprint = o.fingerprint AND s.build_id = '{{build_id}}' GROUP BY ALL
    """,
)
RELEASE_SQL = (
    """
    INSERT INTO lake.release_rows
    SELECT '{{release}}', pair_id, split FROM (
        SELECT 'par_' || md5('p' || m)[:20] AS pair_id,
            CASE hash(m // 12) % 20 WHEN 0 THEN 'test' WHEN 1 THEN 'validation' ELSE 'train' END AS split
        FROM range({{first}} * 12, {{last}} * 12) t(m) WHERE m // 3 % 20 NOT IN (0, 10) AND m % 100 <> {{dropped}}
    ) ORDER BY pair_id
    """,
    """
    INSERT INTO lake.releases BY NAME
    SELECT '{{release}}' AS release, 'rel_{{number}}' AS release_id, '{{recipe}}' AS recipe, 'published' AS status,
        count(*) AS pairs, {{last}} - {{first}} AS documents, '{}' AS splits, '[]' AS gates, '{}' AS figures,
        {{snapshot}} AS snapshot_id, '{{build_id}}' AS build_id, 'releases/{{release}}' AS folder, '' AS manifest_sha256,
        'recipe: {{recipe}}' AS recipe_text, '0.1.0' AS code_version, false AS rehearsal,
        TIMESTAMP '2026-01-01 04:00:00' + INTERVAL 1 DAY * {{number}} AS created_at, '{{step_list}}' AS fingerprints,
        '{}' AS models, '{"seed":0}' AS dealt, '{}' AS left_out
    FROM lake.release_rows WHERE release = '{{release}}'
    """,
)
