-- What a step that sifts said of rows that stay: flags (`flag/…`), weights, ranks, clusters; `unit_id` is that of its outcome.
CREATE TABLE notes (
    note_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL, name VARCHAR NOT NULL, value DOUBLE, text VARCHAR
);
