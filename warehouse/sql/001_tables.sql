-- DuckLake has no primary keys: one appender per warehouse, which knows what has an outcome, and the audit_* views, which
-- must be empty after every build, keep these tables in order.

CREATE TABLE documents (
    document_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    uri VARCHAR NOT NULL, title VARCHAR, text VARCHAR NOT NULL, media_type VARCHAR, licence VARCHAR,
    sha256 VARCHAR NOT NULL, added_at TIMESTAMP
);

CREATE TABLE passages (
    passage_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    start BIGINT NOT NULL, "end" BIGINT NOT NULL, text VARCHAR NOT NULL, heading VARCHAR
);

CREATE TABLE prompts (
    prompt_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    messages STRUCT(role VARCHAR, content VARCHAR)[] NOT NULL, passage_ids VARCHAR[],
    context STRUCT(role VARCHAR, text VARCHAR)[], reference VARCHAR, evidence VARCHAR, analysis VARCHAR,
    condition STRUCT(kind VARCHAR, id VARCHAR, text VARCHAR, visible BOOLEAN), parent_id VARCHAR, tags VARCHAR[]
);

CREATE TABLE responses (
    response_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL, text VARCHAR NOT NULL, model VARCHAR NOT NULL, role VARCHAR NOT NULL,
    strategy VARCHAR, draw INTEGER, finish_reason VARCHAR, tokens BIGINT, logprob DOUBLE
);

CREATE TABLE signals (
    signal_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL, response_ids VARCHAR[] NOT NULL, name VARCHAR NOT NULL, evaluator VARCHAR NOT NULL,
    "order" VARCHAR, draw INTEGER, vote VARCHAR, value DOUBLE, probability DOUBLE, abstained BOOLEAN,
    rationale VARCHAR, raw VARCHAR
);

CREATE TABLE pairs (
    pair_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL, chosen_id VARCHAR NOT NULL, rejected_id VARCHAR NOT NULL,
    score_gap DOUBLE, p_chosen DOUBLE, confidence DOUBLE, rule VARCHAR, rationale VARCHAR
);

CREATE TABLE outcomes (
    fingerprint VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, step VARCHAR NOT NULL, subject_id VARCHAR NOT NULL,
    document_id VARCHAR, status VARCHAR NOT NULL, reason VARCHAR NOT NULL, detail VARCHAR, rows BIGINT, calls BIGINT,
    tokens_in BIGINT, tokens_out BIGINT, tokens_cached BIGINT, cost DOUBLE, seconds DOUBLE, build_id VARCHAR
);

CREATE TABLE fingerprints (fingerprint VARCHAR NOT NULL, step VARCHAR NOT NULL, identity JSON NOT NULL);

-- What was found in the sources; builds that find the same share one listing.
CREATE TABLE listings (listing_id VARCHAR NOT NULL, uri VARCHAR NOT NULL, item_id VARCHAR NOT NULL);

CREATE TABLE builds (
    build_id VARCHAR NOT NULL, recipe VARCHAR NOT NULL, recipe_text VARCHAR, listing_id VARCHAR, kind VARCHAR,
    status VARCHAR NOT NULL, message VARCHAR, code_version VARCHAR, models JSON,
    started_at TIMESTAMP, finished_at TIMESTAMP
);

CREATE TABLE build_steps (build_id VARCHAR NOT NULL, position INTEGER NOT NULL, step VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL);

-- How the units of one build ended, those done by earlier builds included; `pending` is a status here.
CREATE TABLE build_funnel (
    build_id VARCHAR NOT NULL, position INTEGER NOT NULL, step VARCHAR NOT NULL, status VARCHAR NOT NULL,
    reason VARCHAR NOT NULL, units BIGINT NOT NULL, rows BIGINT NOT NULL
);

CREATE TABLE releases (
    release VARCHAR NOT NULL, release_id VARCHAR NOT NULL, recipe VARCHAR NOT NULL, status VARCHAR NOT NULL,
    pairs BIGINT NOT NULL, documents BIGINT NOT NULL, splits JSON, gates JSON, figures JSON, snapshot_id BIGINT,
    build_id VARCHAR NOT NULL, folder VARCHAR NOT NULL, manifest_sha256 VARCHAR NOT NULL, recipe_text VARCHAR,
    code_version VARCHAR, rehearsal BOOLEAN, created_at TIMESTAMP
);

CREATE TABLE release_rows (release VARCHAR NOT NULL, pair_id VARCHAR NOT NULL, split VARCHAR NOT NULL);

-- Rows lie in the order of their documents, a page of units reads a few groups of them, and a merge holds one.
CALL lake.set_option('parquet_row_group_size', 16384);
