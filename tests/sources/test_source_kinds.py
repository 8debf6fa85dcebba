"""Every kind of file reads as text, with the title and media type that its documents have."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from source_files import (
    build_docx,
    build_epub,
    build_odt,
    build_pdf,
    build_pptx,
    find,
    read,
    reason,
    write,
)

OFFICE = "application/vnd.openxmlformats-officedocument."
PAGE = """<!doctype html><html><head><title>Mills &amp; rivers</title><meta name="description" content="x">
<style>p {color: red}</style></head><body><nav><a href="/">Home</a></nav><h1>Water</h1>
<p>AT&amp;T said 5 &lt; 6, <b>boldly</b>.</p><form><p>in a form</p></form>
<img src="data:image/png;base64,AAAA" alt="a wheel in the river"><img src="data:image/png;base64,AAAA" alt="x">
<svg><text>drawn</text></svg><script>alert(1)</script></body></html>"""


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.md", "text/markdown"), ("a.markdown", "text/markdown"), ("a.MD", "text/markdown"), ("a.txt", "text/plain"),
        ("a.text", "text/plain"), ("a.rst", "text/x-rst"), ("a.py", "text/plain"), ("README", "text/plain"),
    ],
)
def test_text_is_read_as_it_is(tmp_path: Path, name: str, media_type: str) -> None:
    text = "  # A *heading*\n\n\tText\\_with signs: é, 日本, e\u0301.  \n"
    document = read(write(tmp_path / name, text))
    assert (document.text, document.media_type, document.licence) == (text, media_type, None)
    assert document.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert document.uri == (tmp_path / name).as_posix()


@pytest.mark.parametrize("name", ["a.html", "a.htm", "a.xhtml", "page"])
def test_html_becomes_markdown_without_its_furniture(tmp_path: Path, name: str) -> None:
    document = read(write(tmp_path / name, PAGE))
    assert document.text == "# Water\n\nAT&T said 5 < 6, **boldly**.\n\nin a form\n\na wheel in the river\n"
    assert (document.title, document.media_type) == ("Mills & rivers", "text/html")


def test_html_says_its_own_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="shift_jis"><title>猫</title></head><body><p>日本語</p></body></html>'
    document = read(write(tmp_path / "a.html", page.encode("shift_jis")))
    assert (document.title, document.text) == ("猫", "日本語\n")


@pytest.mark.parametrize("opening", ["<div>", "<b>", "<blockquote>", "<ul><li>", "<table><tr><td>", "<span>", "<p>"])
def test_html_that_nests_deeply_keeps_its_text(tmp_path: Path, opening: str) -> None:
    page = f"<html><body><p>before</p>{opening * 200}inside</body></html>"
    text = read(write(tmp_path / "a.html", page)).text
    assert "before" in text
    assert "inside" in text


@pytest.mark.parametrize("opening", ["<p>", "<li>", "<ul><li>x</ul><p>", "<dt>t<dd>", "<tr><td>", "<td>", "<div><p>"])
def test_html_whose_elements_are_never_closed_keeps_its_text(tmp_path: Path, opening: str) -> None:
    around = {"<li>": "<ul>", "<dt>t<dd>": "<dl>", "<tr><td>": "<table>", "<td>": "<table><tr>"}.get(opening, "")
    page = around + "".join(f"{opening}word{number} and\n" for number in range(150))
    text = read(write(tmp_path / "a.html", page)).text
    assert [number for number in range(150) if f"word{number} and" not in text] == []


def test_html_laid_out_by_tables_keeps_its_shape(tmp_path: Path) -> None:
    data = "<table><tr><th>A<th>B<tr><td>1<td>2</table>"
    page = f"<table><tr><td>side<td><h2>Mill</h2><p>one<p>two<pre>x = <a href=y>1</a>\n    y</pre>{data}</table>"
    assert read(write(tmp_path / "a.html", page)).text == (
        "side\n\n## Mill\n\none\n\ntwo\n\n```\nx = 1\n    y\n```\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n"
    )


def test_html_with_signs_of_its_own_keeps_them(tmp_path: Path) -> None:
    page = "<p>AT&T &copy 1 < 2 &lt;p&gt; a&nbsp;b <![CDATA[c < d]]> <![if x]>e<![endif]> <x-y>f</x-y> <br/>g</p>"
    words = read(write(tmp_path / "a.html", page)).text.split()
    assert " ".join(words) == "AT&T © 1 < 2 <p> a b c < d e f g"


def test_pdf_becomes_markdown(tmp_path: Path) -> None:
    document = read(write(tmp_path / "a.pdf", build_pdf("The mill grinds (slowly)", "AT&T said 5 < 6 in 1. place")))
    assert document.text == "The mill grinds (slowly) AT&T said 5 < 6 in 1. place\n"
    assert (document.title, document.media_type) == ("", "application/pdf")


def test_pdf_keeps_symbols_that_look_like_broken_ligatures(tmp_path: Path) -> None:
    line = "Jane Smith* and Joe** wrote a*b, #include and !important in C#"
    assert read(write(tmp_path / "a.pdf", build_pdf(line, "with an office"))).text.startswith(line)


def test_pdf_is_known_without_its_suffix(tmp_path: Path) -> None:
    assert read(write(tmp_path / "paper", build_pdf("The mill"))).media_type == "application/pdf"


def test_pdf_that_only_its_owner_may_change_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.pdf", build_pdf("Open to all", password=""))).text == "Open to all\n"


def test_docx_keeps_every_sign(tmp_path: Path) -> None:
    line = "AT&amp;T: 5 &lt; 6 &gt; 4 &quot;so&quot; it&apos;s &#8217; &#x41; a_b *c* 1. #d"
    document = read(write(tmp_path / "a.docx", build_docx(line, headings=["A &amp; B"])))
    assert document.text == "## A & B\n\nAT&T: 5 < 6 > 4 \"so\" it's ’ A a_b *c* 1. #d\n"
    assert (document.title, document.media_type) == ("A & B", OFFICE + "wordprocessingml.document")


@pytest.mark.parametrize(
    ("name", "content", "media_type", "text"),
    [
        ("a.odt", build_odt("AT&amp;T &lt;b&gt;"), "application/vnd.oasis.opendocument.text", "# Mills\n\nAT&T <b>\n"),
        ("a.epub", build_epub("AT&amp;T 5 &lt; 6"), "application/epub+zip", "# Mills\n\nAT&T 5 < 6\n"),
        ("a.pptx", build_pptx("AT&amp;T"), OFFICE + "presentationml.presentation", "## AT&T\n"),
        ("a.rtf", rb"{\rtf1\ansi Caf\'e9 {\b AT&T}\par}", "application/rtf", "Café **AT&T**\n"),
    ],
)
def test_other_office_files_become_markdown(
    tmp_path: Path, name: str, content: bytes, media_type: str, text: str
) -> None:
    document = read(write(tmp_path / name, content))
    assert (document.text, document.media_type) == (text, media_type)


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.md", "Intro\n\n## The *wheel* ##\n\n# Later\n", "The *wheel"),
        ("a.md", "```\n# not this\n```\n~~~\n# nor this\n~~~\n# This\n", "This"),
        ("a.md", "Underlined\n==========\n", "Underlined"),
        ("a.md", '---\ntitle: "In front"\ntags: [a]\n---\n# Later\n', "In front"),
        ("a.md", "---\nlayout: x\n---\n# First\n", "First"),
        ("a.md", "no heading\n\n---\n\n#hashtag\n", ""),
        ("a.md", "#\n\n# " + "long " * 200, ("long " * 60).strip() + " "),
        ("notes.of.june.txt", "# a comment\n", ""),
        ("a.html", "<h2>Only a heading</h2><p>x</p>", "Only a heading"),
        ("a.html", "<title>\n  Two\n  lines </title><p>x</p>", "Two lines"),
    ],
)
def test_title_is_the_first_that_is_there(tmp_path: Path, name: str, text: str, title: str) -> None:
    assert read(write(tmp_path / name, text)).title == title


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a.json", "JSONL"), ("a.png", "OCR"), ("a.zip", "unpack"), ("a.doc", ".docx"), ("a.xlsx", "CSV"),
        ("a.pyc", "data"),
    ],
)
def test_other_types_are_told_with_the_way_out(tmp_path: Path, name: str, hint: str) -> None:
    code, detail = reason(write(tmp_path / name, b"\x89anything"))
    assert code == "unsupported_type"
    assert hint in detail


def test_licence_is_that_of_the_call(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.md", "x"), licence="CC-BY-4.0").licence == "CC-BY-4.0"


def test_finding_does_not_parse(tmp_path: Path) -> None:
    write(tmp_path / "broken.pdf", b"%PDF-1.7 and no more")
    assert [item.uri.rpartition("/")[2] for item in find(tmp_path)] == ["broken.pdf"]
