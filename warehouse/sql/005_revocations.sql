-- What must not be in a release any more, and which documents that has meant so far: those found at a revoked place by any
-- build, under whatever name they come back. A revocation that was lifted stays as a row.
CREATE TABLE revocations (
    revocation_id VARCHAR NOT NULL, kind VARCHAR NOT NULL, value VARCHAR NOT NULL, note VARCHAR,
    revoked_at TIMESTAMP NOT NULL, lifted_at TIMESTAMP
);

CREATE TABLE revocation_documents (revocation_id VARCHAR NOT NULL, document_id VARCHAR NOT NULL);
