"""Where a document is from, said by its URI."""

from __future__ import annotations

SOURCE_SQL = """CASE WHEN contains({uri}, '#row=') THEN regexp_extract({uri}, '^(.*)#row=', 1)
    WHEN contains({uri}, '/') THEN regexp_replace({uri}, '/[^/]*$', '') ELSE '.' END"""
"""The source of a URI, as SQL: the file or dataset that a row is of, else the folder that a file is in."""
