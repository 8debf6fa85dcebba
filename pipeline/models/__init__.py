"""The engines: where a model runs. Which one is used never changes an identity."""
