"""Whatever bytes come, an item gives a document or says why not; nothing else ever escapes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_files import build_docx, build_epub, build_odt, build_pdf, build_pptx

from pipeline.sources.find import _find_in_file
from pipeline.sources.item import Item, Reading
from schemas.errors import SourceError, Unanswerable
from schemas.rows import DocumentAnswer

REASONS = {
    "empty", "too_large", "binary", "undecodable", "password_protected", "unreadable", "malformed_row",
    "unsupported_type", "no_access",
}
TABLE = [{"text": "The mill, again", "title": "T"}, {"text": "ünd \"noch\" einmal\nneu", "title": "U"}]


def _build_parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(TABLE), out)
    return out.getvalue()


VALID = {
    "a.txt": "The mill, a café\r\nand 日本".encode(),
    "b.txt": "The mill, a café".encode("utf-16"),
    "a.jsonl": "\n".join(json.dumps(row) for row in TABLE).encode(),
    "a.csv": b'text,title\n"The mill, again",T\n"\xc3\xbcnd ""noch"" einmal\nneu",U\n',
    "a.parquet": _build_parquet(),
    "a.html": b"<html><head><title>T</title></head><body><h1>x</h1><table><tr><td>y</table><pre>z</pre></body></html>",
    "a.pdf": build_pdf("The mill", "again"),
    "b.pdf": build_pdf("The mill", password="x"),
    "a.docx": build_docx("The mill &amp; again", headings=["Mills"]),
    "a.pptx": build_pptx("The mill"),
    "a.odt": build_odt("The mill"),
    "a.epub": build_epub("The mill"),
    "a.rtf": rb"{\rtf1\ansi The {\b mill}\par}",
    "unknown": b"The mill",
}
Check = Callable[[str, bytes], None]
several = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def answer_of(item: Item) -> DocumentAnswer | Unanswerable:
    """What reading an item comes to."""
    try:
        return item.read()
    except Unanswerable as problem:
        return problem


@pytest.fixture
def check(tmp_path: Path, reading: Reading) -> Check:
    """Write bytes under a name, find what is in them, and read it."""

    def check_bytes(name: str, content: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        count = 0
        try:
            for item in _find_in_file(path, reading):
                count += 1
                answer = answer_of(item)
                if isinstance(answer, Unanswerable):
                    assert answer.reason in REASONS
                    assert answer.detail
                    continue
                assert answer.text.strip()
                assert "\r" not in answer.text
                answer.text.encode()
                answer.model_dump_json()
        except SourceError:
            return  # a header that names no column of text
        assert count

    return check_bytes


@pytest.mark.parametrize("name", sorted(VALID))
@several
@given(data=st.data())
def test_any_bytes_give_a_document_or_a_reason(check: Check, name: str, data: st.DataObject) -> None:
    check(name, data.draw(st.binary(max_size=400)))


@pytest.mark.parametrize("name", sorted(VALID))
@several
@given(data=st.data())
def test_cut_files_give_a_document_or_a_reason(check: Check, name: str, data: st.DataObject) -> None:
    check(name, VALID[name][:data.draw(st.integers(0, len(VALID[name])))])


@pytest.mark.parametrize("name", sorted(VALID))
@several
@given(data=st.data())
def test_damaged_files_give_a_document_or_a_reason(check: Check, name: str, data: st.DataObject) -> None:
    content = bytearray(VALID[name])
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=20)):
        content[place] = byte
    check(name, bytes(content))


@several
@given(text=st.text(min_size=1, max_size=200))
def test_any_text_comes_back_as_it_was(tmp_path: Path, reading: Reading, text: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": text}), encoding="utf-8")
    (item,) = _find_in_file(path, reading)
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if expected.strip() and text.strip():
        assert item.read().text == expected
    else:
        with pytest.raises(Unanswerable, match="empty"):
            item.read()
