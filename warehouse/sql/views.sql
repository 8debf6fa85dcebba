-- Which rows no count has yet: those of snapshots since the last one (warehouse/counting.py).
CREATE OR REPLACE VIEW snapshots_uncounted AS
SELECT tab, unnest(range(coalesce(max(snapshot_id), -1) + 1, (SELECT (id + 1)::BIGINT FROM ducklake_current_snapshot('lake')))) AS snapshot_id
FROM (SELECT unnest(['outcomes', 'signals']) AS tab, NULL AS snapshot_id UNION ALL FROM counted) GROUP BY tab;

-- The latest published release of each recipe.
CREATE OR REPLACE VIEW latest_releases AS
SELECT release, recipe, pairs, documents, build_id, created_at FROM releases WHERE status = 'published'
QUALIFY row_number() OVER (PARTITION BY recipe ORDER BY created_at DESC, release DESC) = 1;

-- The pairs of the latest published release of each recipe, with their texts. Rows of one pair are rows of one document: said
-- with each join, that spares reading most ids, because a document's rows lie together.
CREATE OR REPLACE VIEW latest_pairs AS
SELECT l.release, r.split, p.pair_id, q.messages[-1].content AS prompt, c.text AS chosen, j.text AS rejected,
    p.score_gap, p.p_chosen, p.confidence, p.rule, c.model AS chosen_model, j.model AS rejected_model,
    c.role AS chosen_role, j.role AS rejected_role, q.evidence, d.uri, d.title, d.licence, l.recipe,
    p.prompt_id, p.chosen_id, p.rejected_id, p.document_id
FROM latest_releases l
JOIN release_rows r ON r.release = l.release
JOIN pairs p ON p.pair_id = r.pair_id
JOIN prompts q ON q.document_id = p.document_id AND q.prompt_id = p.prompt_id
JOIN responses c ON c.document_id = p.document_id AND c.response_id = p.chosen_id
JOIN responses j ON j.document_id = p.document_id AND j.response_id = p.rejected_id
JOIN documents d ON d.document_id = p.document_id;

-- The pairs of every release, whatever became of it, with their texts.
CREATE OR REPLACE VIEW release_pairs AS
SELECT r.release, l.status, r.split, p.pair_id, q.messages[-1].content AS prompt, c.text AS chosen, j.text AS rejected,
    p.score_gap, p.p_chosen, p.confidence, p.rule, d.uri, d.licence, p.prompt_id, p.chosen_id, p.rejected_id, p.document_id
FROM release_rows r
JOIN releases l ON l.release = r.release
JOIN pairs p ON p.pair_id = r.pair_id
JOIN prompts q ON q.document_id = p.document_id AND q.prompt_id = p.prompt_id
JOIN responses c ON c.document_id = p.document_id AND c.response_id = p.chosen_id
JOIN responses j ON j.document_id = p.document_id AND j.response_id = p.rejected_id
JOIN documents d ON d.document_id = p.document_id;

-- What became of the pairs of one release in another: FROM release_diff('mill-1', 'mill-2'). Pairs of the same two answers are
-- held against each other, whatever their ids; `prefmill diff` also compares texts, and says why.
CREATE OR REPLACE MACRO release_diff(earlier, later) AS TABLE
WITH held AS (
    SELECT r.release, r.split, p.*, least(p.chosen_id, p.rejected_id) AS one, greatest(p.chosen_id, p.rejected_id) AS other,
        row_number() OVER (PARTITION BY r.release, one, other, p.aspect ORDER BY p.pair_id) AS place
    FROM release_rows r JOIN pairs p ON p.pair_id = r.pair_id WHERE r.release IN (earlier, later)
), x AS (FROM held WHERE release = earlier), y AS (FROM held WHERE release = later)
SELECT CASE WHEN x.pair_id IS NULL THEN 'added' WHEN y.pair_id IS NULL THEN 'removed' WHEN x.chosen_id <> y.chosen_id THEN 'flipped'
        WHEN (x.score_gap, x.p_chosen, x.confidence, x.rule) IS DISTINCT FROM (y.score_gap, y.p_chosen, y.confidence, y.rule)
        THEN 'relabelled' ELSE 'kept' END AS kind,
    x.pair_id AS earlier_id, y.pair_id AS later_id, x.split AS earlier_split, y.split AS later_split,
    coalesce(x.prompt_id, y.prompt_id) AS prompt_id, coalesce(x.document_id, y.document_id) AS document_id
FROM x FULL JOIN y ON y.one = x.one AND y.other = x.other AND y.aspect IS NOT DISTINCT FROM x.aspect AND y.place = x.place;

-- Every pair back to the characters of the document it came from.
CREATE OR REPLACE VIEW lineage AS
SELECT p.pair_id, p.chosen_id, p.rejected_id, p.prompt_id, s.passage_id, d.document_id, d.uri, s.heading,
    s.start AS passage_start, s."end" AS passage_end, q.evidence,
    CASE WHEN q.evidence IS NULL OR strpos(s.text, q.evidence) = 0 THEN NULL
         ELSE s.start + strpos(s.text, q.evidence) - 1 END AS evidence_start,
    p.fingerprint AS pair_step, q.fingerprint AS prompt_step, s.fingerprint AS passage_step
FROM pairs p
JOIN prompts q ON q.document_id = p.document_id AND q.prompt_id = p.prompt_id
LEFT JOIN passages s ON list_contains(q.passage_ids, s.passage_id)
JOIN documents d ON d.document_id = p.document_id;

-- What each build kept, dropped and why, step by step; the latest build first.
CREATE OR REPLACE VIEW funnel AS
SELECT f.build_id, b.recipe, f.position, f.step, f.status, f.reason, f.units, f.rows, b.status AS build_status
FROM build_funnel f JOIN builds b USING (build_id)
ORDER BY b.started_at DESC, f.position, f.units DESC;

