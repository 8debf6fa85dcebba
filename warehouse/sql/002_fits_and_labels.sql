-- What fitted steps found out over all rows, as plain JSON; the units they answered carry the fit in their ids.
CREATE TABLE fits (fit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, step VARCHAR NOT NULL, fit JSON NOT NULL);

-- What people said: one verdict of one annotator on two responses (`vote`: a, b or tie), or on one (`score`).
CREATE TABLE labels (
    label_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    prompt_id VARCHAR NOT NULL, response_ids VARCHAR[] NOT NULL, annotator VARCHAR NOT NULL, name VARCHAR,
    vote VARCHAR, strength DOUBLE, score DOUBLE, note VARCHAR
);
