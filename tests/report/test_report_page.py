"""The page of a report: what it says of a release, that its numbers are right, and that the same release gives the same page."""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import builds
import pytest
import releases
from mills import Mill, write_documents, written

from flows.reporting import write_report
from pipeline.report.page import MARK, fold, visible
from schemas.errors import RequestError, WarehouseError
from warehouse.address import Address, resolve_address


def silent(what: str) -> None:
    """Progress that nobody wants to see."""


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnirts\u0000 $x^{"


def report_of(address: Address, folder: Path, release: str = "latest", **options: object) -> str:
    """The text of a report."""
    return write_report(address, release, folder / "report.html", silent, **options).read_text(encoding="utf-8")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Address:
    """A warehouse with two releases of one recipe, the second with one document more."""
    folder = tmp_path_factory.mktemp("two")
    address, documents = resolve_address(str(folder / "lake")), write_documents(folder / "documents")
    recipe = builds.write_recipe(folder)
    asyncio.run(builds.run(recipe, documents, address))
    (documents / "sails.md").write_text(
        "# Sails\n\nThe four sails of a smock mill carry canvas. Each sail is 9 metres long.\n"
    )
    asyncio.run(builds.run(recipe, documents, address))
    return address


def test_every_chapter_is_there_and_the_numbers_are_those_of_the_warehouse(mill: Mill, tmp_path: Path) -> None:
    text = report_of(mill.address, tmp_path)
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    wanted = ["Contents", "From documents to pairs", "How sure the labels are", "Length", "Judges", "What is in it"]
    assert titles == [*wanted, "How far to trust it", "Cost", "Examples", "What was dropped"]
    pairs = builds.ask(mill.address, "SELECT count(*) FROM release_rows")[0][0]
    assert f"{pairs} preference pairs" in text
    dropped = builds.ask(mill.address, "SELECT step, reason, units FROM funnel WHERE status = 'none'")
    assert dropped
    for step, reason, units in dropped:
        assert re.search(
            rf"<th scope=\"row\">{step}</th><td>dropped</td><td>{reason}</td><td class=\"number\">{units}</td>", text
        )
    calls = builds.ask(mill.address, "SELECT sum(calls) FROM outcomes")[0][0]
    assert f"All steps together: {calls} calls" in text
    shown = set(re.findall(r"prefmill explain (par_\w+)", text))
    assert shown
    assert shown <= {row[0] for row in builds.ask(mill.address, "SELECT pair_id FROM release_rows")}


def test_verdicts_are_told_by_the_side_and_in_the_order_that_was_shown(mill: Mill, tmp_path: Path) -> None:
    text = report_of(mill.address, tmp_path)
    votes = builds.ask(
        mill.address,
        """SELECT s.name, s.evaluator, s."order", s.response_ids[1] = p.chosen_id, s.vote, s.rationale
        FROM signals s JOIN pairs p ON p.prompt_id = s.prompt_id AND list_has_all(s.response_ids, [p.chosen_id, p.rejected_id])
        JOIN release_rows r ON r.pair_id = p.pair_id""",
    )
    assert {order for _, _, order, *_ in votes} == {"ab", "ba"}
    for name, judge, order, is_chosen, vote, why in votes:
        first = "chosen" if (order == "ab") == is_chosen else "rejected"
        other = {"chosen": "rejected", "rejected": "chosen"}[first]
        said = {"a": "chosen" if is_chosen else "rejected", "b": "rejected" if is_chosen else "chosen"}.get(vote, vote)
        line = rf"{name}</th><td>{judge}</td><td>{first} then {other}</td><td>{said}</td>"
        assert re.search(line + rf"<td[^>]*>[^<]*</td><td[^>]*>{re.escape(html.escape(why))}", text), line


def test_it_is_held_against_the_release_before(two: Address, tmp_path: Path) -> None:
    text = report_of(two, tmp_path)
    first, second = (row[0] for row in builds.ask(two, "SELECT release FROM releases ORDER BY created_at"))
    assert f"Next to {first}" in text
    of = {
        name: {row[0] for row in builds.ask(two, f"SELECT pair_id FROM release_rows WHERE release = '{name}'")}
        for name in (first, second)
    }
    added, removed = of[second] - of[first], of[first] - of[second]
    assert added
    assert f"{len(added)} pairs were added, {len(removed)} removed, and 0 have the same two answers" in text
    assert f"Next to {second}" in report_of(two, tmp_path, first, against=second)
    with pytest.raises(RequestError, match="itself"):
        report_of(two, tmp_path, first, against=first)
    with pytest.raises(WarehouseError, match="no release 'x'"):
        report_of(two, tmp_path, first, against="x")


def test_a_release_keeps_its_report_when_others_are_built(two: Address, tmp_path: Path) -> None:
    first = builds.ask(two, "SELECT release FROM releases ORDER BY created_at")[0][0]
    text = report_of(two, tmp_path, first)
    assert "sails.md" not in text
    assert "Next to" not in text


def test_hostile_words_are_words(tmp_path: Path, lake: Address) -> None:
    rows = releases.innocent(6)
    for row in rows:
        releases.asked(row, f"What of {HOSTILE}?")
        releases.said(row, "chosen", HOSTILE + row["pair_id"] + "long " * 40_000)
        row |= {
            "chosen_model": HOSTILE,
            "licence": HOSTILE,
            "uri": HOSTILE,
            "title": HOSTILE,
            "rule": HOSTILE,
            "flags": [HOSTILE],
        }
        row |= {"rationale": HOSTILE, "evidence": HOSTILE}
    releases.plant(lake, rows, "hostile")
    text = report_of(lake, tmp_path, "hostile")
    assert text.count("<script>") == 1
    assert "<img" not in text
    assert "\u202e" not in text
    assert "\0" not in text
    assert "⟨U+202E⟩" in text
    assert len(text) < 600_000
    assert "more characters are not in this page" in text


def test_another_process_writes_the_same_bytes(two: Address, tmp_path: Path) -> None:
    files = []
    for seed in ("1", "2"):
        target = tmp_path / f"{seed}.html"
        command = [sys.executable, "-m", "flows.cli", "report", "-w", written(two), "--to", str(target), "--json"]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == {"file": str(target), "bytes": target.stat().st_size}
        files.append(target.read_bytes())
    assert files[0] == files[1]
    assert str(tmp_path).encode() not in files[0]


def test_only_a_report_is_written_over(mill: Mill, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("<p>mine")
    with pytest.raises(RequestError, match="no report of prefmill"):
        report_of(mill.address, tmp_path)
    assert target.read_text() == "<p>mine"
    assert MARK in report_of(mill.address, tmp_path, overwrite=True)
    assert MARK in report_of(mill.address, tmp_path)
    with pytest.raises(RequestError, match="is a folder"):
        write_report(mill.address, "latest", tmp_path, silent)
    with pytest.raises(RequestError, match="is not there"):
        write_report(mill.address, "latest", tmp_path / "no" / "report.html", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_without_matplotlib_one_sentence_names_the_extra(two: Address, tmp_path: Path) -> None:
    (tmp_path / "blind.py").write_text(
        "import importlib.util, sys\nfound = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'matplotlib' else found(name, *more)\n"
        "from flows.cli import main\nsys.argv[0] = 'prefmill'\nmain()\n"
    )
    command = [
        sys.executable,
        str(tmp_path / "blind.py"),
        "report",
        "-w",
        written(two),
        "--to",
        str(tmp_path / "r.html"),
    ]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        "prefmill: a report needs matplotlib: pip install 'prefmill[report]'\n",
    )


def test_a_long_text_is_folded_and_nothing_is_shown_twice() -> None:
    text = "".join(chr(97 + at % 26) for at in range(9000))
    said = fold(text, 250_000)
    assert text.startswith(said.shown + said.more)
    assert len(said.shown) + len(said.more) + said.left_out == 250_000
    assert fold("short") == fold("short", 5)
    assert visible("a\0b\tc\nd\ud800") == "a⟨U+0000⟩b\tc\nd⟨U+D800⟩"
