"""Canonical JSON and ids: one text for one value, and no hash of anything that JSON cannot say."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fingerprints import PREFIXES, canonical_json, derive_seed, identify
from warehouse.plan import NOUNS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(math.nan, id="nan"),
        pytest.param(math.inf, id="infinity"),
        pytest.param([1.0, [-math.inf]], id="infinity inside"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({1, 2}, id="a set"),
        pytest.param(frozenset(), id="a frozen set"),
        pytest.param(object(), id="an object"),
        pytest.param({"a": object}, id="a class inside"),
        pytest.param({(1, 2): 3}, id="a tuple as a key"),
    ],
)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)
    with pytest.raises((TypeError, ValueError)):
        identify("documents", value)


def test_the_order_of_keys_does_not_matter() -> None:
    assert canonical_json({"b": 1, "a": [1, {"d": 2, "c": 3}]}) == '{"a":[1,{"c":3,"d":2}],"b":1}'


def test_the_order_of_a_list_matters() -> None:
    assert identify("documents", [1, 2]) != identify("documents", [2, 1])


def test_text_is_kept_as_it_is() -> None:
    assert canonical_json("Mühle 粉 🌾") == '"Mühle 粉 🌾"'


def test_composed_and_decomposed_letters_are_different_texts() -> None:
    assert identify("documents", "\u00fc") != identify("documents", "u\u0308")


def test_half_a_character_has_an_id_too() -> None:
    assert identify("documents", "\ud83d").startswith("doc_")


@given(JSON, JSON)
def test_ids_are_equal_exactly_when_the_values_are(one: Any, other: Any) -> None:
    assert (identify("prompts", one) == identify("prompts", other)) == (canonical_json(one) == canonical_json(other))


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_parts_cannot_run_into_each_other(one: list[str], other: list[str]) -> None:
    assert (identify("prompts", *one) == identify("prompts", *other)) == (one == other)


def test_the_kind_is_part_of_the_id() -> None:
    digests = {identify(kind, "x").split("_")[1] for kind in PREFIXES}
    assert len(digests) == len(PREFIXES)


def test_prefixes_tell_kinds_apart() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)
    assert set(NOUNS) <= set(PREFIXES)


@pytest.mark.parametrize(
    ("kind", "parts", "known"),
    [
        ("documents", ("x",), "doc_ac105a08dda4d4a0a477"),
        ("steps", ({"strategy": "sample/gold", "version": 1},), "stp_461420a3a48b6c9331fa"),
    ],
)
def test_ids_are_those_of_every_earlier_version(kind: str, parts: tuple[Any, ...], known: str) -> None:
    """Another hash gives everything a new identity: who wants that raises `SCHEME` and changes these."""
    assert identify(kind, *parts) == known


def test_seeds_fit_every_engine_and_differ() -> None:
    seeds = {derive_seed("key", attempt) for attempt in range(1000)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_seeds_of_neighbours_are_no_neighbours() -> None:
    """vLLM gives draw i the seed s+i: close seeds would repeat draws."""
    seeds = sorted(derive_seed("key", attempt) for attempt in range(1000))
    assert min(later - earlier for earlier, later in itertools.pairwise(seeds)) > 16
