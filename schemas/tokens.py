"""Counting tokens without a tokenizer: for budgets and forecasts, never for a bill."""

BYTES_PER_TOKEN = 4
"""An estimate that holds across scripts: UTF-8 spends one byte on a Latin letter and three on a Chinese one."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a model will see in `text`."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
