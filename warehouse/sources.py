"""Which source a document comes from, read off its uri: the dataset, the host, the table or the folder.

| uri | source |
|---|---|
| `hf:org/name/train#row=7` | `hf:org/name` |
| `https://example.org/a/b.html` | `example.org` |
| `data/table.jsonl#row=7` | `data/table.jsonl` |
| `docs/guide/a.md` | `docs/guide` |
| `a.md` | `.` |
"""

from __future__ import annotations

import re
from pathlib import PurePath

from warehouse.connection import literal

HUB = "hf:"
ROW = r"#row=[0-9]+$"
HOST = r"^https?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]+)"


def source_sql(uri: str) -> str:
    """SQL for the source of the uri that the SQL expression `uri` gives; NULL for NULL."""
    return f"""(CASE
        WHEN {uri} IS NULL THEN NULL
        WHEN starts_with({uri}, '{HUB}') THEN regexp_extract({uri}, '^hf:[^/#]+(/[^/#]+)?')
        WHEN regexp_matches({uri}, '^https?://') THEN lower(regexp_extract({uri}, {literal(HOST)}, 1))
        WHEN regexp_matches({uri}, {literal(ROW)}) THEN regexp_replace({uri}, {literal(ROW)}, '')
        WHEN NOT contains({uri}, '/') THEN '.'
        ELSE coalesce(nullif(regexp_extract({uri}, '^(.*)/', 1, 's'), ''), '/') END)"""


SOURCE_SQL = source_sql("uri")
"""The source of a row that has a column `uri`."""


def under_sql(uri: str, source: str, own: str | None = None) -> str:
    """SQL that is true where a uri lies under a source: both are SQL expressions, the source as `tidy_source` gives it.

    A source is a folder with all that is below it, a file, a table, a dataset (`hf:org/name`), a split of one, or a host.
    `own` is the uri's own source (`source_sql`), where it is at hand: to work it out for each of many sources takes long.
    """
    relative = f"NOT regexp_matches({uri}, '^(/|hf:|https?://|\\.\\./)')"
    return (
        f"({uri} = {source} OR starts_with({uri}, {source} || '/') OR starts_with({uri}, {source} || '#row=') "
        f"OR {own or source_sql(uri)} = {source} OR ({source} = '.' AND {relative}) "
        f"OR ({source} = '/' AND starts_with({uri}, '/')))"
    )


def tidy_source(source: str) -> str:
    """A source as people name it in the form in which uris begin with it: `./docs/` is `docs`."""
    if source.startswith(HUB):
        return source.rstrip("/")
    if web := re.match(HOST, source):
        _, _, path = source[web.end() :].partition("/")
        return source.rstrip("/") if path else web[1].lower()
    return PurePath(source).as_posix()
