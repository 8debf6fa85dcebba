"""The steps made of these rules: what they refuse, and what holds of them whatever the rows are."""

from __future__ import annotations

import random
from typing import Any

import made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.licence_names import CLASSES, classes_of, slug, standing
from pipeline.private.kinds import KINDS
from pipeline.select.grounded import Grounded
from pipeline.select.hygiene import CHECKS, USUAL, Hygiene
from pipeline.select.licences import Licences
from pipeline.select.private_data import PrivateData
from pipeline.strategy import Drop, Kept, Nothing

# --- what would do nothing is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "params", "says"),
    [
        (Hygiene, {"of": "responses", "sides": "chosen"}, "`sides` is for pairs"),
        (Hygiene, {"of": "responses", "checks": ("near_equal",)}, "take `of: pairs`"),
        (Hygiene, {"of": "responses", "near_equal_at": 0.5}, "`near_equal_at` is for `near_equal`, which is not checked"),
        (Hygiene, {"checks": ("empty", "empty")}, "names 'empty' twice"),
        (Hygiene, {"checks": ("empty",), "unless": "never"}, "`unless` is for `refusal` and `abstention`"),
        (Hygiene, {"checks": ("empty",), "strict_endings": True}, "`strict_endings` is for `truncated`"),
        (Hygiene, {"checks": ("empty",), "repetition_limits": {"lines": 0.5}}, "`repetition_limits` is for `repetition`"),
        (Hygiene, {"repetition_limits": {"line": 0.5}}, "has no 'line'; did you mean `lines`"),
        (Grounded, {"of": "responses", "sides": "either"}, "`sides` is for pairs"),
        (Grounded, {"quoted": False, "min_overlap": None}, "it checks nothing"),
        (Grounded, {"min_overlap": None, "against": "evidence"}, "`against` is what `min_overlap` compares with"),
        (PrivateData, {"of": "documents", "do": "mask"}, "mask the passages"),
        (PrivateData, {"of": "pairs", "do": "mask"}, "mask the prompts before they are answered"),
        (PrivateData, {"kinds": ("ip", "ip")}, "names 'ip' twice"),
        (Licences, {"unknown": "keep"}, "it denies nothing"),
        (Licences, {"deny": ("non-comercial",)}, "did you mean `non-commercial`"),
        (Licences, {"allow": ("?",)}, "names no licence"),
        (Licences, {"allow": ("MIT",), "deny": ("mit",)}, "'mit' is both in `allow` and in `deny`"),
        (Licences, {"of": "prompts", "parts": ("generator",)}, "prompts have no generator; their `parts` are document"),
        (Licences, {"of": "prompts", "outputs": {"m": "mit"}}, "`outputs` gives licences of generators and judges"),
    ],
)
def test_what_would_do_nothing_is_refused(strategy: Any, params: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        strategy(**params)


# --- hygiene ---------------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(
    [
        "", " ", ":", "Solution:", "I must decline.", "I don't know.", "I am ChatGPT.", "<|im_end|>", "{{ name }}",
        "The runner stone.", "My knowledge cutoff is 2021.", "The stone turns. The stone turns. The stone turns.",
        "石臼が回ります、上の石だけが。", "a" * 40,
    ]
)  # fmt: skip
CHECK_SETS = st.sets(st.sampled_from(CHECKS), min_size=1)


@settings(deadline=None)
@given(TEXTS, TEXTS, CHECK_SETS, CHECK_SETS)
def test_fewer_checks_drop_no_more(chosen: str, rejected: str, some: set[Any], others: set[Any]) -> None:
    unit = made.pair_text("par_1", "Which of the two stones is it that turns?", chosen, rejected)
    few, many = Hygiene(checks=tuple(some)), Hygiene(checks=tuple(some | others))
    if isinstance(few(unit), Nothing):
        assert isinstance(many(unit), Nothing)
    sided = Hygiene(checks=tuple(some), sides="chosen")
    if isinstance(sided(unit), Nothing):
        assert isinstance(few(unit), Nothing)


