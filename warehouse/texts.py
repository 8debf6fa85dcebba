"""Texts in SQL: when two are the same."""

from __future__ import annotations

_CONTROLS = " OR ".join(f"contains({{text}}, chr({code}))" for code in range(9, 14))
_RUNS = rf"CASE WHEN {_CONTROLS} THEN regexp_replace({{text}}, '[\t-\r ]{{{{2,}}}}|[\t-\r]', ' ', 'g')"
_COLLAPSED = rf"({_RUNS} ELSE regexp_replace({{text}}, '  +', ' ', 'g') END)"

_HAS_ENDS = f"prefix({_COLLAPSED}, ' ') OR suffix({_COLLAPSED}, ' ')"

TIDY_SQL = f"(CASE WHEN {_HAS_ENDS} THEN trim({_COLLAPSED}, ' ') ELSE {_COLLAPSED} END)"
"""A text, put in as `TIDY_SQL.format(text="column")`, with runs of white space as one blank and trimmed ends, for whoever groups
by it: two texts that differ in white space alone are the same then.

White space is what `bytes.split` takes for it: blank, tab, line feed, vertical tab, form feed, carriage return. Other blanks
of Unicode count as signs: DuckDB has no cheap way to find them, and `pipeline.likeness` looks for what is nearly the same.

Most texts need none of it, and each question whether they do is a fraction of a microsecond, where `trim` and a pattern
that finds single blanks take one to ten. DuckDB works the repeated part out once where this stands in SELECT or GROUP BY.
"""
