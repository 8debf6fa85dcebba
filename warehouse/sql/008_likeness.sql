-- What was worked out of texts to find those that are alike; append-only, and a text that is known is not looked at again.
-- `likeness` says which way of comparing, `number` counts its texts from 0 in the order in which they landed.
CREATE TABLE sketches (likeness VARCHAR NOT NULL, number BIGINT NOT NULL, text_id UUID NOT NULL, size BIGINT NOT NULL, sketch BLOB NOT NULL);

-- Which text a row has; rows with the same text share a number.
CREATE TABLE sketched (likeness VARCHAR NOT NULL, document_id VARCHAR NOT NULL, subject_id VARCHAR NOT NULL, number BIGINT NOT NULL);

-- Pairs of texts that were compared and found alike; of texts that are joined over others not every pair is there.
CREATE TABLE likenesses (likeness VARCHAR NOT NULL, one BIGINT NOT NULL, other BIGINT NOT NULL, value DOUBLE NOT NULL);
