-- What an embedding model makes of the text of a prompt or response (`subject_id`): a direction, of length 1.
CREATE TABLE vectors (
    vector_id VARCHAR NOT NULL, unit_id VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, document_id VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL, model VARCHAR NOT NULL, vector FLOAT[] NOT NULL
);