@settings(deadline=None)
@given(TEXTS, TEXTS, CHECK_SETS)
def test_a_flag_is_noted_exactly_where_a_row_would_leave(chosen: str, rejected: str, some: set[Any]) -> None:
    unit = made.pair_text("par_1", "Which of the two stones is it that turns?", chosen, rejected)
    dropped, flagged = Hygiene(checks=tuple(some))(unit), Hygiene(checks=tuple(some), do="flag")(unit)
    assert isinstance(flagged, Kept)
    assert isinstance(dropped, Nothing) == bool(flagged.notes)
    if isinstance(dropped, Nothing):
        assert f"flag/{dropped.reason}" == flagged.notes[0].name
    names = [note.name for note in flagged.notes]
    assert len(names) == len(set(names))
    assert {name.removeprefix("flag/") for name in names} <= some


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_sides_are_told_apart_and_alike(chosen: str, rejected: str) -> None:
    """Exchanging the two answers exchanges what is said of them, and nothing else."""
    one = made.pair_text("par_1", "Why?", chosen, rejected)
    other = made.pair_text("par_1", "Why?", rejected, chosen)
    for check in CHECKS:
        straight = Hygiene(checks=(check,), do="flag", sides="either" if check == "near_equal" else "chosen")(one)
        turned = Hygiene(checks=(check,), do="flag", sides="either" if check == "near_equal" else "rejected")(other)
        assert [(note.text or "").replace("chosen", "rejected") for note in straight.notes] == [  # type: ignore[union-attr]
            note.text for note in turned.notes  # type: ignore[union-attr]
        ], check


def test_a_likeness_of_more_keeps_more() -> None:
    one, other = "The runner stone turns above the bed stone.", "The runner stone turns above the old bed stone."
    unit = made.pair_text("par_1", "Why?", one, other)
    kept = [isinstance(Hygiene(checks=("near_equal",), near_equal_at=at)(unit), Kept) for at in (0.1, 0.5, 0.7, 0.9, 1.0)]
    assert kept == sorted(kept)
    assert len(set(kept)) == 2


def test_the_usual_checks_are_those_that_do_not_depend_on_the_question() -> None:
    assert set(CHECKS) - set(USUAL) == {"abstention", "wrong_language"}
    assert "near_equal" not in Hygiene(of="responses").wanted
    assert Hygiene().wanted == USUAL


# --- grounding -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.sampled_from(["the", "runner", "stone", "turns", "wind"]), max_size=8).map(" ".join), st.data())
def test_a_smaller_share_keeps_more(answer: str, data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.tuples(*[st.floats(0.01, 1)] * 2)))
    unit = made.response_unit(answer, context=[{"role": "passage", "text": "The runner stone turns."}])
    strict, lenient = (Grounded(of="responses", quoted=False, min_overlap=each) for each in (high, low))
    if isinstance(lenient(unit), Nothing):
        assert isinstance(strict(unit), Nothing)


# --- private data ----------------------------------------------------------------------------------------------------


def test_no_detail_or_flag_repeats_what_it_found() -> None:
    secrets = ["ada.lovelace@mill.org", "+49 170 1234567", "DE89 3704 0044 0532 0130 00", "hf_" + "AbCdEfGhIj" * 4]
    unit = made.pair_text("par_1", "Whose is this: " + ", ".join(secrets), " ".join(secrets), "nobody's")
    told = [PrivateData()(unit), PrivateData(do="flag")(unit)]
    assert isinstance(told[0], Nothing)
    for secret in secrets:
        assert not any(part in str(told) for part in secret.split() if len(part) > 3)


@settings(deadline=None)
@given(st.sets(st.sampled_from(KINDS), min_size=1), st.sets(st.sampled_from(KINDS), min_size=1))
def test_fewer_kinds_drop_no_more(some: set[Any], others: set[Any]) -> None:
    unit = made.pair_text("par_1", "ada@mill.org", "+49 170 1234567", "4111 1111 1111 1111")
    few, many = PrivateData(kinds=tuple(some)), PrivateData(kinds=tuple(some | others))
    if isinstance(few(unit), Nothing):
        assert isinstance(many(unit), Nothing)


# --- licences --------------------------------------------------------------------------------------------------------

COMBINATIONS = [
    # the document, who wrote chosen, who wrote rejected, who judged -> what becomes of the pair
    ("cc-by-4.0", "open", "open", "open", None),
    ("CC-BY-4.0", "open", "research", "open", "licence_denied"),
    ("cc-by-4.0", "research", "open", "open", "licence_denied"),
    ("cc-by-4.0", "open", "open", "research", "licence_denied"),
    ("cc-by-nc-4.0", "open", "open", "open", "licence_denied"),
    ("CC BY-NC-SA 4.0", "open", "open", "open", "licence_denied"),
    ("apache-2.0 OR cc-by-nc-4.0", "open", "open", "open", None),
    ("apache-2.0 AND cc-by-nc-4.0", "open", "open", "open", "licence_denied"),
    ("mit, cc-by-4.0", "open", "open", "open", None),
    ("cc-by-sa-4.0", "open", "open", "open", "licence_denied"),
    ("gpl-3.0-or-later", "open", "open", "open", "licence_denied"),
    (None, "open", "open", "open", "licence_unknown"),
    ("other", "open", "open", "open", "licence_unknown"),
    ("cc-by-4.0", "stranger", "open", "open", "licence_unknown"),
    ("cc-by-4.0", "open", "open", "stranger", "licence_unknown"),
    (None, "research", "open", "open", "licence_denied"),
    ("cc-by-4.0", "llama-chat", "open", "open", "licence_denied"),
    ("cc-by-nc-nd-4.0", "stranger", "stranger", "stranger", "licence_denied"),
    ("my-own-terms", "open", "open", "open", "licence_unknown"),
]


