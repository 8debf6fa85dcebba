"""What must hold of the strategies for every input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import made
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipeline.judge.pairwise import Pairwise
from pipeline.mine.chunk import Chunk
from pipeline.mine.qa import find_verbatim
from pipeline.select.best_worst import BestWorst
from pipeline.select.exact_duplicates import ExactDuplicates
from pipeline.strategy import Drop, Nothing
from prompts.inert import inert
from prompts.principles import Principle
from schemas.requests import Completion, Draw, Request
from schemas.rows import PairAnswer, PassageAnswer, SignalAnswer, Vote
from schemas.tokens import estimate_tokens
from schemas.units import Candidates

# --- chunk -----------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["grain", "stone", "wheel.", "Mühle", "水車は粉をひく。", "🌾", "e\u0301", "a", "**bold**", "`code`", "<b>"]
)
PARAGRAPH = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)
BLOCK = st.one_of(
    PARAGRAPH,
    st.tuples(st.integers(1, 6), WORDS).map(lambda pair: "#" * pair[0] + " " + pair[1]),
    PARAGRAPH.map(lambda text: f"- {text}\n- {text}"),
    PARAGRAPH.map(lambda text: f"```\n# {text}\n```"),
    PARAGRAPH.map(lambda text: f"> # {text}"),
    PARAGRAPH.map(lambda text: f"| {text} | b |\n| --- | --- |\n| c | d |"),
    WORDS.map(lambda text: f"{text}\n==="),
    st.sampled_from(["", "---", "    indented", "```", "<!-- comment", "\t", "#", "# ", "[a]: b"]),
    st.sampled_from(["\u3000", "\u2028", "\x0c", "\x1c"]),
)
MARKDOWN = st.lists(BLOCK, max_size=12).flatmap(
    lambda blocks: st.sampled_from(["\n", "\n\n", "\n\n\n"]).map(lambda between: between.join(blocks))
)
CHUNKS = st.builds(
    Chunk, tokens=st.sampled_from([16, 24, 60, 400]), least=st.sampled_from([0, 8, 24]), depth=st.integers(1, 6)
)


def passages(chunk: Chunk, text: str, media_type: str = "text/markdown") -> list[PassageAnswer]:
    """The passages of a text; none if it has no text."""
    answer: Any = chunk(made.document_unit(text, media_type=media_type))
    return [] if isinstance(answer, Nothing) else answer


@given(MARKDOWN, CHUNKS)
@example("\u3000# a", Chunk(least=0))
def test_passages_are_exact_in_order_apart_and_leave_no_text_out(text: str, chunk: Chunk) -> None:
    here = 0
    for passage in passages(chunk, text):
        assert text[passage.start : passage.end] == passage.text
        assert passage.start >= here
        assert text[here : passage.start].strip() == ""
        assert passage.text.strip() != ""
        here = passage.end
    assert text[here:].strip() == ""


@given(MARKDOWN, CHUNKS)
def test_passages_keep_to_the_budget(text: str, chunk: Chunk) -> None:
    """No grapheme of these texts is longer than the smallest budget, so everything can be cut."""
    assert all(estimate_tokens(passage.text) <= chunk.tokens for passage in passages(chunk, text))


@given(st.text(max_size=200), CHUNKS, st.sampled_from(["text/markdown", "text/plain", "text/html"]))
def test_any_text_at_all_can_be_cut(text: str, chunk: Chunk, media_type: str) -> None:
    """Sources leave neither carriage returns nor NULs in a text."""
    text = text.replace("\r", "\n").replace("\0", "")
    found = passages(chunk, text, media_type)
    assert "".join("".join(passage.text.split()) for passage in found) == "".join(text.split())


@given(MARKDOWN, CHUNKS)
def test_the_same_document_is_cut_the_same_way(text: str, chunk: Chunk) -> None:
    assert passages(chunk, text) == passages(chunk, text)


@given(MARKDOWN)
def test_plain_text_has_no_headings(text: str) -> None:
    assert {passage.heading for passage in passages(Chunk(tokens=16), text, "text/plain")} <= {""}


# --- evidence --------------------------------------------------------------------------------------------------------

SPACE = st.sampled_from([" ", "  ", "\n", "\t ", "\u3000", "\xa0"])
SIGNS = st.sampled_from(["a+b", "(x)", "[y]", "\\d", "$", "^", "."])
TEXT = st.lists(st.one_of(st.text(min_size=1, max_size=6), SPACE, SIGNS), max_size=20).map("".join)


@given(TEXT, TEXT)
def test_what_is_found_is_in_the_text_and_says_the_same_words(quote: str, text: str) -> None:
    found = find_verbatim(quote, text)
    if found is not None:
        assert found in text
        assert found.replace("\u200b", "").split() == quote.replace("\u200b", "").split()


@given(TEXT, st.data())
def test_every_stretch_of_a_text_is_found_however_it_is_spaced(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    words = text[start:end].split()
    quote = "".join(word + data.draw(SPACE) for word in words)
    found = find_verbatim(quote, text)
    assert (found is None) == (not words)
    if found is not None:
        assert found.split() == words


TOKENS = st.sampled_from(["[NOTE]", "</s>", "<|end|>", "<<SYS>>", "\u200b", "<\u200b/s>"])
WITH_TOKENS = st.lists(st.one_of(TOKENS, st.text(min_size=1, max_size=6), SPACE), max_size=12).map("".join)


@pytest.mark.parametrize("text", ["See [NOTE] below.", "Close it with </s> or <|end|>."])
def test_a_quote_of_what_the_model_was_shown_is_found(text: str) -> None:
    """The model sees the passage with its control tokens broken, and copies it word for word."""
    assert find_verbatim(inert(text), text) == text
    assert find_verbatim(text, text) == text


@given(WITH_TOKENS, st.data())
def test_every_stretch_of_what_was_shown_is_found_in_the_text(text: str, data: st.DataObject) -> None:
    shown = inert(text)
    start = data.draw(st.integers(0, len(shown)))
    end = data.draw(st.integers(start, len(shown)))
    quote = "".join(word + data.draw(SPACE) for word in shown[start:end].split())
    found = find_verbatim(quote, text)
    if found is not None:
        assert found in text
    assert (found or "").replace("\u200b", "").split() == quote.replace("\u200b", "").split()


# --- pairwise --------------------------------------------------------------------------------------------------------

HELPFUL = Principle(name="helpful", definition="d", negation="n")
JUDGES: dict[str, Callable[[str, str], str]] = {
    "always the first": lambda first, second: "A",
    "always the second": lambda first, second: "B",
    "never decides": lambda first, second: "tie",
    "the longer one": lambda first, second: (
        "A" if len(first) > len(second) else "B" if len(second) > len(first) else "tie"
    ),
    "by letters, ties go to the first": lambda first, second: "B" if first < second else "A",
}
MIRROR: dict[Vote | None, Vote] = {"a": "b", "b": "a", "tie": "tie"}


def verdicts(a: str, b: str, judge: Callable[[str, str], str]) -> list[SignalAnswer] | Nothing:
    """What the judge says of a against b, as signals."""
    work: Any = Pairwise(principle=HELPFUL)(made.response_pair(a, b))
    try:
        requests: list[Request] = next(work)
        said = [judge(str(each.variables["first"]), str(each.variables["second"])) for each in requests]
        replies = [
            Completion((Draw(verdict, data=each.shape.reply(reason="", verdict=verdict)),), model="j")  # type: ignore[union-attr]
            for each, verdict in zip(requests, said, strict=True)
        ]
        work.send(replies)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("the strategy asked for a second round")


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@given(a=st.text(max_size=20), b=st.text(max_size=20))
def test_swapping_the_candidates_swaps_the_votes(judge: Callable[[str, str], str], a: str, b: str) -> None:
    """What was shown first as a is shown second as b: no label leaks through position."""
    one, other = verdicts(a, b, judge), verdicts(b, a, judge)
    if isinstance(one, Nothing) or isinstance(other, Nothing):
        assert one == other
        assert a.strip() == b.strip()
        return
    assert [MIRROR[signal.vote] for signal in one] == [signal.vote for signal in reversed(other)]
    assert [signal.order for signal in one] == ["ab", "ba"]
    for signal in one:
        assert signal.probability == {"a": 1.0, "tie": 0.5, "b": 0.0}[signal.vote or ""]


@given(a=st.text(max_size=20), b=st.text(max_size=20))
def test_a_judge_that_only_sees_position_contradicts_itself(a: str, b: str) -> None:
    assume(a.strip() != b.strip())
    for name in ("always the first", "always the second"):
        found = verdicts(a, b, JUDGES[name])
        assert not isinstance(found, Nothing)
        assert {signal.vote for signal in found} == {"a", "b"}


# --- best against worst ----------------------------------------------------------------------------------------------

IDS = ["r1", "r2", "r3", "r4", "r5"]
VOTES: st.SearchStrategy[Vote | None] = st.sampled_from(["a", "b", "tie", None])
Table = dict[tuple[str, str], tuple[Vote | None, Vote | None]]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Both votes on some pairs of two to five candidates."""
    ids = IDS[: draw(st.integers(2, 5))]
    pairs = [(a, b) for place, a in enumerate(ids) for b in ids[place + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=len(pairs)))
    return {each: (draw(VOTES), draw(VOTES)) for each in sorted(chosen)}


