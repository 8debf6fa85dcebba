"""Identity: what must change an item's id or a document's hash, and what must not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from source_files import build_pdf, find, read, write

from pipeline.sources import item as items
from pipeline.sources.decode import decode_text


def identify(path: Path, **options: str) -> str:
    (found,) = find(path, **options)
    return found.item_id


@pytest.mark.parametrize("name", ["a.md", "a.pdf", "a.jsonl", "a.png", "a"])
def test_same_bytes_elsewhere_have_the_same_id(tmp_path: Path, name: str) -> None:
    content = build_pdf("x") if name == "a.pdf" else b'{"text": "x"}'
    here = identify(write(tmp_path / "here" / name, content))
    assert here == identify(write(tmp_path / "there" / name.replace("a", "b", 1), content))
    assert here.startswith("itm_")


def test_same_row_elsewhere_has_the_same_id(tmp_path: Path) -> None:
    first, second, third = find(write(tmp_path / "a.jsonl", '{"text": "x"}\n{"text": "y", "id": 1}\n{"text": "x"}\n'))
    assert first.item_id == third.item_id == identify(write(tmp_path / "b.jsonl", '{"id": 2, "text": "x"}'))
    assert second.item_id != first.item_id


def test_other_bytes_or_another_kind_have_another_id(tmp_path: Path) -> None:
    contents = {"a.md": "x", "b.md": "y", "c.txt": "x", "d.html": "x", "e.jsonl": '{"text": "x"}'}
    assert len({identify(write(tmp_path / name, content)) for name, content in contents.items()}) == 5


def test_another_reader_has_another_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.md", "x")
    before = identify(path)
    monkeypatch.setattr(items, "READER_VERSION", items.READER_VERSION + 1)
    assert identify(path) != before


def test_only_the_libraries_that_read_it_are_in_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        write(tmp_path / "a.md", "plain é"), write(tmp_path / "b.md", "Le café était fermé".encode("latin-1")),
        write(tmp_path / "c.pdf", build_pdf("x")), write(tmp_path / "d.html", "<p>é"),
        write(tmp_path / "e.jsonl", '{"text": "x"}'),
    ]
    versions = {"kreuzberg": "4", "charset-normalizer": "3", "pyarrow": "24"}
    monkeypatch.setattr(items, "find_version", versions.__getitem__)
    before = [identify(path) for path in paths]
    for library, changed in (("kreuzberg", [2, 3]), ("charset-normalizer", [1]), ("pyarrow", [])):
        with monkeypatch.context() as patch:
            patch.setitem(versions, library, "99")
            after = [identify(path) for path in paths]
        assert [number for number in range(5) if after[number] != before[number]] == changed


def test_ids_are_the_same_in_another_process(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "x")
    code = "import sys\nfrom pipeline.sources import find_items\nprint(next(find_items(sys.argv[1:])).item_id)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == identify(path)


def test_ends_of_lines_do_not_change_a_document(tmp_path: Path) -> None:
    texts = ["one\ntwo\n", "one\r\ntwo\r\n", "one\rtwo\r", "\ufeffone\ntwo\n", "one\0\ntwo\n"]
    documents = [read(write(tmp_path / f"{number}.md", text)) for number, text in enumerate(texts)]
    assert len({document.sha256 for document in documents}) == 1
    assert documents[0].text == "one\ntwo\n"


def test_composition_of_characters_is_left_alone(tmp_path: Path) -> None:
    composed, decomposed = read(write(tmp_path / "a.md", "é")), read(write(tmp_path / "b.md", "e\u0301"))
    assert composed.sha256 != decomposed.sha256


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("日本語とASCII", "utf-8-sig"), ("日本語とASCII", "utf-16"), ("日本語とASCII", "utf-32"),
        ("plain words, no mark", "utf-16-le"), ("plain words, no mark", "utf-16-be"),
        ("Le café était fermé à cause de la fête nationale.", "latin-1"), ("café crème brûlée", "latin-1"),
        ("It’s “quoted” — über", "cp1252"), ("Größe und Maße: Die Straße ist gesperrt.", "cp1252"),
        ("日本語のテキストです。吾輩は猫である。", "shift_jis"), ("日本語", "shift_jis"),
        ("日本語のテキストです。吾輩は猫である。", "euc_jp"), ("吾輩は猫である。", "iso2022_jp"),
        ("中文文本，这是一个测试文件。", "gb18030"), ("這是一個測試檔案，繁體中文。", "big5"),
        ("Привет, это тестовый текст на русском.", "cp1251"), ("Привет, это тестовый текст на русском.", "koi8_r"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250"), ("Zażółć gęślą jaźń, proszę państwa", "iso8859_2"),
        ("안녕하세요 이것은 시험용 문서입니다.", "cp949"), ("Türkiye'de güzel bir gün, çocuklar okula gitti", "cp1254"),
    ],
)
def test_text_in_any_encoding_is_the_same_text(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)).removeprefix("\ufeff") == text
