"""The source of a uri, and what lies under a source: read off the uri alone."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.connection import literal
from warehouse.sources import SOURCE_SQL, source_sql, tidy_source, under_sql

SOURCES = {
    "hf:org/name/train#row=7": "hf:org/name",
    "hf:org/name": "hf:org/name",
    "https://user:word@Example.org:8080/a/b.html?x#y": "example.org",
    "http://[::1]:8080/x": "[::1]",
    "https://example.org": "example.org",
    "data/table.jsonl#row=7": "data/table.jsonl",
    "table.jsonl#row=0": "table.jsonl",
    "saved/dataset/train#row=7": "saved/dataset/train",
    "docs/guide/a.md": "docs/guide",
    "docs/#1/a#row=2.md": "docs/#1",
    "a.md": ".",
    "a#1.md": ".",
    "/a.md": "/",
    "/srv/docs/a.md": "/srv/docs",
    "../a.md": "..",
    "line\nbreak/a.md": "line\nbreak",
    "粉/麦 🌾.md": "粉",
    "it's/a.md": "it's",
}

UNDER = [
    ("docs/guide/a.md", "docs", True),
    ("docs/guide/a.md", "docs/guide", True),
    ("docs/guide/a.md", "docs/guide/a.md", True),
    ("docs/guide/a.md", "doc", False),
    ("docs-old/a.md", "docs", False),
    ("docs/guide/a.md", "guide", False),
    ("docs/guide/a.md", ".", True),
    ("a.md", ".", True),
    ("/srv/a.md", ".", False),
    ("../a.md", ".", False),
    ("hf:org/name/train#row=1", ".", False),
    ("https://example.org/a", ".", False),
    ("/srv/a.md", "/", True),
    ("a.md", "/", False),
    ("hf:org/name/train#row=1", "hf:org/name", True),
    ("hf:org/name/train#row=1", "hf:org/name/train", True),
    ("hf:org/name/train#row=1", "hf:org/name/test", False),
    ("hf:org/name-2/train#row=1", "hf:org/name", False),
    ("table.jsonl#row=1", "table.jsonl", True),
    ("table.jsonl#row=1", "table", False),
    ("https://example.org/a/b", "example.org", True),
    ("https://example.org/a/b", "https://example.org/a", True),
    ("https://example.org.evil.net/a", "example.org", False),
    ("example.org/a", "example.org", True),
    ("100%/a_b.md", "100_", False),
]

TIDY = {
    "./docs/": "docs",
    "docs//guide": "docs/guide",
    "/": "/",
    ".": ".",
    "hf:org/name/": "hf:org/name",
    "https://Example.org/": "example.org",
    "https://u:p@Example.org:80": "example.org",
    "https://example.org/a/": "https://example.org/a",
    "example.org": "example.org",
}


def value(expression: str) -> object:
    """What an SQL expression comes to."""
    row = duckdb.execute(f"SELECT {expression}").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("uri", SOURCES)
def test_the_source_of_a_uri(uri: str) -> None:
    assert value(source_sql(literal(uri))) == SOURCES[uri]


def test_the_source_of_a_column() -> None:
    rows = duckdb.execute(f"SELECT {SOURCE_SQL} FROM (VALUES ('a/b.md'), (NULL)) t(uri)").fetchall()
    assert rows == [("a",), (None,)]


@pytest.mark.parametrize(("uri", "source", "expected"), UNDER)
def test_what_lies_under_a_source(uri: str, source: str, expected: bool) -> None:
    assert value(under_sql(literal(uri), literal(source))) is expected


@pytest.mark.parametrize("uri", SOURCES)
def test_every_uri_lies_under_its_own_source(uri: str) -> None:
    assert value(under_sql(literal(uri), literal(SOURCES[uri]))) is True


@pytest.mark.parametrize("source", TIDY)
def test_a_source_is_written_as_uris_begin(source: str) -> None:
    assert tidy_source(source) == TIDY[source]


PART = st.text("ab.# %_'é粉", min_size=1, max_size=4).filter(lambda part: part.strip(". ") != "")


@given(st.lists(PART, min_size=1, max_size=4), st.lists(PART, min_size=1, max_size=4), st.sampled_from(["", "/"]))
def test_a_file_lies_under_each_folder_above_it_and_under_no_other(
    parts: list[str], other: list[str], root: str
) -> None:
    uri, folder = root + "/".join(parts), root + "/".join(other)
    expected = parts[: len(other)] == other
    assert value(under_sql(literal(uri), literal(folder))) is expected
    for depth in range(1, len(parts) + 1):
        assert value(under_sql(literal(uri), literal(root + "/".join(parts[:depth])))) is True