def unit(table: Table, names: dict[str, str] | None = None) -> Candidates:
    """The candidates of a table, all with texts of their own; `names` gives them other ids."""
    names = names or {each: each for each in IDS}
    signals = []
    for (a, b), votes in table.items():
        for order, vote in zip(("ab", "ba"), votes, strict=True):
            # A pair is stored in the order of its ids, whatever we call its members.
            first, second = sorted((names[a], names[b]))
            turned = vote if first == names[a] else MIRROR.get(vote)
            signals.append(made.signal(first, second, order, turned))  # type: ignore[arg-type]
    ids = sorted({names[each] for each in IDS})
    return made.candidates({each: f"text of {each}" for each in ids}, signals)


def answer(made_unit: Candidates, **params: Any) -> PairAnswer | Nothing:
    """The pair of some candidates, or why there is none."""
    found: Any = BestWorst(**params)(made_unit)
    if isinstance(found, Nothing):
        return found
    (only,) = found
    assert isinstance(only, PairAnswer)
    return only


def scores(table: Table) -> dict[str, float]:
    """Each candidate's share of points over comparisons with one winner in both orders, reckoned another way."""
    points: dict[str, list[float]] = {}
    for (a, b), (one, other) in table.items():
        if one is not None and one == other:
            points.setdefault(a, []).append({"a": 1.0, "tie": 0.5, "b": 0.0}[one])
            points.setdefault(b, []).append({"b": 1.0, "tie": 0.5, "a": 0.0}[one])
    return {each: sum(won) / len(won) for each, won in points.items()}


