"""Sketches: what is in them, what they estimate, and that any process makes the same."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable

import numpy
import pytest
from datasketch import MinHash as Oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from ngrams import alike, cut

from pipeline.likeness.candidates import candidates
from pipeline.likeness.minhash import MinHash, agreement
from pipeline.likeness.overlap import jaccard
from pipeline.likeness.sketches import Sketches, estimated, sketch

SPEC = MinHash()
ANY_TEXT = st.text(st.characters(exclude_categories=()))
WORDS = ["mill", "grain", "stone", "Wasser", "été", "水車", "밀가루", "แป้ง", "دقيق", "🌾", "\0", " ", "\n", "a"]
SCRIPTS = {
    "Chinese": ("水车把河水的力量变成磨盘的转动", "水车把河水的力量变成石磨的转动"),
    "Japanese": ("水車は川の流れの力で石臼を回し粉をひく。", "水車は川の流れの力で石臼を回し麦をひく。"),
    "Korean": ("물레방아는 강물의 힘으로 맷돌을 돌린다", "물레방아는 강물의 힘으로 맷돌을 굴린다"),
    "Thai": ("กังหันน้ำใช้แรงของแม่น้ำหมุนหินโม่แป้งทุกวัน", "กังหันน้ำใช้แรงของแม่น้ำหมุนหินโม่ข้าวทุกวัน"),
    "Arabic": ("تدير طاحونة الماء حجر الرحى بقوة النهر كل يوم", "تدير طاحونة الماء حجر الرحى بقوة التيار كل يوم"),
    "emoji": ("🌾🌾💧⚙️🍞🥖🥐🥨 🌾💧⚙️🍞🥐", "🌾🌾💧⚙️🍞🥖🥐🥨 🌾💧⚙️🍞🥖"),
}


def phrase(rng: random.Random, words: int) -> list[str]:
    """Words with a skew."""
    return [f"w{int(rng.paretovariate(0.7)) % 5000:x}" for _ in range(words)]


def edited(rng: random.Random, words: list[str], edits: int) -> list[str]:
    """The same words but some."""
    new = list(words)
    for _ in range(edits):
        new[rng.randrange(len(new))] = f"v{rng.randrange(10**3)}"
    return new


def planted(count: int, words: int, most_edits: int) -> tuple[list[str], list[str]]:
    """Texts and nearly the same texts."""
    rng = random.Random(f"{count} {words}")
    left = [phrase(rng, words) for _ in range(count)]
    right = [edited(rng, each, rng.randint(1, most_edits)) for each in left]
    return [" ".join(each) for each in left], [" ".join(each) for each in right]


@given(st.lists(st.one_of(ANY_TEXT, st.lists(st.sampled_from(WORDS)).map("".join)), max_size=4))
def test_sizes_are_the_numbers_of_distinct_shingles(texts: list[str]) -> None:
    assert sketch(texts, SPEC).sizes.tolist() == [len(cut(text, SPEC)) for text in texts]


@given(st.one_of(ANY_TEXT, st.lists(st.sampled_from(WORDS)).map("".join)), ANY_TEXT)
def test_jaccard_is_that_of_the_sets(left: str, right: str) -> None:
    pairs = [(left, right), (left, left), (left, left + right), (right, right + left)]
    exact = jaccard([a for a, _ in pairs], [b for _, b in pairs], SPEC)
    assert exact.tolist() == [float(alike(a, b, SPEC)) for a, b in pairs]


def test_jaccard_of_edited_texts_is_that_of_the_sets() -> None:
    left, right = planted(200, 30, 8)
    assert jaccard(left, right, SPEC).tolist() == [float(alike(a, b, SPEC)) for a, b in zip(left, right, strict=True)]
    assert jaccard([left[0]] * 200, right, SPEC)[0] == jaccard(left[:1], right[:1], SPEC)[0]


@pytest.mark.parametrize(
    ("left", "right", "exact"),
    [
        ("abcdef", "abcdeg", 1 / 3),  # {abcde, bcdef} and {abcde, bcdeg}
        ("aaaaaaaa", "AAAAA", 1.0),  # one shingle, however often
        ("abcde fgh", "abcde\n\nFGH ", 1.0),
        ("水车磨坊", "水车磨盘", 2 / 4),  # pairs of signs
        ("", "", 0.0),
        ("a", "a", 1.0),
        ("a", "b", 0.0),
        ("ok", "ok ok", 0.0),
        ("", "a", 0.0),
        ("\0", "\0\0", 0.0),
        ("水", "水", 1.0),
        ("水", "水水", 0.0),
    ],
)
def test_jaccard_in_figures(left: str, right: str, exact: float) -> None:
    assert jaccard([left], [right], SPEC).tolist() == [exact]


def test_a_text_too_short_for_a_shingle_is_like_itself_alone() -> None:
    texts = ["", " \n", "a", "A ", "b", "ab", "abcd", "abcde", "\0", "\0\0", "\ud800", "\udfff", "é", "水", "水磨"]
    made = sketch(texts, SPEC)
    same = {
        (i, j) for i in range(len(texts)) for j in range(i) if (made.data[i] == made.data[j]).all() and made.sizes[i]
    }
    assert same == {(3, 2)}
    assert made.sizes.tolist() == [0, 0, *[1] * 13]
    assert not made.data[:2].any()


@pytest.mark.parametrize("script", SCRIPTS)
def test_texts_of_any_script_are_alike_after_one_change_and_unlike_others(script: str) -> None:
    left, right = SCRIPTS[script]
    others = [text for name, (text, _) in SCRIPTS.items() if name != script]
    near = float(jaccard([left], [right], SPEC)[0])
    assert near == float(alike(left, right, SPEC))
    assert 0.6 < near < 1
    assert not jaccard([left] * len(others), others, SPEC).any()
    made = sketch([left, right], SPEC)
    assert abs(float(estimated(made.data[:1], made.data[1:])[0]) - near) < 4 * 0.045


def test_most_signs_decide_about_the_length_of_shingles() -> None:
    counts = [sketch([text], SPEC).sizes[0] for text in ("水水水水abc", "水水水水abcde", "แป้งข้าวสาลี")]
    assert counts == [4, 5, 8]


@given(st.text(alphabet="aAbB \n\té", max_size=20))
def test_case_and_white_space_do_not_show_in_a_sketch(text: str) -> None:
    one, other = sketch([text], SPEC), sketch([f"  {text.upper()}\n"], SPEC)
    assert (one.data == other.data).all()
    assert one.sizes == other.sizes


@given(st.permutations(["", "a", "été", "水车磨坊", "the mill by the river", "The mill by the River.", "\0"]))
def test_a_sketch_depends_on_its_text_alone(texts: list[str]) -> None:
    together, alone = sketch(texts, SPEC), [sketch([text], SPEC) for text in texts]
    assert (together.data == numpy.concatenate([each.data for each in alone])).all()
    assert together.sizes.tolist() == [each.sizes[0] for each in alone]


@pytest.mark.parametrize("words", [12, 30, 140])
def test_the_estimate_is_as_good_as_theory_says_and_as_datasketch_is(words: int) -> None:
    left, right = planted(600, words, words // 5)
    exact = jaccard(left, right, SPEC)
    ours = estimated(sketch(left, SPEC).data, sketch(right, SPEC).data) - exact
    theory = float(numpy.sqrt((exact * (1 - exact)).mean() / SPEC.width))
    assert abs(ours.mean()) < 4 * theory / len(left) ** 0.5
    assert float(numpy.sqrt((ours**2).mean())) < 1.1 * theory
    theirs = numpy.array([_oracle(a).jaccard(_oracle(b)) for a, b in zip(left, right, strict=True)]) - exact
    assert float(numpy.sqrt((ours**2).mean())) < 1.15 * float(numpy.sqrt((theirs**2).mean()))


def _oracle(text: str) -> Oracle:
    made = Oracle(num_perm=SPEC.width)
    made.update_batch([each.encode() for each in cut(text, SPEC)])
    return made


@pytest.mark.parametrize("words", [12, 30, 140])
def test_pairs_share_a_band_as_often_as_theory_says(words: int) -> None:
    left, right = planted(3000, words, max(2, words // 10))
    exact = jaccard(left, right, SPEC)
    a, b = sketch(left, SPEC), sketch(right, SPEC)
    everything = MinHash(threshold=0.01)
    pairs = numpy.concatenate(list(candidates(a, b, everything)))
    found = numpy.zeros(len(left), bool)
    found[pairs[pairs[:, 1] - pairs[:, 0] == len(left)][:, 0]] = True
    chances = numpy.array([SPEC.chance(each) for each in exact])
    spread = float(numpy.sqrt((chances * (1 - chances)).sum()))
    assert found.sum() > chances.sum() - 4 * spread - 1
    near = exact >= 0.8
    assert near.sum() > 100
    assert found[near].mean() > 0.995


def test_a_long_text_is_sketched_too() -> None:
    rng = random.Random(7)
    words = phrase(rng, 40_000)
    left, right = " ".join(words), " ".join(edited(rng, words, 2000))
    made = sketch([left, right], SPEC)
    exact = float(jaccard([left], [right], SPEC)[0])
    assert abs(float(estimated(made.data[:1], made.data[1:])[0]) - exact) < 4 * 0.045


CODE = """
import hashlib
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.sketches import sketch
made = sketch(["", "a", "The mill by the river", "水车把河水的力量变成磨盘", "été"], MinHash())
print(hashlib.sha256(made.data.tobytes() + made.sizes.tobytes()).hexdigest())
"""
DIGEST = "e70ccc9d2bae83a481baaa2deebb78ba681a9152db83eedd8091031440a88a9e"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_another_process_makes_the_same_sketches(seed: str) -> None:
    """The digest is written down: sketches are kept, so a change of it needs another `SKETCH` or `NORMALISATION`."""
    said = subprocess.run(
        [sys.executable, "-c", CODE],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == DIGEST


@settings(max_examples=30)
@given(st.floats(0.05, 1))
def test_bands_for_a_threshold_find_what_reaches_it(threshold: float) -> None:
    spec = MinHash.at(threshold)
    assert spec.width <= 126
    assert spec.chance(threshold) >= 0.998 or spec.rows == 1


def test_chances_in_figures() -> None:
    assert MinHash.at(0.8) == MinHash(0.8, 21, 6)
    assert agreement(0.8) == pytest.approx(0.80078125)
    assert MinHash().chance(0.8) == pytest.approx(1 - (1 - 0.80078125**6) ** 21)
    assert round(MinHash().chance(0.8), 4) == 0.9984
    assert [round(MinHash(bands=b, rows=r).chance(0.8), 2) for b, r in ((16, 8), (14, 8), (9, 8))] == [0.95, 0.93, 0.81]
    assert MinHash().least_equal == pytest.approx(126 * 0.80078125 - 5 * (126 * 0.80078125 * 0.19921875) ** 0.5)


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0}, {"threshold": 1.1}, {"rows": 9}, {"rows": 0}, {"bands": 0}, {"n": 1}, {"dense_n": 0}]
)
def test_a_spec_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        MinHash(**wrong)


def test_an_empty_list_has_no_sketches() -> None:
    made = sketch([], SPEC)
    assert isinstance(made, Sketches)
    assert (len(made), made.data.shape) == (0, (0, SPEC.width))
    assert jaccard([], [], SPEC).tolist() == []


WITHOUT = """
import sys
sys.modules["numba"] = sys.modules["numpy"] = None
from pipeline.likeness import candidates, clusters, overlap, sketches
from pipeline.likeness.minhash import MinHash
from schemas.errors import RequestError
for work in (lambda: sketches.sketch(["a"], MinHash()), lambda: overlap.jaccard(["a"], ["a"], MinHash())):
    try:
        work()
    except RequestError as problem:
        print(problem)
sys.modules["numpy"] = __import__("types")
try:
    from pipeline.likeness import kernels
except RequestError as problem:
    print(problem)
print(clusters.components([(1, 2)]))
"""


def test_without_the_extra_modules_load_and_the_first_call_says_what_to_install() -> None:
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    need = "looking for near duplicates needs {}: pip install 'prefmill[dedup]'"
    assert said.stdout.splitlines() == [*[need.format("numpy")] * 2, need.format("numba"), "[[1, 2]]"]


def test_kernels_run_where_nothing_can_be_kept() -> None:
    """As in an image whose folders are read-only: numba refuses to cache a function whose source is in no file."""
    from pipeline.likeness.kernels import compiled

    made: dict[str, Callable[[int], int]] = {}
    exec("def twice(x):\n    return 2 * x", made)
    assert compiled(made["twice"])(21) == 42
