"""What was asked for: wrong requests are refused before any work; right ones are walked in one order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from source_files import build_pdf, find, reason_of, write

from pipeline.sources import find_items
from schemas.errors import SourceError, Unanswerable


def test_no_sources_are_refused() -> None:
    with pytest.raises(SourceError, match="name files, folders or hf:org/name"):
        find_items([])


def test_missing_source_names_its_nearest_sibling(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "intro.md", "x")
    with pytest.raises(SourceError, match=r"intor\.md' does not exist; did you mean `intro\.md`"):
        find_items([str(tmp_path / "docs" / "intor.md")])
    with pytest.raises(SourceError, match="did you mean `docs`"):
        find_items([str(tmp_path / "doc" / "intro.md")])


def test_missing_source_is_refused_before_the_others_are_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        find_items([str(write(tmp_path / "a.md", "x")), str(tmp_path / "b.md")])


@pytest.mark.parametrize("source", ["", "  "])
def test_empty_source_is_not_the_working_folder(source: str) -> None:
    with pytest.raises(SourceError, match="empty"):
        find_items([source])


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("squad-org/squad", "write hf:squad-org/squad"), ("https://example.org/a.pdf", "download it first"),
        ("hf:squad", "write hf:org/name"), ("hf:a/b/c/d", "write hf:org/name"),
    ],
)
def test_refusals_say_the_way_out(source: str, hint: str) -> None:
    with pytest.raises(SourceError, match=hint):
        find_items([source])


def test_hub_without_the_datasets_library_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path / "datasets.py", "raise ImportError('not here')")
    code = "import sys\nsys.path.insert(0, sys.argv[1])\nfrom pipeline.sources import find_items\n"
    code += "find_items(['hf:a/b'])"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "reading hf:a/b needs the datasets library: pip install 'prefmill[hf]'" in done.stderr


def test_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    code = "from pipeline.sources import find_items\nfrom schemas.errors import SourceError\n"
    code += "try: next(find_items(['hf:no-such/thing']))\nexcept SourceError as problem: print(problem)"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.startswith("reading 'hf:no-such/thing' from the hub failed: ")
    assert done.stdout.count("\n") == 1


def test_importing_the_sources_loads_no_heavy_library() -> None:
    code = "import sys, pipeline.sources\nheavy = {'kreuzberg', 'pyarrow', 'datasets', 'charset_normalizer'}\n"
    code += "print(sorted(heavy & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("names", [[], [".hidden.md"], ["a.png", "b.zip"], ["node_modules/a.md", "__pycache__/b.md"]])
def test_folder_with_nothing_to_read_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write(tmp_path / name, "x")
    with pytest.raises(SourceError, match="holds nothing that can be read"):
        find_items([str(tmp_path)])


def test_folder_whose_only_tables_have_no_text_column_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "question,answer\nq,a\n")
    with pytest.raises(SourceError, match="--text-column; there is: question, answer"):
        find_items([str(tmp_path)])


def test_table_without_text_column_among_documents_is_told_and_passed(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "question,answer\nq,a\n")
    write(tmp_path / "b.md", "x")
    first, second = find(tmp_path)
    with pytest.raises(Unanswerable, match=r"unsupported_type: .*--text-column"):
        first.read()
    assert second.read().text == "x"


def test_folder_is_walked_in_one_order_and_hidden_files_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = ["b/z.md", "b/a.txt", "a.md", "c.md", "B.md", "b.md", "b/1/2/3.md"]
    for name in [*seen, ".git/x.md", "a/.x.md", "node_modules/x.md"]:
        write(tmp_path / "docs" / name, name)
    monkeypatch.chdir(tmp_path)
    expected = ["docs/B.md", "docs/a.md", "docs/b/1/2/3.md", "docs/b/a.txt", "docs/b/z.md", "docs/b.md", "docs/c.md"]
    assert [item.uri for item in find("docs")] == expected
    assert [item.uri for item in find("./docs/")] == expected
    monkeypatch.chdir("docs")
    assert [item.uri for item in find(".")] == [uri.removeprefix("docs/") for uri in expected]


def test_order_of_sources_does_not_matter(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.md", "a"), write(tmp_path / "b.md", "b")
    assert [item.uri for item in find(b, a, b)] == [item.uri for item in find(a, b)]


@pytest.mark.parametrize(
    "name", ["with space.md", "quote'\".md", "日本 é.md", "new\nline.md", "#row=7.md", "%s{}.md", "-flag.md", "a?b*.md"]
)
def test_hostile_names_are_names(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "text")
    (item,) = find(tmp_path)
    assert item.uri == f"{tmp_path.as_posix()}/{name}"
    assert item.read().text == "text"
    assert item.read().title == ""


def test_name_in_no_encoding_becomes_one_that_can_be_stored(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.md"
    with open(path, "w") as file:
        file.write("text")
    (item,) = find(tmp_path)
    assert item.uri.endswith("/caf\ufffd.md")
    assert item.read().title == ""


def test_loops_of_links_end(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "a" / "x.md", "x")
    (tmp_path / "docs" / "a" / "up").symlink_to(tmp_path / "docs")
    (tmp_path / "docs" / "b").symlink_to(tmp_path / "docs" / "a")
    (tmp_path / "docs" / "self").symlink_to(tmp_path / "docs" / "self")
    items = find(tmp_path / "docs")
    assert [item.uri.removeprefix(tmp_path.as_posix()) for item in items] == ["/docs/a/x.md", "/docs/self"]
    assert reason_of(items[1])[0] == "no_access"


def test_linked_folder_is_entered(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "x.md", "x")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "linked").symlink_to(tmp_path / "elsewhere")
    assert [item.read().text for item in find(tmp_path / "docs")] == ["x"]


def test_documents_are_read_by_several_threads_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(40):
        write(tmp_path / f"{number:02}.pdf", build_pdf(f"Document {number}"))
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda item: item.read().text, find(tmp_path)))
    assert texts == [f"Document {number}\n" for number in range(40)]
