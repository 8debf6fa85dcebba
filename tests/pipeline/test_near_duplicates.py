"""Near duplicates through whole builds: what is dropped, what is remembered, and night after night."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import builds
import made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.likeness.minhash import MinHash
from pipeline.likeness.overlap import jaccard
from pipeline.select.near_duplicates import NearDuplicates
from schemas.errors import RequestError
from warehouse.address import Address

SENTENCES = [
    "The runner stone turns above the bed stone and never touches it.",
    "A miller dresses the stones with a steel pick every second week.",
    "Water falls into the buckets of an overshot wheel and turns it.",
    "The hopper feeds the grain into the eye of the upper stone.",
    "A sail that is set too full can tear the cap off the tower.",
    "Bran and flour are parted by a sieve of silk that shakes all day.",
]
STEPS = [{"select/near_duplicates": {"of": "documents", "keep": "random"}}, *builds.STEPS]


def write(folder: Path, texts: dict[str, str]) -> None:
    """Documents by name."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def mill(seed: int, *, edited: int = 0) -> str:
    """A document of its own for each seed; `edited` says how many of its last letters are others."""
    draw = random.Random(seed)
    text = " ".join(f"{sentence[:-1]} in {draw.randint(100, 999)} {draw.choice(SENTENCES)}" for sentence in SENTENCES)
    words = " ".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=400))
    return f"# Mill {seed}\n\n{text} {words}"[: len(text) + 700 - edited] + "x" * edited


def dropped(address: Address) -> dict[str, str]:
    """The documents of the latest build that were dropped, and which stand for them, by name."""
    query = """
        SELECT d.uri, k.uri FROM outcomes o JOIN documents d ON d.document_id = o.subject_id
        JOIN documents k ON k.document_id = replace(o.detail, 'like ', '') WHERE o.reason = 'near_duplicate'
    """
    return {Path(gone).stem: Path(kept).stem for gone, kept in builds.ask(address, query)}


async def test_rows_that_are_nearly_the_same_leave_and_name_the_one_that_stays(
    tmp_path: Path, catalog: Address
) -> None:
    texts = {"a": mill(1), "b": mill(1, edited=5), "c": mill(1).upper(), "d": mill(2), "e": "Tiny.", "f": "tiny!"}
    write(tmp_path / "docs", texts)
    built = await builds.run(builds.write_recipe(tmp_path, steps=STEPS), tmp_path / "docs", catalog)
    gone = dropped(catalog)
    (kept,) = {"a", "b", "c"} - set(gone)
    assert gone == dict.fromkeys({"a", "b", "c"} - {kept}, kept), "of three that are alike one is left; of two short ones both"
    ends = {row.reason: row.units for row in built.funnel if row.step == "select/near_duplicates"}
    assert ends == {"": 4, "near_duplicate": 2}
    assert builds.ask(catalog, "SELECT count(DISTINCT document_id) FROM passages") == [(4,)]
    assert not any(builds.audits(catalog).values())
    ((rows, texts_known),) = builds.ask(catalog, "SELECT count(*), count(DISTINCT number) FROM sketched")
    assert (rows, texts_known) == (6, 6)


async def test_nothing_is_compared_twice_and_a_second_build_decides_nothing(tmp_path: Path, lake: Address) -> None:
    write(tmp_path / "docs", {"a": mill(1), "b": mill(1, edited=5)})
    recipe = builds.write_recipe(tmp_path, steps=STEPS)
    await builds.run(recipe, tmp_path / "docs", lake)
    before = builds.ask(lake, "SELECT * FROM sketches ORDER BY number")
    again = await builds.run(recipe, tmp_path / "docs", lake)
    assert again.done == 0
    write(tmp_path / "docs", {"c": mill(1, edited=9), "d": mill(3)})
    more = await builds.run(recipe, tmp_path / "docs", lake)
    assert {row.reason: row.units for row in more.funnel if row.step == "select/near_duplicates"} == {
        "": 2, "near_duplicate": 2,
    }  # fmt: skip
    after = builds.ask(lake, "SELECT * FROM sketches ORDER BY number")
    assert after[: len(before)] == before
    assert [row[1] for row in after] == list(range(4)), "texts are numbered on from what was known"
    assert len(builds.ask(lake, "SELECT DISTINCT one, other FROM likenesses")) in (2, 3), "enough pairs to join the three"


