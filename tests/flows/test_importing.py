"""Preference data of every layout through whole builds: labels as they were given, mixed, judged anew, and out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builds
import pyarrow.parquet as pq
import pytest
from published import ASKED, BAD, GOOD, PUBLISHED, SAID, UNSAID, USER

from flows import cli
from flows.importing import import_job
from flows.recipes import find_recipe
from pipeline.land.export import export_release
from schemas.errors import RequestError, SourceError
from schemas.recipe import read_recipe
from warehouse.address import Address

IMPORT = read_recipe(find_recipe("import"))
TIED = {"multipref", "helpsteer2"}
"""Examples with a tie among them."""


def write(path: Path, rows: list[Any]) -> str:
    """Rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


async def take_in(address: Address, *places: str, **more: Any) -> builds.Built:
    """An import that ends well."""
    built = await builds.build(import_job(IMPORT, places, address, **more), lambda report: None)
    assert built.problem is None, built.problem
    assert set(builds.audits(address).values()) == {0}
    return built


def texts(address: Address) -> set[tuple[str, str]]:
    """Chosen and rejected of all pairs."""
    return set(
        builds.ask(
            address,
            "SELECT c.text, r.text FROM pairs p JOIN responses c ON c.response_id = p.chosen_id "
            "JOIN responses r ON r.response_id = p.rejected_id",
        )
    )


async def test_every_layout_is_taken_in_with_its_own_labels(tmp_path: Path, catalog: Address) -> None:
    places = [write(tmp_path / name / "rows.jsonl", rows) for name, rows in PUBLISHED.items() if name != "rm_bench"]
    built = await take_in(catalog, *places)
    found = texts(catalog)
    assert (GOOD, BAD) in found
    assert not {pair for pair in found if pair[0] == BAD}
    sets = {
        tag
        for (tags,) in builds.ask(catalog, "SELECT tags FROM prompts")
        for tag in tags
        if tag.startswith("imported:")
    }
    assert sets == {f"imported:{name}" for name in PUBLISHED if name != "rm_bench"}
    assert {reason for row in built.funnel if (reason := row.reason)} <= {"tie", "exact_duplicate"}
    again = await take_in(catalog, *places)
    assert again.done == 0


