-- What a label holds under, where it does not hold as such: the principles that were mixed, and how they decided.
ALTER TABLE pairs ADD COLUMN condition STRUCT(
    kind VARCHAR, "text" VARCHAR, principles STRUCT("name" VARCHAR, negated BOOLEAN, score DOUBLE)[], dominant VARCHAR,
    draw INTEGER, override VARCHAR, flipped BOOLEAN, chosen_first BOOLEAN
);
