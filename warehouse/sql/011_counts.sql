-- What was counted once of rows that never change, so that a question over millions of them is one over a few. `counted` says up
-- to which snapshot the rows of a table are in; the views add what has landed since. See warehouse/counting.py.
CREATE TABLE counted (tab VARCHAR NOT NULL, snapshot_id BIGINT NOT NULL);

-- Outcomes by step, build, status and reason.
CREATE TABLE outcome_counts (
    fingerprint VARCHAR NOT NULL, step VARCHAR NOT NULL, build_id VARCHAR, status VARCHAR NOT NULL, reason VARCHAR NOT NULL,
    units BIGINT NOT NULL, rows BIGINT, calls BIGINT, tokens_in BIGINT, tokens_out BIGINT, tokens_cached BIGINT,
    cost DOUBLE, seconds DOUBLE
);

-- Comparisons of two answers by judge: how the verdicts in both orders go together.
CREATE TABLE verdict_counts (
    evaluator VARCHAR NOT NULL, name VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, pairs BIGINT NOT NULL,
    consistent BIGINT NOT NULL, primacy BIGINT NOT NULL, recency BIGINT NOT NULL, missing BIGINT NOT NULL, ties BIGINT NOT NULL
);

-- The pairs of a release by what they have (`kind`): their ratio of lengths, principle, source, topic, licence, or the models that
-- won (`name`) and lost (`other`). `longer`: the chosen answer is; `unequal`: one is. Lengths are sums of characters.
CREATE TABLE release_counts (
    release VARCHAR NOT NULL, kind VARCHAR NOT NULL, name VARCHAR, other VARCHAR, pairs BIGINT NOT NULL,
    longer BIGINT NOT NULL, unequal BIGINT NOT NULL, chosen_chars BIGINT NOT NULL, rejected_chars BIGINT NOT NULL
);