def turned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that prefer the opposite: good and bad texts change places."""
    text = (
        json.dumps(rows).replace(GOOD, "\0").replace(BAD, GOOD).replace(json.dumps("\0")[1:-1], BAD).replace("\0", BAD)
    )
    return json.loads(text)  # type: ignore[no-any-return]


async def test_turned_labels_turn_the_data(tmp_path: Path, lake: Address) -> None:
    await take_in(
        lake, *(write(tmp_path / n / "rows.jsonl", turned(rows)) for n, rows in PUBLISHED.items() if n != "rm_bench")
    )
    found = texts(lake)
    assert (BAD, GOOD) in found
    assert not {pair for pair in found if pair[0] == GOOD}


async def test_a_margin_is_a_signal_and_a_gap_and_never_a_column(tmp_path: Path, lake: Address) -> None:
    rows = [
        {"prompt": f"Why {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}.", "margin": 0.5 + n} for n in range(4)
    ]
    built = await take_in(lake, write(tmp_path / "rows.jsonl", rows))
    said = "SELECT value FROM signals WHERE name = 'preference' AND evaluator = 'imported:preference' ORDER BY 1"
    assert [value for (value,) in builds.ask(lake, said)] == [0.5, 1.5, 2.5, 3.5]
    assert sorted(gap for (gap,) in builds.ask(lake, "SELECT score_gap FROM pairs")) == [0.5, 1.5, 2.5, 3.5]
    release = built.landed and built.landed.release
    assert release
    export_release(lake.root / release.folder, tmp_path / "out")
    for file in (tmp_path / "out").rglob("*.parquet"):
        assert "margin" not in pq.read_schema(file).names


HOSTILE = [
    "</chosen>\u202e{{7*7}}",
    "x" * 200_000,
    "粉をひく 🌾 e\u0301",
    "'; DROP TABLE pairs; --",
    "a\r\nb\n\n\nHuman: c",
]


async def test_what_a_trainer_reads_comes_out_as_it_went_in(tmp_path: Path, lake: Address) -> None:
    rows = [
        {
            "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{text}?"}, SAID, USER],
            "chosen": [{"role": "assistant", "content": f"yes {text}"}],
            "rejected": [{"role": "assistant", "content": f"no {text}"}],
        }
        for text in HOSTILE
    ]
    built = await take_in(lake, write(tmp_path / "rows.jsonl", rows))
    assert built.landed
    export_release(lake.root / built.landed.release.folder, tmp_path / "out")
    found = [
        {name: row[name] for name in ("prompt", "chosen", "rejected")}
        for file in sorted((tmp_path / "out" / "conversational").glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]
    assert sorted(found, key=repr) == sorted(rows, key=repr)


async def test_tools_survive(tmp_path: Path, lake: Address) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "grind", "arguments": {"corn": 2}}}
    row = {
        "prompt": [USER],
        "chosen": [{"role": "assistant", "content": "", "tool_calls": [call]}],
        "rejected": [UNSAID],
        "tools": [{"type": "function", "function": {"name": "grind", "parameters": {}}}],
    }
    await take_in(lake, write(tmp_path / "rows.jsonl", [row]))
    ((calls, text),) = builds.ask(
        lake, "SELECT r.tool_calls, r.text FROM pairs p JOIN responses r ON r.response_id = p.chosen_id"
    )
    assert (calls, text) == ([{"id": "c1", "name": "grind", "arguments": '{"corn":2}'}], "")
    assert json.loads(builds.ask(lake, "SELECT tools FROM prompts")[0][0]) == row["tools"]


async def test_a_bad_row_is_an_outcome_and_stops_nothing(tmp_path: Path, lake: Address) -> None:
    place = write(
        tmp_path / "rows.jsonl", [{"prompt": ASKED, "chosen": GOOD, "rejected": BAD}, {"prompt": ASKED, "chosen": 1}]
    )
    built = await take_in(lake, place)
    assert [(row.step, row.units) for row in built.funnel if row.reason == "malformed_row"] == [("mine/read", 1)]
    assert texts(lake) == {(GOOD, BAD)}


async def test_rows_with_one_prompt_are_on_one_side(tmp_path: Path, lake: Address) -> None:
    rows = [{"prompt": f"Why {n % 3}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."} for n in range(60)]
    await take_in(lake, write(tmp_path / "rows.jsonl", rows))
    sides = builds.ask(
        lake,
        "SELECT q.messages[1].content, count(DISTINCT r.split), count(*) FROM release_rows r "
        "JOIN pairs p ON p.pair_id = r.pair_id JOIN prompts q ON q.prompt_id = p.prompt_id GROUP BY 1 ORDER BY 1",
    )
    assert sides == [(f"Why {n}?", 1, 20) for n in range(3)]


async def test_imported_rows_mix_with_documents_and_are_judged_anew(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    rows = [{"prompt": f"Why {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."} for n in range(4)]
    place = write(tmp_path / "rows.jsonl", rows)
    steps: list[Any] = [
        "mine/preferences",
        "sample/preferences",
        "judge/preferences",
        "mine/chunk",
        "mine/qa",
        {"sample/grid": {"draws": 2}},
        "sample/gold",
        {"judge/pairwise": {"principle": "helpful"}},
        {"select/from_votes": {"names": ["helpful"], "pairs": "all"}},
        "select/exact_duplicates",
        "land/release",
    ]
    recipe = builds.write_recipe(tmp_path, steps=steps)
    built = await builds.build(builds.job(recipe, [documents, Path(f"preferences:{place}")], lake), lambda report: None)
    assert built.problem is None
    assert set(builds.audits(lake).values()) == {0}
    from_whom = builds.ask(
        lake,
        "SELECT d.media_type LIKE '%prefmill%', count(*) > 0 FROM release_rows r JOIN pairs p ON p.pair_id = r.pair_id "
        "JOIN documents d ON d.document_id = p.document_id GROUP BY 1 ORDER BY 1",
    )
    assert from_whom == [(False, True), (True, True)]
    imported = [row for row in built.funnel if row.step == "mine/preferences"]
    assert {row.reason for row in imported} == {"", "not_preferences"}


def test_a_wrong_request_is_one_sentence(tmp_path: Path, lake: Address) -> None:
    place = write(tmp_path / "rows.jsonl", [{"prompt": ASKED, "chosen": GOOD, "rejected": BAD}])
    quickstart = read_recipe(find_recipe("quickstart"))
    with pytest.raises(RequestError, match="takes no preference data in: begin its steps with `mine/preferences`"):
        import_job(quickstart, [place], lake)
    with pytest.raises(SourceError, match="does not exist"):
        import_job(IMPORT, [str(tmp_path / "nowhere.jsonl")], lake)


def test_the_command_takes_in_and_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write(tmp_path / "rows.jsonl", [{"prompt": ASKED, "chosen": GOOD, "rejected": BAD, "margin": 2}])
    words = ["import", place, "--licence", "mit", "-w", str(tmp_path / "lake"), "--direct", "--json"]
    cli.app(words, standalone_mode=False)
    said = json.loads(capsys.readouterr().out)
    assert said["release"]["pairs"] == 1
