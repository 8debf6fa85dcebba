"""The head of a README is changed key by key; every other byte stays."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hub.heads import merge_configs, put, read_head

CONFIGS = [
    {"config_name": "conversational", "default": True, "data_files": [{"split": "train", "path": "c/train.parquet"}]}
]
OURS = f"---\n{yaml.safe_dump({'license': 'mit', 'configs': CONFIGS}, sort_keys=False)}---\n# card\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\na: 1\nlicense: mit\nb: 2\n---\nbody", "---\na: 1\nlicense: other\nb: 2\n---\nbody"),
        ("---\nlicense:\n- mit\n- isc\n# b\nb: 2\n---\n", "---\nlicense: other\n# b\nb: 2\n---\n"),
        ("---\na: 1 # one\n---\n", "---\na: 1 # one\nlicense: other\n---\n"),
        ("---\n---\nbody", "---\nlicense: other\n---\nbody"),
        ("body\n---\nlicense: mit\n---\n", "---\nlicense: other\n---\n\nbody\n---\nlicense: mit\n---\n"),
        ("", "---\nlicense: other\n---\n\n"),
        ("---\r\nlicense: mit\r\nb: 2\r\n---\r\nbody\r\n", "---\r\nlicense: other\r\nb: 2\r\n---\r\nbody\r\n"),
        ("\ufeff---\nlicense: mit\n---\n", "\ufeff---\nlicense: other\n---\n"),
        ("---\nlicense_name: x\nlicense : mit\n---\n", "---\nlicense_name: x\nlicense: other\n---\n"),
    ],
)
def test_a_key_is_replaced_where_it_stands(text: str, expected: str) -> None:
    assert put(text, "license", "other") == expected
    assert put(expected, "license", "other") == expected


def test_a_key_goes() -> None:
    assert put("---\na: 1\nlicense:\n  - mit\nb: 2\n---\nbody", "license", None) == "---\na: 1\nb: 2\n---\nbody"
    assert put("body", "license", None) == "body"


@pytest.mark.parametrize("text", ["---\na: [\n---\n", "---\n- a\n---\n", "---\na: {b\n---\nbody"])
def test_a_head_that_is_no_head_is_left_alone(text: str) -> None:
    assert read_head(text) is None
    assert merge_configs(text, OURS, ()) is None


def test_configurations_of_people_stay_and_those_of_files_that_are_gone_go() -> None:
    old = {"config_name": "ranked", "data_files": [{"split": "train", "path": "ranked/train.parquet"}]}
    theirs = {"config_name": "csv", "data_files": [{"split": "train", "path": "x.csv"}]}
    text = put("body", "configs", [old, theirs])
    merged = merge_configs(text, OURS, {"ranked/train.parquet"})
    assert merged is not None
    assert (read_head(merged) or {})["configs"] == [*CONFIGS, theirs]
    assert merged.endswith("\nbody")
    assert merge_configs(merged, OURS, {"ranked/train.parquet"}) == merged


keys = st.text("abcdef", min_size=1, max_size=6)
values = st.one_of(st.integers(), st.text(max_size=20), st.lists(st.text("ab-#: \n", max_size=8), max_size=3))


@given(head=st.dictionaries(keys, values, max_size=5), body=st.text(max_size=60), value=values)
def test_only_the_key_changes(head: dict[str, object], body: str, value: object) -> None:
    text = f"---\n{yaml.safe_dump(head, allow_unicode=True) if head else ''}---\n{body}"
    changed = put(text, "license", value)
    assert read_head(changed) == head | {"license": value}
    assert changed.endswith(f"---\n{body}")
