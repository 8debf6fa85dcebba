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
    WHERE "order" IS NOT NULL AND len(response_ids) = 2 AND (vote IS NULL OR probability IS NOT NULL)
        AND name NOT LIKE 'cascade/%' GROUP BY ALL
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

-- Every pair that a cascade judged, with what either judge's verdicts over both orders say: P(a) of each (the dear one's only
-- where it was asked), what people say of the pair, and whether each judge says the same (a verdict of one half does not).
-- These are the rows that a policy is fitted on; `cost` is of all calls for the pair.
CREATE OR REPLACE VIEW cascade_rows AS
WITH decided AS (
    SELECT fingerprint, unit_id, any_value(prompt_id) AS prompt_id, any_value(response_ids) AS response_ids,
        max(value) FILTER (name = 'cascade/verification') AS v, max(value) FILTER (name = 'cascade/escalated') = 1 AS escalated
    FROM signals WHERE name IN ('cascade/verification', 'cascade/escalated') GROUP BY fingerprint, unit_id
), verdicts AS (
    SELECT fingerprint, unit_id, any_value(name) FILTER (name NOT LIKE 'control/%') AS plain,
        replace(any_value(name) FILTER (name LIKE 'control/%'), 'control/', '') AS of_control,
        avg(probability) FILTER (name LIKE 'control/%') AS control_p, avg(probability) FILTER (name NOT LIKE 'control/%') AS plain_p,
        any_value(evaluator) FILTER (name LIKE 'control/%') AS control_judge,
        any_value(evaluator) FILTER (name NOT LIKE 'control/%') AS plain_judge
    FROM signals SEMI JOIN decided USING (fingerprint, unit_id)
    WHERE name NOT LIKE 'cascade/%' AND "order" IS NOT NULL GROUP BY fingerprint, unit_id
), judged AS (
    SELECT d.*, coalesce(w.of_control, w.plain) AS principle,
        CASE WHEN d.escalated THEN w.control_p ELSE w.plain_p END AS small_p,
        CASE WHEN d.escalated THEN w.plain_p END AS large_p,
        CASE WHEN d.escalated THEN w.control_judge ELSE w.plain_judge END AS small_judge,
        CASE WHEN d.escalated THEN w.plain_judge END AS large_judge
    FROM decided d JOIN verdicts w USING (fingerprint, unit_id)
), told AS (
    SELECT prompt_id, response_ids, name, avg(CASE vote WHEN 'a' THEN 1.0 WHEN 'tie' THEN 0.5 WHEN 'b' THEN 0.0 END) AS p
    FROM labels WHERE vote IS NOT NULL GROUP BY ALL
), people AS (
    SELECT j.fingerprint, j.unit_id, avg(t.p) AS human_p FROM judged j
    JOIN told t ON t.prompt_id = j.prompt_id AND t.response_ids = j.response_ids AND coalesce(t.name, j.principle) = j.principle
    GROUP BY ALL
)
SELECT o.build_id, o.step, j.fingerprint, j.unit_id, j.prompt_id, j.response_ids, j.principle, j.v, j.escalated,
    j.small_judge, j.small_p, j.large_judge, j.large_p, p.human_p,
    CASE WHEN p.human_p <> 0.5 THEN (sign(j.small_p - 0.5) = sign(p.human_p - 0.5))::INTEGER END AS small,
    CASE WHEN p.human_p <> 0.5 THEN (sign(j.large_p - 0.5) = sign(p.human_p - 0.5))::INTEGER END AS large, o.calls, o.cost
FROM judged j JOIN outcomes o ON o.fingerprint = j.fingerprint AND o.unit_id = j.unit_id
LEFT JOIN people p ON p.fingerprint = j.fingerprint AND p.unit_id = j.unit_id;

-- What every cascade kept and escalated in each build, and what a pair of either kind cost.
CREATE OR REPLACE VIEW cascade_costs AS
SELECT build_id, step, fingerprint, count(*) AS pairs, count(*) FILTER (NOT escalated) AS kept,
    count(*) FILTER (escalated) AS escalated_pairs, escalated_pairs / pairs AS escalated_share, avg(v) AS mean_v,
    sum(calls) AS calls, sum(cost) AS cost, sum(cost) / pairs AS cost_per_pair,
    avg(cost) FILTER (NOT escalated) AS cost_kept, avg(cost) FILTER (escalated) AS cost_escalated
FROM cascade_rows GROUP BY build_id, step, fingerprint;

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
