-- The pairs of the latest published release of each recipe, with their texts.
CREATE OR REPLACE VIEW latest_pairs AS
WITH latest AS (
    SELECT release, recipe FROM releases WHERE status = 'published'
    QUALIFY row_number() OVER (PARTITION BY recipe ORDER BY created_at DESC, release DESC) = 1
)
SELECT l.release, r.split, p.pair_id, q.messages[-1].content AS prompt, c.text AS chosen, j.text AS rejected,
    p.score_gap, p.p_chosen, p.confidence, p.rule, c.model AS chosen_model, j.model AS rejected_model,
    c.role AS chosen_role, j.role AS rejected_role, q.evidence, d.uri, d.title, d.licence, l.recipe,
    p.prompt_id, p.chosen_id, p.rejected_id, p.document_id
FROM latest l
JOIN release_rows r ON r.release = l.release
JOIN pairs p ON p.pair_id = r.pair_id
JOIN prompts q ON q.prompt_id = p.prompt_id
JOIN responses c ON c.response_id = p.chosen_id
JOIN responses j ON j.response_id = p.rejected_id
JOIN documents d ON d.document_id = p.document_id;

-- Every pair back to the characters of the document it came from.
CREATE OR REPLACE VIEW lineage AS
SELECT p.pair_id, p.chosen_id, p.rejected_id, p.prompt_id, s.passage_id, d.document_id, d.uri, s.heading,
    s.start AS passage_start, s."end" AS passage_end, q.evidence,
    CASE WHEN q.evidence IS NULL OR strpos(s.text, q.evidence) = 0 THEN NULL
         ELSE s.start + strpos(s.text, q.evidence) - 1 END AS evidence_start,
    p.fingerprint AS pair_step, q.fingerprint AS prompt_step, s.fingerprint AS passage_step
FROM pairs p
JOIN prompts q ON q.prompt_id = p.prompt_id
LEFT JOIN passages s ON list_contains(q.passage_ids, s.passage_id)
JOIN documents d ON d.document_id = p.document_id;

-- What each build kept, dropped and why, step by step; the latest build first.
CREATE OR REPLACE VIEW funnel AS
SELECT f.build_id, b.recipe, f.position, f.step, f.status, f.reason, f.units, f.rows, b.status AS build_status
FROM build_funnel f JOIN builds b USING (build_id)
ORDER BY b.started_at DESC, f.position, f.units DESC;

-- Position consistency and preference fairness of every judge (arXiv 2406.07791): each pair asked in both orders is
-- consistent, or leans to the answer shown first (primacy) or second (recency). fairness < 0 leans to the first.
CREATE OR REPLACE VIEW judge_consistency AS
WITH both_orders AS (
    SELECT evaluator, name, fingerprint, unit_id, draw,
        max(vote) FILTER (WHERE "order" = 'ab') AS ab, max(vote) FILTER (WHERE "order" = 'ba') AS ba
    FROM signals -- a vote without a probability is no judgement: the judge was told it (judge/rationale)
    WHERE "order" IS NOT NULL AND len(response_ids) = 2 AND (vote IS NULL OR probability IS NOT NULL) GROUP BY ALL
), classed AS (
    SELECT *, CASE
        WHEN ab IS NULL OR ba IS NULL THEN 'missing'
        WHEN ab = ba THEN 'consistent'
        WHEN (ab = 'a' AND ba IN ('b', 'tie')) OR (ab = 'tie' AND ba = 'b') THEN 'primacy'
        ELSE 'recency' END AS class
    FROM both_orders
)
SELECT evaluator, name AS principle, fingerprint, count(*) AS pairs,
    count(*) FILTER (WHERE class = 'consistent') AS consistent,
    count(*) FILTER (WHERE class = 'primacy') AS primacy,
    count(*) FILTER (WHERE class = 'recency') AS recency,
    count(*) FILTER (WHERE class = 'missing') AS missing,
    count(*) FILTER (WHERE ab = 'tie' AND ba = 'tie') AS ties,
    consistent / nullif(consistent + primacy + recency, 0) AS position_consistency,
    (recency * recency - primacy * primacy) / nullif((primacy + recency) * (consistent + primacy + recency), 0)
        AS preference_fairness
FROM classed GROUP BY ALL;

-- What facts change: each verdict beside the one that the same judge gave on the same pair, in the same order and draw,
-- when it was shown other facts (`control: true`). changed: another vote; turned: for the other candidate.
CREATE OR REPLACE VIEW judge_facts_effect AS
WITH compared AS (
    SELECT s.evaluator, s.name AS principle, s.fingerprint, c.fingerprint AS control_fingerprint,
        s.vote, c.vote AS control_vote, s.probability - c.probability AS shift
    FROM signals s JOIN signals c
        ON c.name = 'control/' || s.name AND c.evaluator = s.evaluator AND c.prompt_id = s.prompt_id
        AND c.response_ids = s.response_ids AND c."order" = s."order" AND c.draw = s.draw
    WHERE s.vote IS NOT NULL AND c.vote IS NOT NULL
)
SELECT evaluator, principle, fingerprint, control_fingerprint, count(*) AS verdicts,
    count(*) FILTER (WHERE vote <> control_vote) AS changed,
    count(*) FILTER (WHERE vote <> control_vote AND vote <> 'tie' AND control_vote <> 'tie') AS turned,
    changed / verdicts AS changed_share, avg(abs(shift)) AS mean_shift
