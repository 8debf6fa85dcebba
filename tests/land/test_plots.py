"""The plots of a card: what they count, that they are well-formed, harmless and always the same."""

from __future__ import annotations

import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import releases
from mills import Mill

from pipeline.land.files import read_release
from pipeline.land.plots import ALTERNATIVES, Counts, draw_plots, markdown_of, plots

SVG = "{http://www.w3.org/2000/svg}"


def words_of(drawn: bytes) -> list[str]:
    """All texts of a drawing, in order."""
    return [element.text or "" for element in ET.fromstring(drawn).iter(f"{SVG}text")]


def vote(prompt: str, judge: str, choice: str | None, **more: Any) -> dict[str, Any]:
    return {
        "prompt_id": prompt, "response_ids": [f"{prompt}x", f"{prompt}y"], "name": "clear", "evaluator": judge, "order": "ab",
        "vote": choice, "probability": None, **more,
    }  # fmt: skip


VOTES = pa.schema([
    ("prompt_id", pa.string()), ("response_ids", pa.list_(pa.string())), ("name", pa.string()), ("evaluator", pa.string()),
    ("order", pa.string()), ("vote", pa.string()), ("probability", pa.float64()),
])  # fmt: skip


def test_a_release_of_a_build_has_its_plots(mill: Mill) -> None:
    assert mill.built.landed is not None
    folder = mill.address.root / mill.built.landed.release.folder
    release = read_release(folder)
    drawn = draw_plots(folder, release)
    assert {"images/score_gaps.svg", "images/lengths.svg", "images/splits.svg", "images/licences.svg"} <= set(drawn)
    assert "images/judge_order.svg" in drawn
    assert {Path(path).stem for path in drawn} <= set(ALTERNATIVES)
    counted = sum(int(words.split(" ")[0]) for words in words_of(drawn["images/splits.svg"]) if "%" in words)
    assert counted == release.rows
    assert markdown_of(drawn)["splits"] == "![Bar chart of the splits](images/splits.svg)"


def test_gaps_and_lengths_are_counted(tmp_path: Path) -> None:
    rows = releases.innocent(40)
    for at, row in enumerate(rows):
        row["score_gap"] = 1.0 + at % 2
        releases.said(row, "chosen", "a" * (100 if at < 10 else 10))
        releases.said(row, "rejected", "b" * 10 if at >= 30 or at < 10 else "b" * 30)
    folder = releases.write(tmp_path / "one", rows).parent
    drawn = draw_plots(folder, read_release(folder))
    gaps = [words for words in words_of(drawn["images/score_gaps.svg"]) if words.endswith(")")]
    assert gaps[0] == gaps[-1] == "20 (50.0%)"
    assert gaps[1:-1] == ["0 (0.0%)"] * 10
    lengths = words_of(drawn["images/lengths.svg"])
    assert lengths[lengths.index("more than twice as long") + 1] == "10 (25.0%)"
    assert lengths[lengths.index("less than half as long") + 1] == "20 (50.0%)"
    assert lengths[lengths.index("as long (within 5%)") + 1] == "10 (25.0%)"


def test_two_judges_are_compared_wherever_the_files_are_cut(tmp_path: Path) -> None:
    said = [
        vote("p1", "one", "a"), vote("p1", "one", "a", order="ba"), vote("p1", "two", "a"),
        vote("p2", "one", "b"), vote("p2", "two", None, probability=0.9),
        vote("p3", "one", "tie"), vote("p3", "two", "a"),  # one has not decided
        vote("p4", "one", "a"), vote("p4", "two", None),  # two could not be read
        vote("p5", "one", "a"), vote("p5", "one", "a", name="control/clear"), vote("p5", "two", "b", name="cascade/x"),
        vote("p6", "one", "a"), vote("p6", "two", "a"),
    ]  # fmt: skip
    folder = releases.write(tmp_path / "one", releases.innocent(5)).parent
    release = read_release(folder)
    seen = set()
    for size in (1, 2, 3, 5, len(said)):
        counts = Counts()
        counts.add_votes(pa.Table.from_pylist(said[at : at + size], VOTES) for at in range(0, len(said), size))
        seen.add(tuple(sorted(counts.agreement.items())))
        drawn = plots(counts, release)["images/judge_agreement.svg"]
        assert "66.7% of 3" in words_of(drawn)
    assert len(seen) == 1


def test_words_of_sources_are_only_words(tmp_path: Path) -> None:
    rows = releases.innocent(4)
    for row in rows:
        row["licence"] = "<script>alert(1)</script>&\u202e\x07" + "x" * 500
    folder = releases.write(tmp_path / "one", rows).parent
    drawn = draw_plots(folder, read_release(folder))["images/licences.svg"]
    assert b"<script" not in drawn
    label = next(words for words in words_of(drawn) if words.startswith("<script>"))
    assert len(label) == 30


@pytest.mark.parametrize("size", [1, 5000])
def test_bars_stay_within_the_drawing(tmp_path: Path, size: int) -> None:
    draw = random.Random(size)
    rows = releases.innocent(30)
    for row in rows:
        row["score_gap"], row["licence"] = draw.uniform(1e-9, 1e9), f"licence {draw.randrange(size)}"
    folder = releases.write(tmp_path / "one", rows).parent
    for drawn in draw_plots(folder, read_release(folder)).values():
        picture = ET.fromstring(drawn)
        for bar in picture.iter(f"{SVG}rect"):
            assert float(bar.get("x", 0)) + float(bar.get("width", 0)) <= float(picture.get("width", 0))
            assert float(bar.get("y", 0)) + float(bar.get("height", 0)) <= float(picture.get("height", 0))


def test_another_process_draws_the_same_bytes(mill: Mill) -> None:
    assert mill.built.landed is not None
    folder = mill.address.root / mill.built.landed.release.folder
    script = (
        "import sys, hashlib, pathlib\nfrom pipeline.land.files import read_release\nfrom pipeline.land.plots import draw_plots\n"
        "folder = pathlib.Path(sys.argv[1])\nfor path, drawn in sorted(draw_plots(folder, read_release(folder)).items()):\n"
        "    print(path, hashlib.sha256(drawn).hexdigest())\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script, str(folder)], check=True, capture_output=True, text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
