-- A label on one aspect with what the other aspects say of both sides, and the other answers of a list-valued chosen.
ALTER TABLE pairs ADD COLUMN aspect VARCHAR;
ALTER TABLE pairs ADD COLUMN aspect_scores STRUCT("name" VARCHAR, chosen DOUBLE, rejected DOUBLE)[];
ALTER TABLE pairs ADD COLUMN also_chosen VARCHAR[];
