"""The verbs of prefmill: one folder a stage, one file a strategy, `models/` for the engines, and the stage runner."""
