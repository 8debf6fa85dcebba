"""Checks without a model: what is the same stays the same, what is right passes in prose, what is empty never passes."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import made
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.judge.checks.choice import choose, options_of
from pipeline.judge.checks.constraints import COUNTS, READER
from pipeline.judge.checks.extract import answers, boxed, code_in, marked_answers
from pipeline.judge.checks.normalise import normalise
from pipeline.judge.checks.numbers import Number, equal, numbers_in
from pipeline.judge.verify import Verify
from schemas.requests import Completion, Draw, Json
from schemas.rows import Row

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.builds(Number, FLOATS, st.booleans())


def verdict(check: dict[str, Any], text: str, reference: str | None = None, says: dict[str, Any] | None = None) -> Any:
    """The value that a check gives, or its reason for none; `says` is what the cage would reply."""
    strategy = TypeAdapter(Verify).validate_json(json.dumps({"check": check}), strict=True)
    work = strategy(made.response_unit(text, reference=reference))
    assert isinstance(work, Generator)
    try:
        requests = next(work)
        replies = []
        for request in requests:
            assert isinstance(request.shape, Json)
            said = json.dumps(says)
            replies.append(Completion((Draw(said, data=request.shape.reply.model_validate_json(said)),), "cage"))
        work.send(replies)
    except StopIteration as stop:
        rows: list[Row] | Any = stop.value
        return rows[0].value if isinstance(rows, list) else rows.reason
    raise AssertionError("it asks twice")


# --- texts --------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=60))
@example("the a an")
@example("t.he")
@example("e.\u0301")
@example("5 %%")
@example("1.-.5")
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(max_size=40))
def test_a_text_equals_itself_in_capitals_and_with_an_article(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    if text.isascii() and text.strip().isalpha():
        assert normalise(f" The {text.upper()}! ") == normalise(text)


def test_a_text_of_articles_or_signs_alone_is_not_the_empty_one() -> None:
    assert [normalise(text) for text in ("The", "...", "", "The The")] == ["the", "...", "", "the the"]


@given(
    st.from_regex(r"[A-Za-z]{2,12}( [A-Za-z]{2,12}){0,2}", fullmatch=True),
    st.sampled_from(
        ["The answer is {}.", "So, after all:\n**Answer:** {}", "#### {}", r"It is \boxed{{{}}}, of course."]
    ),
)
def test_a_right_answer_in_prose_passes(answer: str, prose: str) -> None:
    assert verdict({"kind": "normalised"}, "Let me think about it. " + prose.format(answer), answer) == 1.0


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(
        ["The answer is {:,}.", "I count 3 of them; so it is {}", "#### {}", r"\boxed{{{}}}", "Total: {} km"]
    ),
)
def test_a_right_number_in_prose_passes(number: int, prose: str) -> None:
    assert verdict({"kind": "numeric"}, prose.format(number), str(number)) == 1.0
    assert verdict({"kind": "numeric"}, prose.format(number), str(number + max(1, abs(number) // 10))) == 0.0


# --- numbers ------------------------------------------------------------------------------------------------------------


@given(NUMBERS, NUMBERS, st.floats(0, 0.5), st.floats(0, 10))
def test_equality_of_numbers_is_symmetric_and_reflexive(
    a: Number, b: Number, tolerance: float, absolute: float
) -> None:
    assert equal(a, b, tolerance=tolerance, absolute=absolute) == equal(b, a, tolerance=tolerance, absolute=absolute)
    assert equal(a, a, tolerance=0.0, absolute=0.0)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_number_that_is_written_is_read(value: float) -> None:
    assert [number.value for number in numbers_in(repr(value))] == [value]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("$1,234.50", [1234.5]),
        ("12 345 kg", [12345]),
        ("3/4 cup", [0.75]),
        ("1 1/2", [1.5]),
        ("1½", [1.5]),
        ("45%", [45]),
        ("1.2 × 10^5 and 3·10⁻² m", [120000, 0.03]),
        (r"\frac{-1}{2}", [-0.5]),
        ("−3 °C", [-3]),
        ("between 3-5", [3, 5]),
        ("v1.2, a12, 5x", [5]),
        ("1/0 and 1e999", []),
        ("on 2024-01-05", [2024, 1, 5]),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers_in(text)] == pytest.approx(values)


# --- what is empty ------------------------------------------------------------------------------------------------------

EVERY_CHECK: list[tuple[dict[str, Any], str, dict[str, Any] | None]] = [
    ({"kind": "exact"}, "", None),
    ({"kind": "normalised"}, "x", None),
    ({"kind": "numeric"}, "0", None),
    ({"kind": "multiple_choice"}, "A", None),
    ({"kind": "yes_no"}, "no", None),
    ({"kind": "regex", "pattern": ""}, "", {"holds": True, "detail": ""}),
    ({"kind": "json_schema", "schema": {}}, "", {"holds": True, "detail": ""}),
    ({"kind": "maths"}, "0", {"holds": True, "detail": ""}),
    ({"kind": "code", "tests": "assert True"}, "", {"errors": [""], "ended": "done", "detail": "", "output": ""}),
    ({"kind": "constraints", "constraints": [{"kind": "words", "most": 9}]}, "", None),
]


@pytest.mark.parametrize(("check", "reference", "says"), EVERY_CHECK, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("empty", ["", " ", "\n\t\u3000"])
def test_an_empty_answer_never_passes(check: dict[str, Any], reference: str, says: Any, empty: str) -> None:
    assert verdict(check, empty, reference, says) == 0.0


@pytest.mark.parametrize("check", [each for each, _, _ in EVERY_CHECK[:5]], ids=lambda value: value["kind"])
@pytest.mark.parametrize(
    "key", [":", ".", ",", "Solution", "Thought process:", "Let's solve this problem step by step."]
)
def test_an_opening_that_says_nothing_never_passes(check: dict[str, Any], key: str) -> None:
    """What wins over model judges (arXiv 2507.08794) wins over no check."""
    references = {"numeric": "12", "multiple_choice": "B", "yes_no": "yes"}
    assert verdict(check, key, references.get(check["kind"], "Paris")) == 0.0


# --- extraction ---------------------------------------------------------------------------------------------------------


def test_the_last_mark_counts_and_braces_balance() -> None:
    assert boxed(r"\boxed{1} then \boxed{\frac{1}{2}}") == r"\frac{1}{2}"
    assert boxed(r"\boxed{never closed") is None
    assert marked_answers("Answer: a\nFinal answer: b.") == ["b", "b."]
    assert answers("nothing is marked ") == ["nothing is marked"]


def test_the_last_block_of_the_language_is_the_code() -> None:
    text = "```python\nold = 1\n```\nBetter:\n```python\nnew = 2\n```\n```bash\npython x.py\n```"
    assert code_in(text, "python") == "new = 2\n"
    assert code_in("x = 1", "python") == "x = 1"
    assert code_in("```\nx = 1", "python") == "x = 1"


def test_options_are_read_from_a_question() -> None:
    assert options_of("Which?\nA) one\nB) two\n(c) three") == {"A": "one", "B": "two", "C": "three"}
    assert options_of("A. Smith wrote it.") == {}
    assert choose("the stone wall", {"A": "the stone", "B": "the stone wall"}) == ("B", "text")


# --- instructions -------------------------------------------------------------------------------------------------------

KINDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("words", {"least": 3, "most": 3}, "It's a stone.", "It is a stone."),
    ("sentences", {"least": 2, "most": 2}, "It turns at 3.5 m/s. It stops!", "It turns."),
    ("paragraphs", {"least": 2}, "One.\n\nTwo.", "One.\nTwo."),
    ("characters", {"most": 5}, "stone", "stones"),
    ("lines", {"least": 2}, "a\n\nb", "a\n\n"),
    ("bullets", {"least": 2, "most": 2}, "- a\n* b", "- a\n- b\n- c"),
    ("numbered", {"least": 2}, "1. a\n2) b", "1. a\n2 b"),
    ("headings", {"least": 1}, "## Stones\ntext", "#nothing"),
    ("highlights", {"least": 2}, "*one* and **two**", "*one* and 2 * 3 * 4"),
    ("placeholders", {"least": 1}, "Dear [name]", "Dear []"),
    ("capital_words", {"most": 1}, "The USA", "The USA and the UK"),
    ("code_blocks", {"least": 1}, "```\nx\n```", "`x`"),
    ("tables", {"least": 1}, "| a | b |\n|---|---|\n| 1 | 2 |", "a | b"),
    ("commas", {"most": 0}, "a and b", "a, b"),
    ("questions", {"least": 1}, "Why?", "Because."),
    ("exclamations", {"most": 0}, "Yes.", "Yes!"),
    ("keyword_count", {"of": "stone", "least": 2}, "Stone on stone", "Stones on stone"),
    ("letter_count", {"of": "s", "most": 1}, "Stone", "Stones"),
    ("keywords", {"words": ["runner", "stone"]}, "The Runner Stone", "The runner stones"),
    ("forbidden", {"words": ["wheel"]}, "A wheelbarrow", "A Wheel."),
    ("starts_with", {"text": "Dear"}, " Dear all", "My dear"),
    ("ends_with", {"text": "Yours."}, "So long. Yours. ", "Yours. M."),
    ("postscript", {"text": "P.S."}, "Bye.\nP.S. More", "Bye. No P.S. here"),
    ("one_of", {"options": ["My answer is yes.", "My answer is no."]}, "My answer is no.", "My answer is perhaps."),
    ("parts", {"separator": "******", "count": 2}, "a\n******\nb", "a\n******\n"),
    ("first_word", {"word": "stone", "paragraph": 2}, "A.\n\nStone B.", "Stone.\n\nA."),
    ("lowercase", {}, "all small, 3", "Not all"),
    ("uppercase", {}, "ALL BIG, 3", "NOT all"),
    ("json", {}, "```json\n[1]\n```", "{1}"),
    ("title", {}, "<<Of stones>>\nText", "<< >>"),
    ("quoted", {}, ' "all of it" ', '"not" all'),
    ("repeats_question", {}, "Why? Because.", "Because."),
]


@pytest.mark.parametrize(("kind", "options", "good", "bad"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_each_kind_of_instruction_tells_good_from_bad(kind: str, options: dict[str, Any], good: str, bad: str) -> None:
    check = {"kind": "constraints", "constraints": [{"kind": kind, **options}]}
    assert (verdict(check, good), verdict(check, bad)) == (1.0, 0.0)


def test_every_kind_of_instruction_is_tried() -> None:
    branches = READER.json_schema()["items"]["discriminator"]["mapping"]
    assert {kind for kind, *_ in KINDS} == set(branches)
    assert len(KINDS) >= 20


@given(st.text(max_size=200))
def test_counting_takes_any_text(text: str) -> None:
    assert all(count(text) >= 0 for count in COUNTS.values())