-- The funnel held against the rows in scope, which were counted by themselves: in = kept + every reason. One line for the table
-- that a step makes or sifts, for each table that lost rows along with it, and for a release. `taken_along` hung on rows
-- that left, `set_aside` is of documents with pending units. `difference` must be 0; NULL where files become documents.
CREATE OR REPLACE VIEW funnel_balance AS
WITH ended AS (
    SELECT build_id, position, sum(units) AS units, coalesce(sum(units) FILTER (status = 'ok'), 0) AS kept,
        coalesce(sum(units) FILTER (status IN ('none', 'failed')), 0) AS dropped,
        coalesce(sum(units) FILTER (status = 'pending'), 0) AS pending, sum(rows) AS made
    FROM build_funnel GROUP BY ALL
), scope AS (
    SELECT *, coalesce(lag(rows_out) OVER (PARTITION BY build_id, tab ORDER BY position), 0) AS rows_in,
        bool_or(work = 'sifts') OVER (PARTITION BY build_id, position) AS is_sifted
    FROM build_rows
), moved AS (
    SELECT s.build_id, s.position, s.tab, s.work, s.rows_in, if(s.work = 'makes', coalesce(e.made, 0), 0) AS made,
        if(s.work = 'sifts', coalesce(e.kept, 0), NULL) AS kept, if(s.work = 'sifts', coalesce(e.dropped, 0), 0) AS dropped,
        if(s.work = 'sifts', coalesce(e.pending, 0), 0) AS pending,
        if(s.work = '' AND s.is_sifted, s.rows_in - s.rows_done, 0) AS taken_along, s.rows_done - s.rows_out AS set_aside,
        s.rows_out, s.rows_done, coalesce(e.units, 0) AS units
    FROM scope s LEFT JOIN ended e ON e.build_id = s.build_id AND e.position = s.position
), released AS (
    SELECT s.build_id, b.position, s.tab, 'releases' AS work, s.rows_out AS rows_in, r.pairs AS rows_out,
        coalesce(list_sum((r.left_out->'$.*')::BIGINT[]), 0)::BIGINT AS dropped
    FROM build_rows s JOIN build_steps b ON b.build_id = s.build_id AND b.step = 'land/release'
    JOIN releases r ON r.build_id = s.build_id WHERE s.tab = 'pairs'
    QUALIFY row_number() OVER (PARTITION BY s.build_id, r.release ORDER BY s.position DESC) = 1
)
SELECT m.build_id, m.position, b.step, m.tab, m.work, m.rows_in::BIGINT AS rows_in, m.made::BIGINT AS made,
    m.kept::BIGINT AS kept, m.dropped::BIGINT AS dropped, m.pending::BIGINT AS pending, m.taken_along::BIGINT AS taken_along,
    m.set_aside::BIGINT AS set_aside, m.rows_out::BIGINT AS rows_out,
    (CASE m.work WHEN 'reads' THEN NULL
        WHEN 'sifts' THEN greatest(abs(m.rows_in - m.units), abs(m.rows_in - m.kept - m.dropped - m.pending),
            abs(m.rows_in - m.dropped - m.rows_done))
        ELSE abs(m.rows_in + m.made - m.taken_along - m.rows_done) END)::BIGINT AS difference
FROM moved m JOIN build_steps b ON b.build_id = m.build_id AND b.position = m.position
WHERE m.work <> '' OR m.rows_in <> m.rows_out
UNION ALL BY NAME
SELECT r.build_id, r.position, 'land/release' AS step, r.tab, r.work, r.rows_in, 0 AS made, r.rows_out AS kept,
    r.dropped, 0 AS pending, 0 AS taken_along, 0 AS set_aside, r.rows_out,
    abs(r.rows_in - r.dropped - r.rows_out) AS difference
FROM released r
ORDER BY build_id, position, tab;

-- Documents that must not be in a release any more, each with the revocation that says so: found at a revoked place by any
-- build, or under a revoked licence now.
CREATE OR REPLACE VIEW revoked_documents AS
WITH live AS (FROM revocations WHERE lifted_at IS NULL), covered AS (
    SELECT c.revocation_id, d.document_id FROM revocation_documents c JOIN documents f ON f.document_id = c.document_id
    JOIN documents d ON d.sha256 = f.sha256 -- the same text is another document where it is of another kind
    UNION SELECT r.revocation_id, d.document_id FROM documents d JOIN live r ON r.kind = 'licence' AND lower(r.value) = lower(d.licence)
)
SELECT d.document_id, d.uri, d.title, d.licence, r.revocation_id, r.kind, r.value, r.note, r.revoked_at
FROM covered c JOIN live r ON r.revocation_id = c.revocation_id JOIN documents d ON d.document_id = c.document_id;

-- Releases with rows from documents that were revoked since, newest first. They stay as they were published.
CREATE OR REPLACE VIEW affected_releases AS
SELECT r.release, r.recipe, r.status, r.pairs, count(*) AS affected_pairs,
    count(DISTINCT p.document_id) AS affected_documents, r.created_at
FROM releases r JOIN release_rows l ON l.release = r.release JOIN pairs p ON p.pair_id = l.pair_id
SEMI JOIN revoked_documents d ON d.document_id = p.document_id
GROUP BY r.release, r.recipe, r.status, r.pairs, r.created_at ORDER BY r.created_at DESC, r.release DESC;