def has_one_best_and_one_worst(table: Table) -> bool:
    """No tie for the first or the last place."""
    values = list(scores(table).values())
    return bool(values) and values.count(max(values)) == 1 == values.count(min(values))


@given(tables())
def test_a_pair_prefers_something_over_something_else(table: Table) -> None:
    found = answer(unit(table))
    if isinstance(found, PairAnswer):
        assert found.chosen_id != found.rejected_id
        assert 0.5 < found.p_chosen <= 1
        assert 0 < found.score_gap <= 1
        assert 0 < found.confidence <= 1


@given(tables())
def test_the_gap_is_that_of_the_shares_of_points(table: Table) -> None:
    found = answer(unit(table))
    if isinstance(found, PairAnswer):
        shares = scores(table)
        assert shares[found.chosen_id] == max(shares.values())
        assert shares[found.rejected_id] == min(shares.values())
        assert found.score_gap == pytest.approx(max(shares.values()) - min(shares.values()))


@given(tables())
def test_chosen_and_rejected_were_compared_and_chosen_won_in_both_orders(table: Table) -> None:
    found = answer(unit(table))
    if isinstance(found, PairAnswer):
        straight = table.get((found.chosen_id, found.rejected_id)) == ("a", "a")
        turned = table.get((found.rejected_id, found.chosen_id)) == ("b", "b")
        assert straight or turned


@given(tables())
def test_a_flipped_judge_never_keeps_the_pair(table: Table) -> None:
    flipped: Table = {each: (MIRROR.get(one), MIRROR.get(other)) for each, (one, other) in table.items()}
    one, other = answer(unit(table)), answer(unit(flipped))
    if isinstance(one, PairAnswer) and isinstance(other, PairAnswer):
        assert (one.chosen_id, one.rejected_id) != (other.chosen_id, other.rejected_id)


@given(tables().filter(has_one_best_and_one_worst))
def test_a_flipped_judge_flips_the_pair(table: Table) -> None:
    flipped: Table = {each: (MIRROR.get(one), MIRROR.get(other)) for each, (one, other) in table.items()}
    one, other = answer(unit(table)), answer(unit(flipped))
    if isinstance(one, Nothing) or isinstance(other, Nothing):
        assert one == other
        return
    assert (one.chosen_id, one.rejected_id) == (other.rejected_id, other.chosen_id)
    assert one.score_gap == pytest.approx(other.score_gap)
    assert (one.p_chosen, one.confidence) == (other.p_chosen, other.confidence)


