"""What cannot be read says why: one stable code and one sentence for each way to fail."""

from __future__ import annotations

import os
import socket
import zipfile
from pathlib import Path

import pytest
from source_files import build_docx, build_pdf, build_zip, find, read, reason, reason_of, write

from pipeline.sources.item import MAX_BYTES, Reading
from pipeline.sources.parser import Parser
from schemas.errors import Transient, Unanswerable

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.pdf", "a.docx", "a.html", "a.jsonl", "a.csv", "a.parquet", "a"])
def test_file_of_no_bytes_is_empty(tmp_path: Path, name: str) -> None:
    assert reason(write(tmp_path / name, b""))[0] == "empty"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b" \n\t\r\n"), ("b.txt", "\ufeff".encode()), ("c.txt", " \n".encode("utf-16")),
        ("d.txt", b"\0\0\0"), ("a.html", b"<html><head><title>T</title></head><body><p> </p></body></html>"),
        ("b.html", b"<!-- nothing -->"), ("a.docx", build_docx()), ("b.docx", build_docx(" ")),
        ("a.csv", b"text,title\n"), ("a.jsonl", b"\n \n"),
    ],
)
def test_file_without_text_is_empty(tmp_path: Path, name: str, content: bytes) -> None:
    assert reason(write(tmp_path / name, content))[0] == "empty"


def test_pdf_without_text_layer_is_empty_and_says_so(tmp_path: Path) -> None:
    code, detail = reason(write(tmp_path / "scan.pdf", build_pdf()))
    assert code == "empty"
    assert "text layer" in detail


@pytest.mark.parametrize("name", ["a.md", "a.pdf", "unknown"])
def test_huge_file_is_too_large_without_being_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with open(path, "wb") as file:
        file.truncate(200 * MAX_BYTES)
    code, detail = reason(path)
    assert code == "too_large"
    assert "10,000 MB" in detail


def test_archive_that_unpacks_without_end_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as part:
        for _ in range(600):
            part.write(b" " * 1_000_000)
    assert reason(path)[0] == "too_large"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", bytes(range(256)) * 20), ("picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 9),
        ("b.txt", b"\x01\x02\x03" * 99),
    ],
)
def test_bytes_that_are_no_text_are_binary(tmp_path: Path, name: str, content: bytes) -> None:
    assert reason(write(tmp_path / name, content))[0] == "binary"


def test_bytes_in_no_encoding_are_undecodable(tmp_path: Path) -> None:
    content = b"\xfe" + bytes(byte for byte in os.urandom(4000) if byte)
    assert reason(write(tmp_path / "a.txt", content))[0] in ("undecodable", "binary")
    assert reason(write(tmp_path / "b.txt", b"\xef\xbb\xbfabc\xff\xfe\x81\x8d\x8f\x90\x9d" * 40))[0] == "undecodable"


def test_encrypted_pdf_is_password_protected(tmp_path: Path) -> None:
    code, detail = reason(write(tmp_path / "a.pdf", build_pdf("Secret", password="sesame")))
    assert code == "password_protected"
    assert "password" in detail


def test_encrypted_docx_is_password_protected(tmp_path: Path) -> None:
    content = OLE + "EncryptedPackage".encode("utf-16-le") + b"\0" * 512
    assert reason(write(tmp_path / "a.docx", content))[0] == "password_protected"


def test_old_word_file_named_docx_says_what_it_is(tmp_path: Path) -> None:
    code, detail = reason(write(tmp_path / "a.docx", OLE + b"WordDocument"))
    assert code == "unreadable"
    assert "old Office" in detail


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.pdf", build_pdf("The mill")[:300]), ("none.pdf", b"no PDF at all"), ("cut.docx", build_docx("x")[:200]),
        ("other.docx", build_zip({"a.txt": "x"})), ("none.docx", b"plain text"), ("none.rtf", b"plain text"),
        ("none.epub", b"plain text"), ("cut.parquet", b"PAR1\x15\x04\x15"), ("none.parquet", b"plain text"),
    ],
)
def test_broken_file_is_unreadable_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    code, detail = reason(write(tmp_path / name, content))
    assert code == "unreadable"
    assert len(detail) > 20
    assert "\n" not in detail


def test_file_that_vanished_has_no_access(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "here today")
    (item,) = find(path)
    path.unlink()
    assert reason_of(item)[0] == "no_access"


def test_file_that_vanished_before_it_was_found_has_no_access(tmp_path: Path, reading: Reading) -> None:
    from pipeline.sources.files import find_file

    assert reason_of(find_file(tmp_path / "gone.md", reading))[0] == "no_access"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_file_and_folder_without_permission_have_no_access(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "x")
    write(tmp_path / "b.md", "x").chmod(0)
    write(tmp_path / "c" / "d.md", "x").parent.chmod(0)
    try:
        found = {item.uri.rpartition("/")[2]: item for item in find(tmp_path)}
        assert reason_of(found["b.md"])[0] == reason_of(found["c"])[0] == "no_access"
    finally:
        (tmp_path / "c").chmod(0o700)


def test_link_to_nothing_in_a_folder_has_no_access(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "x")
    (tmp_path / "b.md").symlink_to(tmp_path / "nowhere")
    first, second = find(tmp_path)
    assert (first.read().text, reason_of(second)[0]) == ("x", "no_access")


def test_pipe_and_socket_are_told_without_waiting_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.md", "x")
    os.mkfifo(tmp_path / "b.md")
    monkeypatch.chdir(tmp_path)  # the path of a socket may be a hundred characters long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("c.jsonl")
        assert [reason_of(item)[0] for item in find(tmp_path)[1:]] == ["unsupported_type"] * 2


def test_file_that_changed_since_it_was_found_is_left_for_later(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "old")
    (item,) = find(path)
    write(path, "new")
    with pytest.raises(Transient, match=r"a\.md"):
        item.read()


def test_document_that_hangs_the_parser_is_unreadable(tmp_path: Path) -> None:
    hangs = b"<script>" * 200_000  # opened, never closed: each one is searched to the end
    parser = Parser(deadline_seconds=0.5)
    with pytest.raises(Unanswerable, match=r"unreadable: it keeps the parser busy for over 0\.5 seconds"):
        parser.parse("text/html", hangs)
    assert parser.parse("text/html", b"<p>the next one is read") == "the next one is read\n"


def test_parser_killed_from_outside_leaves_the_document_for_later(tmp_path: Path) -> None:
    parser = Parser()
    parser.parse("text/html", b"<p>x")
    (worker,) = parser._idle
    worker.kill()
    with pytest.raises(Transient):
        parser.parse("text/html", b"<p>x")
    assert parser.parse("text/html", b"<p>x") == "x\n"


def test_parser_leaves_no_process_and_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parser = Parser()
    parser.parse("application/pdf", build_pdf("The mill"))
    (worker,) = parser._idle
    del parser
    assert worker.returncode == 0
    assert os.listdir(tmp_path) == []


def test_reading_twice_gives_the_same_document(tmp_path: Path) -> None:
    (item,) = find(write(tmp_path / "a.pdf", build_pdf("The mill")))
    assert item.read() == item.read() == read(tmp_path / "a.pdf")