@pytest.mark.parametrize("seed", range(3))
async def test_night_after_night_is_as_all_at_once(tmp_path: Path, make_catalog: Any, seed: int) -> None:
    draw = random.Random(seed)
    texts = {f"m{number}_{edit}": mill(number, edited=edit) for number in range(4) for edit in draw.sample(range(120), 4)}
    names = list(texts)
    draw.shuffle(names)
    recipe = builds.write_recipe(tmp_path, steps=STEPS)
    nightly, at_once = make_catalog("sqlite", tmp_path / "nightly"), make_catalog("sqlite", tmp_path / "at_once")
    cuts = sorted(draw.sample(range(1, len(names)), 2))
    for first, last in zip([0, *cuts], [*cuts, len(names)], strict=True):
        write(tmp_path / "docs", {name: texts[name] for name in names[first:last]})
        await builds.run(recipe, tmp_path / "docs", nightly)
    await builds.run(recipe, tmp_path / "docs", at_once)
    query = "SELECT * EXCLUDE (release) FROM latest_pairs ORDER BY pair_id"
    assert builds.ask(nightly, query) == builds.ask(at_once, query) != []
    gone = dropped(at_once)
    assert gone
    kept = set(texts) - set(gone)
    for one, other in gone.items():
        assert other in kept
        assert jaccard([texts[one]], [texts[other]], MinHash())[0] >= 0.8


async def test_a_removed_document_gives_its_place_to_the_next(tmp_path: Path, lake: Address) -> None:
    write(tmp_path / "docs", {"a": mill(1), "b": mill(1, edited=5), "c": mill(2)})
    recipe = builds.write_recipe(tmp_path, steps=STEPS)
    await builds.run(recipe, tmp_path / "docs", lake)
    ((gone, kept),) = dropped(lake).items()
    (tmp_path / "docs" / f"{kept}.md").unlink()
    built = await builds.run(recipe, tmp_path / "docs", lake)
    ends = {row.reason: row.units for row in built.funnel if row.step == "select/near_duplicates"}
    assert ends == {"": 2}
    uris = {Path(uri).stem for (uri,) in builds.ask(lake, "SELECT DISTINCT uri FROM latest_pairs")}
    assert gone in uris


async def test_marked_rows_stay_and_a_split_does_not_cut_them(tmp_path: Path, lake: Address) -> None:
    texts = {f"m{number}_{edit}": mill(number, edited=edit) for number in range(12) for edit in (0, 3)}
    write(tmp_path / "docs", texts)
    steps = [{"select/near_duplicates": {"of": "documents", "do": "cluster"}}, *builds.STEPS]
    built = await builds.run(builds.write_recipe(tmp_path, steps=steps), tmp_path / "docs", lake)
    assert built.problem is None
    assert {row.status for row in built.funnel if row.step == "select/near_duplicates"} == {"ok"}
    clusters = builds.ask(lake, "SELECT text, count(*) FROM notes WHERE name = 'cluster/near' GROUP BY 1")
    assert [count for _, count in clusters] == [2] * 12
    splits: dict[str, set[str]] = {}
    for uri, split in builds.ask(lake, "SELECT DISTINCT uri, split FROM latest_pairs"):
        splits.setdefault(Path(uri).stem.split("_")[0], set()).add(split)
    assert all(len(each) == 1 for each in splits.values()), splits
    assert {each for some in splits.values() for each in some} == {"train", "test"}


def test_pairs_are_alike_when_all_their_texts_are() -> None:
    """The same two answers with the label the other way round are no duplicates."""
    question, good, bad = mill(1), mill(2), mill(3)
    texts = [(question, good, bad), (question, good + " x", bad), (question, bad, good), (question + " x", good, bad)]
    names = ("question", "chosen", "rejected")
    rows = [{"id": f"p{place}", "landed": 1, **dict(zip(names, each, strict=True))} for place, each in enumerate(texts)]
    gone = {each.row_id: each.detail for each in NearDuplicates(of="pairs").sift(made.Columns(rows))}
    assert gone == {"p1": "like p0", "p3": "like p0"}
    prompts = {each.row_id for each in NearDuplicates(of="pairs", on="prompt").sift(made.Columns(rows))}
    assert prompts == {"p1", "p2", "p3"}


