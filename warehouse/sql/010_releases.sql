-- What a release was made of and how its documents were dealt out (`dealt`: the sizes of its splits and their seed), and whether
-- it was taken back: a withdrawn release stays where it is, and nothing that asks for the latest one finds it.
ALTER TABLE releases ADD COLUMN fingerprints JSON;
ALTER TABLE releases ADD COLUMN models JSON;
ALTER TABLE releases ADD COLUMN dealt VARCHAR;
-- Pairs that no split could take, by reason.
ALTER TABLE releases ADD COLUMN left_out JSON;
ALTER TABLE releases ADD COLUMN withdrawn_at TIMESTAMP;
ALTER TABLE releases ADD COLUMN withdrawn_note VARCHAR;

-- Conversations in which tools are called: the calls of a turn, the tool that speaks and what it answers to, and the schemas.
ALTER TABLE prompts ADD COLUMN messages.element.tool_calls STRUCT(id VARCHAR, "name" VARCHAR, arguments VARCHAR)[];
ALTER TABLE prompts ADD COLUMN messages.element."name" VARCHAR;
ALTER TABLE prompts ADD COLUMN messages.element.tool_call_id VARCHAR;
ALTER TABLE prompts ADD COLUMN tools VARCHAR;
ALTER TABLE responses ADD COLUMN tool_calls STRUCT(id VARCHAR, "name" VARCHAR, arguments VARCHAR)[];