@pytest.mark.parametrize(("document", "chosen", "rejected", "judge", "reason"), COMBINATIONS)
def test_a_pair_is_as_free_as_its_least_free_part(
    document: str | None, chosen: str, rejected: str, judge: str, reason: str | None
) -> None:
    outputs = {"open": "apache-2.0", "research": "cc-by-nc-4.0", "llama*": "llama3.1"}
    row = {"id": "par_1", "licence": document, "chosen_model": chosen, "rejected_model": rejected, "judges": [judge]}
    said = list(Licences(allow=("permissive",), outputs=outputs).sift(made.Columns([row])))
    assert [each.reason for each in said if isinstance(each, Drop)] == ([reason] if reason else [])
    kept = list(Licences(allow=("permissive",), outputs=outputs, unknown="keep").sift(made.Columns([row])))
    assert [each.reason for each in kept if isinstance(each, Drop)] == (
        [reason] if reason == "licence_denied" else []
    )


NAMES = ["mit", "cc-by-nc-4.0", "cc-by-sa-4.0", "llama3", "mystery", "", "cc-by-nc-sa-2.0", "gpl-2.0"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["m", "n"])), max_size=9),
    st.sets(st.sampled_from([*CLASSES, "mit", "mystery"]), min_size=1),
    st.sets(st.sampled_from([*CLASSES, "mit", "mystery"])),
    st.randoms(use_true_random=False),
)
def test_denying_more_drops_no_less_and_the_order_of_rows_is_nothing(
    rows: list[tuple[str, str]], some: set[str], others: set[str], dice: random.Random
) -> None:
    table = [{"id": f"rsp_{place}", "licence": name, "model": model} for place, (name, model) in enumerate(rows)]
    few, many = (
        Licences(of="responses", deny=tuple(sorted(deny)), outputs={"m": "mit", "n": "llama3"}, unknown="keep")
        for deny in (some, some | others)
    )
    straight = {each.row_id for each in few.sift(made.Columns(table))}  # type: ignore[union-attr]
    assert straight <= {each.row_id for each in many.sift(made.Columns(table))}  # type: ignore[union-attr]
    dice.shuffle(table)
    assert straight == {each.row_id for each in few.sift(made.Columns(table))}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("licence", "classes"),
    [
        ("CC BY 4.0", {"permissive"}), ("cc-by", {"permissive"}), ("CC0 1.0", {"permissive"}), ("MIT", {"permissive"}),
        ("cc-by-sa-3.0", {"share-alike"}), ("LGPL-2.1", {"share-alike"}), ("AGPL-3.0-only", {"share-alike"}),
        ("cc-by-nc-4.0", {"non-commercial"}), ("cc-by-nc-sa-4.0", {"non-commercial", "share-alike"}),
        ("cc-by-nd-4.0", {"no-derivatives"}), ("CC BY-NC-ND 4.0", {"no-derivatives", "non-commercial"}),
        ("llama3.1", {"use-restricted"}), ("gemma", {"use-restricted"}), ("creativeml-openrail-m", {"use-restricted"}),
        ("FAIR Noncommercial Research License", {"non-commercial"}), ("mystery-1.0", set()), ("", set()),
    ],
)  # fmt: skip
def test_classes_of_licences(licence: str, classes: set[str]) -> None:
    assert classes_of(slug(licence)) == classes


def test_a_licence_that_is_named_counts_before_its_class() -> None:
    nc = frozenset({"non-commercial"})
    assert standing("cc-by-nc-4.0", frozenset({"cc-by-nc-4.0"}), nc) == "allowed"
    assert standing("cc-by-nc-4.0", nc, frozenset({"cc-by-nc-4.0"})) == "denied"
    assert standing("cc-by-nc-sa-4.0", nc, frozenset()) == "denied", "all its classes must be allowed"
    assert standing("mystery", frozenset({"mit"}), frozenset()) == "denied", "it is known not to be on the list"
    assert standing("mystery", frozenset(), frozenset({"mit"})) == "allowed"
    assert standing("", frozenset({"mit"}), frozenset()) == "unknown"