@given(tables().filter(has_one_best_and_one_worst), st.permutations(["m", "n", "o", "p", "q"]))
def test_what_candidates_are_called_does_not_matter(table: Table, names: list[str]) -> None:
    renamed = dict(zip(IDS, names, strict=True))
    one, other = answer(unit(table)), answer(unit(table, renamed))
    if isinstance(one, Nothing) or isinstance(other, Nothing):
        assert isinstance(one, Nothing)
        assert isinstance(other, Nothing)
        assert one.reason == other.reason
        return
    assert (renamed[one.chosen_id], renamed[one.rejected_id]) == (other.chosen_id, other.rejected_id)
    assert one.score_gap == pytest.approx(other.score_gap)
    assert (one.p_chosen, one.confidence) == (other.p_chosen, other.confidence)


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_signals_does_not_matter(table: Table, random: Any) -> None:
    whole = unit(table)
    shuffled = list(whole.signals)
    random.shuffle(shuffled)
    one, other = answer(whole), answer(Candidates(whole.unit_id, whole.prompt, whole.responses, tuple(shuffled)))
    assert one == other


def test_a_flipped_judge_flips_the_pair_also_among_equals() -> None:
    table: Table = {("r1", "r3"): ("a", "a"), ("r2", "r3"): ("a", "a")}  # r1 and r2 both beat r3
    flipped: Table = dict.fromkeys(table, ("b", "b"))
    one, other = answer(unit(table)), answer(unit(flipped))
    assert isinstance(one, PairAnswer)
    assert isinstance(other, PairAnswer)
    assert (one.chosen_id, one.rejected_id) == (other.rejected_id, other.chosen_id)


@pytest.mark.parametrize("field", ["name", "evaluator", "draw"])
def test_verdicts_of_several_judges_are_not_mixed(field: str) -> None:
    """One judge says a in one order, another says a in the other: nobody has said it twice."""
    other: Any = {"name": "honest", "evaluator": "other", "draw": 1}[field]
    signals = [
        made.signal("r1", "r2", "ab", "a"),
        made.signal("r1", "r2", "ba", "b"),
        made.signal("r1", "r2", "ab", "b").model_copy(update={field: other, "signal_id": "sig_z1"}),
        made.signal("r1", "r2", "ba", "b").model_copy(update={field: other, "signal_id": "sig_z2"}),
    ]
    found = [
        answer(made.candidates({"r1": "x", "r2": "y"}, ordered)) for ordered in (signals, [*signals[2:], *signals[:2]])
    ]
    assert found[0] == found[1]


# --- duplicates ------------------------------------------------------------------------------------------------------

PAIRS = st.lists(
    st.tuples(*map(st.sampled_from, ["ab", ["x", " x", "y"], ["z", "z\n"], [0.5, 1.0, None]])), max_size=8
).map(
    lambda rows: [
        {"id": f"par_{number}", "question": question, "chosen": chosen, "rejected": rejected, "confidence": confidence}
        for number, (question, chosen, rejected, confidence) in enumerate(rows)
    ]
)
ONE_OF_EACH = [ExactDuplicates(), ExactDuplicates(on="prompt"), ExactDuplicates(keep="random", seed=3)]


@pytest.mark.parametrize("strategy", ONE_OF_EACH)
@given(pairs=PAIRS, random=st.randoms(use_true_random=False))
def test_duplicates_do_not_depend_on_the_order(strategy: ExactDuplicates, pairs: list[Any], random: Any) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert dropped(strategy, pairs) == dropped(strategy, shuffled)


@pytest.mark.parametrize("strategy", ONE_OF_EACH)
@given(pairs=PAIRS)
def test_duplicates_once_dropped_leave_none(strategy: ExactDuplicates, pairs: list[Any]) -> None:
    gone = dropped(strategy, pairs)
    kept = [each for each in pairs if each["id"] not in gone]
    assert bool(kept) == bool(pairs)
    assert dropped(strategy, kept) == {}


@pytest.mark.parametrize("strategy", ONE_OF_EACH)
@given(pairs=PAIRS)
def test_a_dropped_pair_names_one_that_is_kept_and_says_the_same(strategy: ExactDuplicates, pairs: list[Any]) -> None:
    texts = {each["id"]: " ".join(f"{each['question']} {each['chosen']}".split()) for each in pairs}
    gone = dropped(strategy, pairs)
    for row_id, said in gone.items():
        kept = said.detail.removeprefix("repeats ")
        assert said.reason == "exact_duplicate"
        assert kept not in gone
        assert strategy.on == "prompt" or texts[kept] == texts[row_id]


def dropped(strategy: ExactDuplicates, pairs: list[Any]) -> dict[str, Drop]:
    """What is dropped, by the pair that it is about."""
    said = list(strategy.sift(made.Columns(pairs)))
    assert len({each.row_id for each in said}) == len(said)
    return {each.row_id: each for each in said}