ALIKE = ["ab" * 20, "ab" * 21, "abc" * 20, "x", "X ", "", "粉の石臼は水で回る", "粉の石臼は水で回る。"]


@given(st.lists(st.sampled_from(ALIKE), max_size=9), st.randoms())
def test_what_is_kept_does_not_depend_on_the_order_and_nothing_more_is_to_be_dropped(texts: list[str], draw: Any) -> None:
    rows = [{"id": f"r{place}", "text": text, "length": len(text)} for place, text in enumerate(texts)]
    strategy = NearDuplicates(of="prompts", keep="best", by="length")
    gone = {each.row_id: each.detail for each in strategy.sift(made.Columns(rows))}
    draw.shuffle(rows)
    assert gone == {each.row_id: each.detail for each in strategy.sift(made.Columns(rows))}
    left = [row for row in rows if row["id"] not in gone]
    assert list(strategy.sift(made.Columns(left))) == []
    by_id = {row["id"]: row for row in rows}
    for one, detail in gone.items():
        assert jaccard([by_id[one]["text"]], [by_id[detail.removeprefix("like ")]["text"]], MinHash())[0] >= 0.8


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"on": "prompt"}, "`on` is for pairs"),
        ({"bands": 20}, "`bands` and `rows` go together"),
        ({"keep": "best"}, "needs `by`"),
        ({"keep": "best", "by": "text"}, "is no number"),
        ({"keep": "random", "by": "length"}, "`by` goes with keep: best"),
        ({"keep": "best", "by": "lenth"}, "did you mean `length`"),
        ({"seed": 3}, "`seed` goes with keep: random"),
    ],
)
def test_what_cannot_be_meant_is_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NearDuplicates(**params)


def test_a_recipe_that_needs_what_is_not_installed_is_told_so_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"needs numpy: pip install 'prefmill\[dedup\]'"):
        NearDuplicates()


def _edit(text: str, half: int, word: str) -> str:
    """The text with every fifteenth word of one of its halves replaced."""
    words = text.split(" ")
    middle = len(words) // 2
    return " ".join(word if at % 15 == 0 and (at >= middle) == bool(half) else each for at, each in enumerate(words))


async def test_what_joins_two_sides_moves_no_document_and_leaves_out_the_later_one(tmp_path: Path, lake: Address) -> None:
    """A third, longer document leads two that were not alike: they were released on different sides, and stay there."""
    whole = {f"m{number}_c": mill(number) for number in range(8)}
    first = {name[:-1] + "a": _edit(text, 0, "0") for name, text in whole.items()}
    second = {name[:-1] + "b": _edit(text, 1, "1") for name, text in whole.items()}
    write(tmp_path / "docs", first | second)
    steps = [{"select/near_duplicates": {"of": "documents", "do": "cluster", "keep": "best", "by": "length"}}, *builds.STEPS]
    recipe = builds.write_recipe(tmp_path, steps=steps)
    before = await builds.run(recipe, tmp_path / "docs", lake)
    assert not builds.ask(lake, "FROM notes WHERE name = 'cluster/near'")
    sides = dict(builds.ask(lake, "SELECT DISTINCT uri, split FROM latest_pairs"))
    write(tmp_path / "docs", {name: f"{text} and so on" for name, text in whole.items()})
    built = await builds.run(recipe, tmp_path / "docs", lake)
    assert built.landed is not None
    assert before.problem is None is built.problem
    after = dict(builds.ask(lake, "SELECT DISTINCT uri, split FROM latest_pairs"))
    assert all(after[uri] == side for uri, side in sides.items() if uri in after)
    cut = """
        SELECT n.text FROM notes n JOIN latest_pairs p USING (document_id)
        WHERE n.name = 'cluster/near' GROUP BY 1 HAVING count(DISTINCT p.split) > 1
    """
    assert not builds.ask(lake, cut)
    assert built.landed.release.left_out["split_conflict"] > 0
    balance = "SELECT dropped, difference FROM funnel_balance WHERE build_id = 'build-2' AND step = 'land/release'"
    assert builds.ask(lake, balance) == [(built.landed.release.left_out["split_conflict"], 0)]