-- Comparisons that no count has yet (warehouse/counting.py): those that landed since the last one. The verdicts on one pair in
-- both orders land together. A vote without a probability is no judgement: the judge was told it (judge/rationale).
CREATE OR REPLACE VIEW verdicts_uncounted AS
WITH both_orders AS (
    SELECT evaluator, name, fingerprint, unit_id, draw,
        max(vote) FILTER (WHERE "order" = 'ab') AS ab, max(vote) FILTER (WHERE "order" = 'ba') AS ba
    FROM signals s SEMI JOIN snapshots_uncounted n ON n.tab = 'signals' AND n.snapshot_id = s.snapshot_id
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
SELECT evaluator, name, fingerprint, count(*) AS pairs, count(*) FILTER (WHERE class = 'consistent') AS consistent,
    count(*) FILTER (WHERE class = 'primacy') AS primacy, count(*) FILTER (WHERE class = 'recency') AS recency,
    count(*) FILTER (WHERE class = 'missing') AS missing, count(*) FILTER (WHERE ab = 'tie' AND ba = 'tie') AS ties
FROM classed GROUP BY ALL;

-- Position consistency and preference fairness of every judge (arXiv 2406.07791): each pair asked in both orders is
-- consistent, or leans to the answer shown first (primacy) or second (recency). fairness < 0 leans to the first.
CREATE OR REPLACE VIEW judge_consistency AS
WITH summed AS (
    SELECT evaluator, name AS principle, fingerprint, sum(pairs)::BIGINT AS pairs, sum(consistent)::BIGINT AS consistent,
        sum(primacy)::BIGINT AS primacy, sum(recency)::BIGINT AS recency, sum(missing)::BIGINT AS missing,
        sum(ties)::BIGINT AS ties
    FROM (FROM verdict_counts UNION ALL BY NAME FROM verdicts_uncounted) GROUP BY ALL
)
SELECT *, consistent / nullif(consistent + primacy + recency, 0) AS position_consistency,
    CASE WHEN primacy + recency = 0 AND consistent > 0 THEN 0.0
        ELSE (recency * recency - primacy * primacy) / nullif((primacy + recency) * (consistent + primacy + recency), 0)
        END AS preference_fairness
FROM summed;

-- What facts change: each verdict beside the one that the same judge gave on the same pair, in the same order and draw,
-- when it was shown other facts (`control: true`). changed: another vote; turned: for the other candidate.
CREATE OR REPLACE VIEW judge_facts_effect AS
WITH compared AS (
    SELECT s.evaluator, s.name AS principle, s.fingerprint, c.fingerprint AS control_fingerprint,
        s.vote, c.vote AS control_vote, s.probability - c.probability AS shift
    FROM signals s JOIN signals c
        ON c.name = 'control/' || s.name AND c.evaluator = s.evaluator AND c.prompt_id = s.prompt_id
        AND c.response_ids = s.response_ids AND c."order" = s."order" AND c.draw = s.draw
        AND c.fingerprint <> s.fingerprint -- within one step a control is a cascade's cheap judge, which saw the same facts
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

-- Every call of a judge on two answers, with its choice (a, b, tie; NULL: unreadable, or `abstained`) and the probability
-- of a that it gave or that its choice stands for.
CREATE OR REPLACE VIEW judge_calls AS
SELECT evaluator, name AS principle, fingerprint, prompt_id, response_ids, "order", coalesce(draw, 0) AS draw,
    coalesce(abstained, false) AS abstained,
    coalesce(vote, CASE WHEN probability IS NULL THEN NULL WHEN abs(probability - 0.5) < 1e-9 THEN 'tie'
        WHEN probability > 0.5 THEN 'a' ELSE 'b' END) AS choice,
    coalesce(probability, CASE vote WHEN 'a' THEN 1.0 WHEN 'tie' THEN 0.5 WHEN 'b' THEN 0.0 END) AS p
FROM signals WHERE len(response_ids) = 2 AND (vote IS NOT NULL OR value IS NULL);

-- What people, or a labelled set itself, say of two answers: the set's own label (annotator `gold`), or what more of
-- them say than anything else; two scores are as good as a vote.
CREATE OR REPLACE VIEW gold_labels AS
WITH said AS (SELECT DISTINCT prompt_id, response_ids, annotator, vote, score FROM labels WHERE name IS NULL),
votes AS (
    SELECT prompt_id, response_ids, max(vote) FILTER (annotator = 'gold') AS own, count(*) FILTER (vote = 'a') AS a,
        count(*) FILTER (vote = 'b') AS b, count(*) FILTER (vote = 'tie') AS ties
    FROM said WHERE vote IS NOT NULL GROUP BY ALL
), scores AS (
    SELECT prompt_id, response_ids[1] AS id, coalesce(max(score) FILTER (annotator = 'gold'), avg(score)) AS score
    FROM said WHERE score IS NOT NULL GROUP BY ALL
)
SELECT prompt_id, response_ids,
    coalesce(own, CASE WHEN a > b AND a > ties THEN 'a' WHEN b > a AND b > ties THEN 'b' ELSE 'tie' END) AS gold
FROM votes
UNION ALL
SELECT x.prompt_id, [x.id, y.id],
    CASE WHEN abs(x.score - y.score) < 1e-9 THEN 'tie' WHEN x.score > y.score THEN 'a' ELSE 'b' END
FROM scores x JOIN scores y ON y.prompt_id = x.prompt_id AND x.id < y.id
ANTI JOIN votes v ON v.prompt_id = x.prompt_id AND v.response_ids = [x.id, y.id];

-- What all calls of a judge say of one pair: the probability of a, averaged within each order and then over the orders.
CREATE OR REPLACE VIEW judged_pairs AS
WITH orders AS (
    SELECT evaluator, principle, fingerprint, prompt_id, response_ids, "order", avg(p) AS p FROM judge_calls GROUP BY ALL
), means AS (
    SELECT evaluator, principle, fingerprint, prompt_id, response_ids, avg(p) AS p FROM orders GROUP BY ALL
)
SELECT m.*, CASE WHEN p IS NULL THEN NULL WHEN abs(p - 0.5) < 1e-9 THEN 'tie' WHEN p > 0.5 THEN 'a' ELSE 'b' END AS choice,
    g.gold
FROM means m LEFT JOIN gold_labels g ON g.prompt_id = m.prompt_id AND g.response_ids = m.response_ids;

-- How often each judge's choice is the gold one, with the Wilson interval; `category` is NULL in the row over all.
CREATE OR REPLACE VIEW judge_accuracy AS
WITH pairs AS (
    SELECT j.*, coalesce(list_filter(q.tags, lambda t: starts_with(t, 'category:'))[1][10:], '') AS category
    FROM judged_pairs j JOIN prompts q USING (prompt_id) WHERE gold IN ('a', 'b')
), counted AS (
    SELECT evaluator, principle, fingerprint, category, count(*) AS pairs, count(choice) AS "read",
        count(*) FILTER (choice = gold) AS "right", "right" / nullif("read", 0) AS accuracy
    FROM pairs
    GROUP BY GROUPING SETS ((evaluator, principle, fingerprint, category), (evaluator, principle, fingerprint))
), z AS (SELECT *, pow(1.959963984540054, 2) / nullif("read", 0) AS z FROM counted)
SELECT * EXCLUDE (z), greatest(0, (accuracy + z / 2 - sqrt(z * accuracy * (1 - accuracy) + z * z / 4)) / (1 + z)) AS low,
    least(1, (accuracy + z / 2 + sqrt(z * accuracy * (1 - accuracy) + z * z / 4)) / (1 + z)) AS high
FROM z;

-- Repetition stability (arXiv 2406.07791): the mean share of the commonest verdict over equal calls.
CREATE OR REPLACE VIEW judge_stability AS
WITH votes AS (
    SELECT evaluator, principle, fingerprint, response_ids, "order", choice, count(*) AS n
    FROM judge_calls WHERE choice IS NOT NULL GROUP BY ALL
), questions AS (
    SELECT evaluator, principle, fingerprint, response_ids, "order", sum(n)::BIGINT AS calls, max(n) / sum(n) AS share
    FROM votes GROUP BY ALL HAVING sum(n) > 1
)
SELECT evaluator, principle, fingerprint, count(*) AS questions, sum(calls)::BIGINT AS calls, avg(share) AS repetition_stability
FROM questions GROUP BY ALL;

-- How often each judge says tie, declines, or cannot be read.
CREATE OR REPLACE VIEW judge_ties AS
SELECT evaluator, principle, fingerprint, count(*) AS calls, count(choice) AS verdicts,
    count(*) FILTER (choice = 'tie') AS ties, count(*) FILTER (choice IS NULL AND abstained) AS abstained,
    count(*) FILTER (choice IS NULL AND NOT abstained) AS unreadable,
    ties / nullif(verdicts, 0) AS tie_rate, count(*) FILTER (choice IS NULL AND abstained) / count(*) AS abstention_rate,
    (count(*) - unreadable) / count(*) AS readable_rate
FROM judge_calls GROUP BY ALL;

-- How far length goes with the choice; `always_longest` is the accuracy of taking the longer answer, which a judge must
-- beat. Lengths are in characters; matched: the shorter answer has at least 0.9 of the longer one's.
CREATE OR REPLACE VIEW judge_length AS
WITH pairs AS (
    SELECT j.*, length(x.text) AS a, length(y.text) AS b FROM judged_pairs j
    JOIN responses x ON x.response_id = j.response_ids[1] JOIN responses y ON y.response_id = j.response_ids[2]
)
SELECT evaluator, principle, fingerprint, count(*) FILTER (choice IN ('a', 'b')) AS decided,
    count(*) FILTER ((choice = 'a' AND a > b) OR (choice = 'b' AND b > a))
        / nullif(count(*) FILTER (choice IN ('a', 'b') AND a <> b), 0) AS longer_chosen,
    avg(CASE WHEN gold NOT IN ('a', 'b') THEN NULL WHEN a = b THEN 0.5 ELSE ((gold = 'a') = (a > b))::INT END) AS always_longest,
    count(*) FILTER (choice = gold AND gold IN ('a', 'b') AND least(a, b) >= 0.9 * greatest(a, b))
        / nullif(count(*) FILTER (choice IS NOT NULL AND gold IN ('a', 'b') AND least(a, b) >= 0.9 * greatest(a, b)), 0)
        AS accuracy_equal_length
FROM pairs GROUP BY ALL;

-- How often a judge's own answers win in its eyes, and in those of other judges under the same principle or by the gold
-- labels (arXiv 2410.21819); the difference is its self-preference.
CREATE OR REPLACE VIEW judge_self_preference AS
WITH own AS (
    SELECT j.*, x.model = j.evaluator AS is_a FROM judged_pairs j
    JOIN responses x ON x.response_id = j.response_ids[1] JOIN responses y ON y.response_id = j.response_ids[2]
    WHERE (x.model = j.evaluator) <> (y.model = j.evaluator) AND j.p IS NOT NULL
), elsewhere AS (
    SELECT o.evaluator, o.principle, o.fingerprint, o.response_ids, o.is_a, any_value(o.p) AS p, avg(j.p) AS q,
        'other judges' AS against
    FROM own o JOIN judged_pairs j ON j.response_ids = o.response_ids AND j.principle = o.principle
        AND j.evaluator <> o.evaluator AND j.p IS NOT NULL GROUP BY ALL
    UNION ALL BY NAME
    SELECT evaluator, principle, fingerprint, response_ids, is_a, p, (gold = 'a')::INT AS q, 'gold labels' AS against
    FROM own WHERE gold IN ('a', 'b')
)
SELECT evaluator, principle, fingerprint, against, count(*) AS pairs, avg(CASE WHEN is_a THEN p ELSE 1 - p END) AS own_wins,
    avg(CASE WHEN is_a THEN q ELSE 1 - q END) AS wins_elsewhere, own_wins - wins_elsewhere AS self_preference
FROM elsewhere GROUP BY ALL;

-- How far each two judges agree on the pairs that both have read: the raw share, and Cohen's kappa above chance.
CREATE OR REPLACE VIEW judge_agreement AS
WITH both_read AS (
    SELECT x.evaluator, x.principle, x.fingerprint, y.evaluator AS other, y.principle AS other_principle,
        y.fingerprint AS other_fingerprint, x.choice AS one, y.choice AS two
    FROM judged_pairs x JOIN judged_pairs y ON y.response_ids = x.response_ids
        AND (x.evaluator, x.principle, x.fingerprint) < (y.evaluator, y.principle, y.fingerprint)
    WHERE x.choice IS NOT NULL AND y.choice IS NOT NULL
), counted AS (
    SELECT evaluator, principle, fingerprint, other, other_principle, other_fingerprint, count(*) AS pairs,
        avg((one = two)::INT) AS agreement,
        avg((one = 'a')::INT) * avg((two = 'a')::INT) + avg((one = 'b')::INT) * avg((two = 'b')::INT)
            + avg((one = 'tie')::INT) * avg((two = 'tie')::INT) AS chance
    FROM both_read GROUP BY ALL
)
SELECT * EXCLUDE (chance), (agreement - chance) / nullif(1 - chance, 0) AS kappa FROM counted;

-- The pairs of releases that were not counted when they landed (warehouse/counting.py), as counts of them.
CREATE OR REPLACE VIEW releases_uncounted AS
WITH whole AS (
    SELECT r.release, r.build_id, '' AS floor FROM releases r ANTI JOIN release_counts c ON c.release = r.release
), sizes AS (
    SELECT l.release, p.document_id, p.prompt_id, length(c.text) AS chosen, length(j.text) AS rejected,
        least(chosen, rejected) / greatest(chosen, rejected) AS ratio, c.model AS chosen_model, j.model AS rejected_model,
        d.licence, list_filter(q.tags, lambda t: starts_with(t, 'category:'))[1][10:] AS topic, (CASE
            WHEN d.uri IS NULL THEN NULL
            WHEN starts_with(d.uri, 'hf:') THEN regexp_extract(d.uri, '^hf:[^/#]+(/[^/#]+)?')
            WHEN regexp_matches(d.uri, '^https?://') THEN lower(regexp_extract(d.uri, '^https?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]+)', 1))
            WHEN regexp_matches(d.uri, '#row=[0-9]+$') THEN regexp_replace(d.uri, '#row=[0-9]+$', '')
            WHEN NOT contains(d.uri, '/') THEN '.'
            ELSE coalesce(nullif(regexp_extract(d.uri, '^(.*)/', 1, 's'), ''), '/') END) AS source
    FROM whole w JOIN release_rows l ON l.release = w.release JOIN pairs p ON p.pair_id = l.pair_id
    JOIN (FROM prompts x SEMI JOIN whole w ON x.document_id > w.floor) q -- nothing is read where all are counted
        ON q.document_id = p.document_id AND q.prompt_id = p.prompt_id
    JOIN responses c ON c.document_id = p.document_id AND c.response_id = p.chosen_id
    JOIN responses j ON j.document_id = p.document_id AND j.response_id = p.rejected_id
    JOIN (FROM documents x SEMI JOIN whole w ON x.document_id > w.floor) d ON d.document_id = p.document_id
), kinds AS (
    SELECT *, CASE WHEN ratio >= 0.9 THEN '0.9 to 1' WHEN ratio >= 0.5 THEN '0.5 to 0.9' ELSE '0 to 0.5' END AS ratios FROM sizes
), told AS (
    SELECT release, CASE grouping(ratios, source, topic, licence, chosen_model)
            WHEN 15 THEN 'ratio' WHEN 23 THEN 'source' WHEN 27 THEN 'topic' WHEN 29 THEN 'licence' ELSE 'models' END AS kind,
        coalesce(ratios, source, topic, licence, chosen_model) AS name, rejected_model AS other, count(*) AS pairs,
        count(*) FILTER (chosen > rejected) AS longer, count(*) FILTER (chosen <> rejected) AS unequal,
        sum(chosen)::BIGINT AS chosen_chars, sum(rejected)::BIGINT AS rejected_chars
    FROM kinds GROUP BY GROUPING SETS (
        (release, ratios), (release, source), (release, topic), (release, licence), (release, chosen_model, rejected_model))
), said AS (
    SELECT DISTINCT w.release, s.document_id, s.prompt_id, s.name
    FROM whole w JOIN build_steps b ON b.build_id = w.build_id JOIN signals s ON s.fingerprint = b.fingerprint
    WHERE NOT starts_with(s.name, 'control/')
)
FROM told UNION ALL BY NAME
SELECT k.release, 'principle' AS kind, s.name, count(*) AS pairs, count(*) FILTER (chosen > rejected) AS longer,
    count(*) FILTER (chosen <> rejected) AS unequal, sum(chosen)::BIGINT AS chosen_chars, sum(rejected)::BIGINT AS rejected_chars
FROM kinds k JOIN said s ON s.release = k.release AND s.document_id = k.document_id AND s.prompt_id = k.prompt_id
GROUP BY k.release, s.name;

-- The counts of all releases, by what their pairs have (`kind`): ratio of lengths, principle, source, topic, licence, models.
CREATE OR REPLACE VIEW release_totals AS
FROM release_counts UNION ALL BY NAME FROM releases_uncounted;

-- How length goes with the label in each release, over all pairs and by how much of the longer answer the shorter one has.
CREATE OR REPLACE VIEW release_length AS
SELECT release, coalesce(name, 'all') AS ratios, sum(t.pairs)::BIGINT AS pairs, sum(t.longer)::BIGINT AS longer,
    sum(t.longer) / nullif(sum(unequal), 0) AS longer_chosen, sum(chosen_chars) / sum(t.pairs) AS chosen_length,
    sum(rejected_chars) / sum(t.pairs) AS rejected_length
FROM release_totals t WHERE kind = 'ratio' GROUP BY GROUPING SETS ((release, name), (release));

-- How many pairs of each release were judged by each principle; a pair may have several.
CREATE OR REPLACE VIEW release_principles AS
SELECT t.release, r.recipe, t.name AS principle, t.pairs, t.pairs / r.pairs AS share
FROM release_totals t JOIN releases r ON r.release = t.release WHERE t.kind = 'principle';

-- How often the answers of each model refuse, or say what wrote them, on either side of a release. The patterns are those
-- of pipeline/audit/phrases.py; a refusal is looked for in the first 300 characters.
CREATE OR REPLACE VIEW release_sides AS
WITH answers AS (
    SELECT l.release, 'chosen' AS side, p.chosen_id AS response_id FROM release_rows l JOIN pairs p ON p.pair_id = l.pair_id
    UNION ALL
    SELECT l.release, 'rejected', p.rejected_id FROM release_rows l JOIN pairs p ON p.pair_id = l.pair_id
), seen AS (
    SELECT a.release, a.side, r.model,
        regexp_matches(left(r.text, 300), '(?i)(?:\bi(?:[''’]m| am) (?:very |really |so )?(?:sorry|afraid)\b[^.!?\n]{0,40}\bi (?:cannot|can not|can[''’]t|won[''’]t|will not|am unable to|am not able to|[''’]m unable to|[''’]m not able to)\b|\bi ?(?:cannot|can not|can[''’]t|won[''’]t|will not|am unable to|am not able to|[''’]m unable to|[''’]m not able to) (?:help|assist|comply|fulfil|provide|answer|support|create|generate|write|engage|discuss|share|continue|do that|participate|respond|give|offer)\b|\bi (?:must|have to|will have to) (?:decline|refuse)\b|\bi (?:respectfully )?decline to\b|\bkann ich (?:ihnen |dir )?(?:dabei |damit |hierbei )?(?:leider )?nicht (?:helfen|behilflich sein|beantworten)|\bje (?:suis désolée?|regrette)[^.!?\n]{0,40}je ne (?:peux|puis) pas\b|\bje ne (?:peux|puis) pas (?:vous |t[''’])?(?:aider|répondre|fournir)|\blo siento[^.!?\n]{0,20} no puedo\b|\bno puedo (?:ayudar|responder|proporcionar)|\bmi dispiace[^.!?\n]{0,20} non posso\b|\bnon posso (?:aiutar|rispondere|fornire)|\b(?:desculpe|sinto muito)[^.!?\n]{0,20} não posso\b|\bnão posso (?:ajudar|responder|fornecer)|я не могу (?:помочь|ответить|предоставить)|(?:抱歉|对不起|對不起|很遗憾)[^。！？\n]{0,20}(?:不能|无法|無法)|我(?:不能|无法|無法)(?:回答|提供|帮助|幫助|协助|協助)|(?:申し訳|すみません)[^。！？\n]{0,40}(?:できません|お答えできません|いたしかねます)|(?:죄송|미안)[^.!?\n]{0,40}(?:수 없습니다|없어요|드릴 수 없))') AS refuses,
        regexp_matches(r.text, '(?i)(?:\bas an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model|ai language model|chatbot)\b|\bi(?:[''’]m| am)(?: just| only| merely)? an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model|ai language model|chatbot)\b|\b(?:i am|i[''’]m|my name is|call me) (?:chatgpt|gpt-?[345][\w.-]*|claude|gemini|bard|llama|qwen|deepseek|mistral|grok|kimi|copilot|tülu|tulu|olmo|gemma|phi-?[234])\b|\b(?:developed|created|trained|made|built) by (?:openai|anthropic|google|deepmind|meta ai|mistral(?: ai)?|deepseek|alibaba|moonshot(?: ai)?|microsoft|xai|zhipu|01\.ai|ai2|the allen institute|nvidia|cohere)\b|\bmy (?:knowledge cutoff|training data|last (?:knowledge )?update)\b|\bals (?:ki\b|ki-|künstliche intelligenz|(?:großes )?sprachmodell)|\ben tant qu[''’]?(?:e )?(?:ia\b|intelligence artificielle|modèle de langage)|\bcomo (?:una? |uma? )?(?:ia\b|inteligencia artificial|inteligência artificial|modelo de lenguaje|modelo de linguagem)|\bcome (?:un[ao]? )?(?:ia\b|intelligenza artificiale|modello linguistico)|как (?:искусственный интеллект|языковая модель|ии-)|(?:作为|作為|身为|我是)(?:一个|一個|一款|一名)?(?:ai|人工智能|人工智慧|(?:大型?)?语言模型|(?:大型?)?語言模型)|(?:ai|人工知能|言語モデル)(?:アシスタント)?(?:として|ですので|なので)|(?:ai|인공지능|언어 ?모델)(?: 어시스턴트)?(?:로서|으로서|이기 때문))') AS names_itself
    FROM answers a JOIN responses r ON r.response_id = a.response_id
)
SELECT release, side, model, count(*) AS answers, count(*) FILTER (refuses) AS refusals, refusals / answers AS refusal_share,
    count(*) FILTER (names_itself) AS identities, identities / answers AS identity_share
FROM seen GROUP BY release, side, model;

-- How often each model's answers are the chosen ones in each release, over pairs of two models; with the Wilson interval.
CREATE OR REPLACE VIEW release_models AS
WITH fought AS (
    SELECT release, name AS winner, other AS loser, pairs AS n FROM release_totals WHERE kind = 'models' AND name <> other
), counted AS (
    SELECT release, model, sum(n)::BIGINT AS pairs, sum(won)::BIGINT AS wins, wins / pairs AS win_rate FROM (
        SELECT release, winner AS model, n AS won, n FROM fought UNION ALL SELECT release, loser, 0, n FROM fought
    ) GROUP BY release, model
), z AS (SELECT *, pow(1.959963984540054, 2) / pairs AS z FROM counted)
SELECT * EXCLUDE (z), greatest(0, (win_rate + z / 2 - sqrt(z * win_rate * (1 - win_rate) + z * z / 4)) / (1 + z)) AS low,
    least(1, (win_rate + z / 2 + sqrt(z * win_rate * (1 - win_rate) + z * z / 4)) / (1 + z)) AS high
FROM z;

-- What each release is made of: pairs by source (dataset, host or folder), by topic (`category:` tags) and by licence.
CREATE OR REPLACE VIEW release_coverage AS
SELECT release, kind, name, pairs, pairs / sum(pairs) OVER (PARTITION BY release, kind) AS share
FROM release_totals WHERE kind IN ('source', 'topic', 'licence');

-- What the later splits of a release (validation, test) share with those before them: the prompt's text, the document, or
-- an answer of 50 characters or more; texts are the same when only case, white space or the Unicode form differ.
CREATE OR REPLACE VIEW release_leakage AS
WITH texts AS (
    SELECT l.release, l.split, CASE l.split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END AS rank, l.pair_id, p.document_id,
        array_to_string(list_transform(q.messages, lambda m: m.role || ': ' || m.content), chr(10)) AS prompt,
        CASE WHEN length(c.text) >= 50 THEN c.text END AS chosen, CASE WHEN length(j.text) >= 50 THEN j.text END AS rejected
    FROM release_rows l JOIN pairs p ON p.pair_id = l.pair_id JOIN prompts q ON q.prompt_id = p.prompt_id
    JOIN responses c ON c.response_id = p.chosen_id JOIN responses j ON j.response_id = p.rejected_id
), keys AS (
    SELECT release, split, rank, pair_id, 'document' AS kind, document_id AS key FROM texts
    UNION ALL SELECT release, split, rank, pair_id, 'prompt', lower(nfc_normalize(regexp_replace(prompt, '[\s\x{a0}]', '', 'g'))) FROM texts
    UNION ALL SELECT release, split, rank, pair_id, 'answer', lower(nfc_normalize(regexp_replace(chosen, '[\s\x{a0}]', '', 'g'))) FROM texts
    UNION ALL SELECT release, split, rank, pair_id, 'answer', lower(nfc_normalize(regexp_replace(rejected, '[\s\x{a0}]', '', 'g'))) FROM texts
), told AS (
    SELECT release, split, rank, pair_id, kind, min(rank) OVER (PARTITION BY release, kind, key) < rank AS shared
    FROM keys WHERE key IS NOT NULL
), by_pair AS (
    SELECT release, split, pair_id, bool_or(shared) FILTER (kind = 'prompt') AS prompt,
        bool_or(shared) FILTER (kind = 'document') AS document, coalesce(bool_or(shared) FILTER (kind = 'answer'), false) AS answer
    FROM told WHERE rank > 0 GROUP BY release, split, pair_id
)
SELECT release, split, count(*) AS pairs, count(*) FILTER (prompt) AS shared_prompts,
    count(*) FILTER (document) AS shared_documents, count(*) FILTER (answer) AS shared_answers,
    count(*) FILTER (prompt OR document OR answer) AS leaking, leaking / pairs AS leakage
FROM by_pair GROUP BY release, split;

-- Outcomes that no count has yet (warehouse/counting.py): those that landed since the last one, as counts of them.
CREATE OR REPLACE VIEW outcomes_uncounted AS
SELECT fingerprint, step, build_id, status, reason, count(*) AS units, sum(rows)::BIGINT AS rows, sum(calls)::BIGINT AS calls,
    sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_out)::BIGINT AS tokens_out, sum(tokens_cached)::BIGINT AS tokens_cached,
    sum(cost) AS cost, sum(seconds) AS seconds
FROM outcomes o SEMI JOIN snapshots_uncounted n ON n.tab = 'outcomes' AND n.snapshot_id = o.snapshot_id GROUP BY ALL;

-- How all units ended so far, and what they took: by step, build, status and reason.
CREATE OR REPLACE VIEW outcome_totals AS
FROM outcome_counts UNION ALL BY NAME FROM outcomes_uncounted;

-- What every step has cost so far, over all builds.
CREATE OR REPLACE VIEW cost_by_step AS
SELECT step, fingerprint, sum(units)::BIGINT AS units, sum(t.calls) AS calls, sum(t.tokens_in) AS tokens_in,
    sum(t.tokens_out) AS tokens_out, sum(t.tokens_cached) AS tokens_cached,
    sum(t.tokens_cached) / nullif(sum(t.tokens_in), 0) AS cached_share, sum(t.cost) AS cost, sum(t.seconds) AS seconds
FROM outcome_totals t GROUP BY step, fingerprint ORDER BY cost DESC, calls DESC;

-- Why units made nothing, over all builds.
CREATE OR REPLACE VIEW dropped AS
SELECT step, status, reason, sum(units)::BIGINT AS units, count(DISTINCT build_id) AS builds
FROM outcome_totals WHERE status <> 'ok' GROUP BY ALL ORDER BY sum(units) DESC, step, reason;

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

-- Which row held which evaluation item, over all builds: what became of it, how much of the item it has, and the words.
CREATE OR REPLACE VIEW contamination AS
WITH said AS (
    SELECT fingerprint, step, build_id, subject_id, document_id, detail,
        CASE status WHEN 'ok' THEN 'masked' ELSE 'dropped' END AS became
    FROM outcomes WHERE step IN ('select/decontaminate', 'select/mask_contaminated')
        AND (reason = 'contaminated' OR (status = 'ok' AND step = 'select/mask_contaminated' AND detail <> ''))
    UNION ALL
    SELECT n.fingerprint, o.step, o.build_id, n.subject_id, n.document_id, n.text, 'flagged'
    FROM notes n JOIN outcomes o ON o.fingerprint = n.fingerprint AND o.unit_id = n.unit_id
    WHERE n.name = 'flag/contaminated'
), parted AS (
    SELECT *, regexp_extract(detail, '^(.*?) \((\d+)% of it, (\d+) runs?(?:, (\d+) other items?)?\): (.*)$',
        ['item', 'share', 'runs', 'others', 'words']) AS hit
    FROM said
)
SELECT f.identity->>'$.params.of' AS tab, p.subject_id AS row_id, p.became,
    regexp_replace(hit.item, '#[^#]*$', '') AS evaluation_set, hit.item, hit.share::INTEGER / 100 AS share,
    hit.runs::INTEGER AS runs, coalesce(try_cast(hit.others AS INTEGER), 0) AS other_items, hit.words,
    p.document_id, p.step, p.fingerprint, p.build_id
FROM parted p JOIN fingerprints f ON f.fingerprint = p.fingerprint;

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
UNION ALL SELECT 'labels', label_id FROM labels GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'vectors', vector_id FROM vectors GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'notes', note_id FROM notes GROUP BY ALL HAVING count(*) > 1;

CREATE OR REPLACE VIEW audit_rows_without_outcome AS
WITH rows_of AS (
    SELECT 'passages' AS tab, fingerprint, unit_id FROM passages
    UNION ALL SELECT 'prompts', fingerprint, unit_id FROM prompts
    UNION ALL SELECT 'responses', fingerprint, unit_id FROM responses
    UNION ALL SELECT 'signals', fingerprint, unit_id FROM signals
    UNION ALL SELECT 'pairs', fingerprint, unit_id FROM pairs
    UNION ALL SELECT 'labels', fingerprint, unit_id FROM labels
    UNION ALL SELECT 'vectors', fingerprint, unit_id FROM vectors
    UNION ALL SELECT 'notes', fingerprint, unit_id FROM notes
)
SELECT r.* FROM rows_of r ANTI JOIN outcomes o ON o.fingerprint = r.fingerprint AND o.unit_id = r.unit_id AND o.status = 'ok';

CREATE OR REPLACE VIEW audit_orphans AS
SELECT 'pairs' AS tab, p.pair_id AS id FROM pairs p ANTI JOIN prompts q ON q.prompt_id = p.prompt_id
UNION ALL SELECT 'pairs', p.pair_id FROM pairs p ANTI JOIN responses r ON r.response_id = p.chosen_id
UNION ALL SELECT 'pairs', p.pair_id FROM pairs p ANTI JOIN responses r ON r.response_id = p.rejected_id
UNION ALL SELECT 'pairs', p.pair_id FROM (SELECT pair_id, unnest(also_chosen) AS also_id FROM pairs) p
    ANTI JOIN responses r ON r.response_id = p.also_id
UNION ALL SELECT 'responses', r.response_id FROM responses r ANTI JOIN prompts q ON q.prompt_id = r.prompt_id
UNION ALL SELECT 'signals', s.signal_id FROM signals s ANTI JOIN prompts q ON q.prompt_id = s.prompt_id
UNION ALL SELECT 'labels', l.label_id FROM labels l ANTI JOIN prompts q ON q.prompt_id = l.prompt_id
UNION ALL SELECT 'vectors', v.vector_id FROM vectors v ANTI JOIN prompts q ON q.prompt_id = v.subject_id
    ANTI JOIN responses r ON r.response_id = v.subject_id
UNION ALL SELECT 'prompts', q.prompt_id FROM prompts q ANTI JOIN documents d ON d.document_id = q.document_id
UNION ALL SELECT 'passages', s.passage_id FROM passages s ANTI JOIN documents d ON d.document_id = s.document_id
UNION ALL SELECT 'outcomes', o.unit_id FROM outcomes o ANTI JOIN fingerprints f ON f.fingerprint = o.fingerprint;

CREATE OR REPLACE VIEW audit_pairs_that_prefer_nothing AS
SELECT p.pair_id FROM pairs p
JOIN responses c ON c.response_id = p.chosen_id JOIN responses r ON r.response_id = p.rejected_id
WHERE (c.text = r.text AND c.tool_calls IS NOT DISTINCT FROM r.tool_calls)
    OR (trim(c.text) = '' AND c.tool_calls IS NULL) OR (trim(r.text) = '' AND r.tool_calls IS NULL);

-- Of builds that reached their end: each row that went into a step came out of it, or left with a reason.
CREATE OR REPLACE VIEW audit_rows_unaccounted_for AS
SELECT f.* FROM funnel_balance f JOIN builds b ON b.build_id = f.build_id
WHERE f.difference <> 0 AND b.status NOT IN ('stopped', 'failed', 'interrupted');
