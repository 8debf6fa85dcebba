-- How many rows of each table were in scope of a build after each of its steps, counted in the plan itself: `rows_done` when the
-- step had made or sifted its rows (`work`: reads, makes, sifts, or empty), `rows_out` when documents with pending units had
-- been set aside.
CREATE TABLE build_rows (
    build_id VARCHAR NOT NULL, position INTEGER NOT NULL, tab VARCHAR NOT NULL, work VARCHAR NOT NULL,
    rows_done BIGINT NOT NULL, rows_out BIGINT NOT NULL
);
