"""Texts as SQL sees them."""

from __future__ import annotations

TIDY_SQL = "trim(regexp_replace({text}, '\\s+', ' ', 'g'))"
"""A text with each run of white space as one blank, and none at its ends."""