FROM compared GROUP BY ALL;

-- What stopping early has saved: of the votes that a step may ask of each pair, those that it did not have to.
CREATE OR REPLACE VIEW judge_votes_saved AS
WITH asked AS (
    SELECT s.evaluator, s.name AS principle, s.fingerprint, s.unit_id, count(*) AS votes
    FROM signals s GROUP BY ALL
), allowed AS (
    SELECT fingerprint, 2 * (identity->>'$.params.votes')::BIGINT AS most
    FROM fingerprints WHERE (identity->>'$.strategy') = 'judge/pairwise' AND (identity->>'$.params.stop_at') IS NOT NULL
)
SELECT a.evaluator, a.principle, a.fingerprint, count(*) AS pairs, sum(a.votes)::BIGINT AS asked,
    (sum(l.most) - sum(a.votes))::BIGINT AS saved, saved / sum(l.most) AS saved_share
FROM asked a JOIN allowed l ON l.fingerprint = a.fingerprint GROUP BY ALL;

-- What every step has cost so far, over all builds.
CREATE OR REPLACE VIEW cost_by_step AS
SELECT step, fingerprint, count(*) AS units, sum(calls) AS calls, sum(tokens_in) AS tokens_in,
    sum(tokens_out) AS tokens_out, sum(tokens_cached) AS tokens_cached,
    sum(tokens_cached) / nullif(sum(tokens_in), 0) AS cached_share, sum(cost) AS cost, sum(seconds) AS seconds
FROM outcomes GROUP BY ALL ORDER BY cost DESC, calls DESC;

-- Must be empty after every build.
CREATE OR REPLACE VIEW audit_units_with_two_outcomes AS
SELECT fingerprint, unit_id, count(*) AS outcomes FROM outcomes GROUP BY ALL HAVING count(*) > 1;

CREATE OR REPLACE VIEW audit_rows_stored_twice AS
SELECT 'documents' AS tab, document_id AS id FROM documents GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'passages', passage_id FROM passages GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'prompts', prompt_id FROM prompts GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'responses', response_id FROM responses GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'signals', signal_id FROM signals GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'pairs', pair_id FROM pairs GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'labels', label_id FROM labels GROUP BY ALL HAVING count(*) > 1;

CREATE OR REPLACE VIEW audit_rows_without_outcome AS
WITH rows_of AS (
    SELECT 'passages' AS tab, fingerprint, unit_id FROM passages
    UNION ALL SELECT 'prompts', fingerprint, unit_id FROM prompts
    UNION ALL SELECT 'responses', fingerprint, unit_id FROM responses
    UNION ALL SELECT 'signals', fingerprint, unit_id FROM signals
    UNION ALL SELECT 'pairs', fingerprint, unit_id FROM pairs
    UNION ALL SELECT 'labels', fingerprint, unit_id FROM labels
)
SELECT r.* FROM rows_of r ANTI JOIN outcomes o ON o.fingerprint = r.fingerprint AND o.unit_id = r.unit_id AND o.status = 'ok';

CREATE OR REPLACE VIEW audit_orphans AS
SELECT 'pairs' AS tab, p.pair_id AS id FROM pairs p ANTI JOIN prompts q ON q.prompt_id = p.prompt_id
UNION ALL SELECT 'pairs', p.pair_id FROM pairs p ANTI JOIN responses r ON r.response_id = p.chosen_id
UNION ALL SELECT 'pairs', p.pair_id FROM pairs p ANTI JOIN responses r ON r.response_id = p.rejected_id
UNION ALL SELECT 'responses', r.response_id FROM responses r ANTI JOIN prompts q ON q.prompt_id = r.prompt_id
UNION ALL SELECT 'signals', s.signal_id FROM signals s ANTI JOIN prompts q ON q.prompt_id = s.prompt_id
UNION ALL SELECT 'prompts', q.prompt_id FROM prompts q ANTI JOIN documents d ON d.document_id = q.document_id
UNION ALL SELECT 'passages', s.passage_id FROM passages s ANTI JOIN documents d ON d.document_id = s.document_id
UNION ALL SELECT 'outcomes', o.unit_id FROM outcomes o ANTI JOIN fingerprints f ON f.fingerprint = o.fingerprint;

CREATE OR REPLACE VIEW audit_pairs_that_prefer_nothing AS
SELECT p.pair_id FROM pairs p
JOIN responses c ON c.response_id = p.chosen_id JOIN responses r ON r.response_id = p.rejected_id
WHERE c.text = r.text OR trim(c.text) = '' OR trim(r.text) = '';
