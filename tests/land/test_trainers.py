"""Every trainer's settings on rows of every shape: a row reaches the trainer as it is, or is refused by name."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.land.files import write_release
from pipeline.trainers.contracts import CONTRACTS
from pipeline.trainers.page import refresh
from pipeline.trainers.seen import REFUSALS, Contract, Refused, Row, Seen, whole
from pipeline.trainers.settings import LOADERS, SHAPES, Loader, Shape
from pipeline.trainers.snippets import render_snippets, snippet
from schemas.errors import BuildError

from .rows import make_batches, make_facts
from .shapes import expected, make_export, make_row

pytest.importorskip("datasets")
LAYOUTS = {loader.layout for loader in LOADERS}
PAGE = Path(__file__).parents[2] / "docs" / "trainers.md"


# --- the cells --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with one row of every shape."""
    return make_export(tmp_path_factory.mktemp("trainers"))


@pytest.fixture(scope="module")
def load(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Loader], list[Row]]:
    """The rows as a trainer comes by them; each way is gone once."""
    from datasets import load_dataset

    cache, loaded = str(tmp_path_factory.mktemp("cache")), {}
    ways: dict[str, Callable[[Loader], Any]] = {
        "openrlhf": lambda loader: load_dataset(str(export), data_dir=None, cache_dir=cache)["train"],
        "openrlhf_implicit": lambda loader: load_dataset(str(export), data_dir="implicit", cache_dir=cache)["train"],
        "open_instruct": lambda loader: load_dataset(
            "parquet", data_files=str(export / "implicit/train.parquet"), split="train", cache_dir=cache
        ),
        "verl": lambda loader: read_parquet(export / "standard/train.parquet"),
    }

    def by_name(loader: Loader) -> Any:
        return load_dataset(str(export), loader.layout, split="train", cache_dir=cache)

    def load(loader: Loader) -> list[Row]:
        if loader.name not in loaded:
            loaded[loader.name] = list(ways.get(loader.name, by_name)(loader))
        return loaded[loader.name]

    return load


def read_parquet(path: Path) -> list[Row]:
    """A file as pandas has it."""
    import pandas as pd

    frame = pd.read_parquet(path).astype(object)
    rows: list[Row] = frame.where(frame.notna(), None).to_dict("records")
    return rows


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.name)
def test_a_row_is_as_it_was_or_refused_by_name(
    loader: Loader, shape: Shape, load: Callable[[Loader], list[Row]], tmp_path: Path
) -> None:
    refusal = loader.refuses.get(shape)
    if refusal == "never_released":
        refuse_to_release(shape, tmp_path)
    rows = [row for row in load(loader) if row["pair_id"] == make_row(shape)["pair_id"]]
    if refusal in ("left_out", "never_released"):
        assert rows == []
    elif refusal is not None:
        with pytest.raises(Refused) as refused:
            read_pair(loader, rows)
        assert refused.value.name == refusal
    else:
        assert read_pair(loader, rows) == expected(shape, loader)


def refuse_to_release(shape: Shape, folder: Path) -> None:
    """Neither two equal answers nor two answers as good as each other can be written."""
    tie = make_row(shape)
    for row in (tie, tie | {"rejected": [{"role": "assistant", "content": "As many."}], "score_gap": 0.0}):
        with pytest.raises(BuildError, match=r"chosen equal to rejected|`score_gap` that is not above 0"):
            write_release(folder / "tie", make_batches([row]), make_facts())


def read_pair(loader: Loader, rows: list[Row]) -> Seen:
    """What a trainer makes of the one row of a pair, or of the two."""
    read = {**CONTRACTS, **TRL}[loader.name]
    seen = [read(row) for row in rows]
    chosen, rejected = ([part for part in parts if part is not None] for parts in (
        [each.chosen for each in seen], [each.rejected for each in seen],
    ))  # fmt: skip
    assert len(chosen) == len(rejected) == 1
    assert len({(str(each.prompt), each.tools) for each in seen}) == 1
    return Seen(seen[0].prompt, chosen[0], rejected[0], seen[0].tools)


# --- TRL, by its own functions ----------------------------------------------------------------------------------------


def read_trl(row: Row) -> Seen:
    """As DPO and Reward do: the prompt is taken out of the two conversations where it is no column."""
    from trl.data_utils import extract_prompt, is_conversational

    example = dict(row) if "prompt" in row else {**row, **extract_prompt(dict(row))}
    if is_conversational(example):
        sides = [whole(example[name]) for name in ("prompt", "chosen", "rejected")]
        return Seen(*sides, tools=row.get("tools"))
    if row.get("system"):
        raise Refused("system_unread")
    return Seen(example["prompt"], example["chosen"], example["rejected"])


def read_trl_kto(row: Row) -> Seen:
    """As KTO does: one answer a row."""
    from trl.data_utils import is_conversational

    assert is_conversational(dict(row))
    completion = whole(row["completion"])
    sides = {"chosen": completion, "rejected": None} if row["label"] else {"chosen": None, "rejected": completion}
    return Seen(whole(row["prompt"]), **sides, tools=row.get("tools"))


TRL: dict[str, Contract] = {
    "trl_dpo": read_trl, "trl_dpo_text": read_trl, "trl_reward": read_trl, "trl_kto": read_trl_kto,
}  # fmt: skip


def test_the_table_is_whole() -> None:
    assert len(LOADERS) * len(SHAPES) == 128
    assert {loader.name for loader in LOADERS} == set(CONTRACTS) | set(TRL)
    assert len({loader.name for loader in LOADERS}) == len(LOADERS)
    assert {name for loader in LOADERS for name in loader.refuses.values()} <= set(REFUSALS)


def test_the_version_of_trl_is_the_one_of_the_table() -> None:
    import trl

    assert {loader.version for loader in LOADERS if loader.trainer == "TRL"} == {trl.__version__}


# --- traps ------------------------------------------------------------------------------------------------------------

QUESTION = [{"role": "user", "content": "Who?"}]


def answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    ("name", "row", "refusal"),
    [
        # What becomes of the default configuration where the settings forget to name another.
        ("axolotl_argilla_chat", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "no_prompt"),
        ("axolotl_orpo", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "no_prompt"),
        ("openrlhf_implicit", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "no_prompt"),
        ("open_instruct", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "no_prompt"),
        ("nemo_rl_binary", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "not_text"),
        ("verl", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "not_text"),
        ("llama_factory_alpaca", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "not_text"),
        ("llama_factory_sharegpt", {"messages": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "not_messages"),
        ("nemo_rl_ranked", {"prompt": QUESTION, "chosen": answer("I"), "rejected": answer("U")}, "missing_column"),
        ("openrlhf", {"prompt": "Who?", "chosen": "I", "rejected": "U"}, "not_messages"),
        # Turns that LLaMA-Factory empties with a warning.
        ("llama_factory_sharegpt", {"messages": QUESTION * 2, "chosen": answer("I")[0], "rejected": {}}, "turns_out_of_order"),
        ("llama_factory_sharegpt", {"messages": QUESTION * 3, "chosen": answer("I")[0], "rejected": {}}, "turns_out_of_order"),
        # An answer that the template says itself, before it.
        ("axolotl_default", {"prompt": QUESTION, "chosen": answer("user"), "rejected": answer("U")}, "answer_in_template"),
    ],
)  # fmt: skip
def test_a_wrong_layout_is_refused_by_name(name: str, row: Row, refusal: str) -> None:
    with pytest.raises(Refused) as refused:
        CONTRACTS[name](row)
    assert refused.value.name == refusal


def test_nemo_rl_takes_two_answers_of_two_ranks() -> None:
    best, other = {"rank": 0, "completion": answer("I")}, {"rank": 1, "completion": answer("U")}
    read = CONTRACTS["nemo_rl_ranked"]
    assert read({"context": QUESTION, "completions": [other, best]}).chosen == tuple(answer("I"))
    for completions, refusal in (([best, best], "equal_ranks"), ([best, other, other], "more_than_two")):
        with pytest.raises(Refused) as refused:
            read({"context": QUESTION, "completions": completions})
        assert refused.value.name == refusal


def test_no_layout_has_a_column_that_goes_into_a_loss(export: Path) -> None:
    import pyarrow.parquet as pq

    layouts = sorted(export.glob("*/train.parquet"))
    assert {path.parent.name for path in layouts} >= LAYOUTS
    for path in layouts:
        assert "margin" not in pq.read_schema(path).names, path.parent.name


def test_no_row_mixes_text_and_messages(load: Callable[[Loader], list[Row]]) -> None:
    """TRL takes whichever column a set of names gives first, and that changes with `PYTHONHASHSEED`: all must say one."""
    from trl.data_utils import is_conversational

    def said(row: Row) -> set[bool]:
        return {is_conversational({name: row[name]}) for name in TRL_KEYS if name in row}

    assert said({"prompt": "Who?", "chosen": [*QUESTION, *answer("I")]}) == {True, False}
    for loader in LOADERS:
        if loader.trainer == "TRL":
            assert said(load(loader)[0]) == {loader.reads == "messages"}, loader.layout


TRL_KEYS = ("prompt", "chosen", "rejected", "completion", "messages")


# --- snippets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.name)
def test_settings_are_written_in_their_language(loader: Loader) -> None:
    written = snippet(loader, "a-mill/of_pairs.v1")
    assert "a-mill/of_pairs.v1" in written
    assert "REPO" not in written
    if loader.language == "yaml":
        assert "a-mill/of_pairs.v1" in list(values(yaml.safe_load(written)))
    elif loader.language == "json":
        assert "a-mill/of_pairs.v1" in list(values(json.loads(written)))
    elif loader.language == "python":
        ast.parse(written)
    else:
        subprocess.run(["bash", "-n", "-c", written], check=True)


def values(value: Any) -> Iterator[Any]:
    """Everything in nested lists and mappings."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if parts is None:
        yield value
    else:
        for part in parts:
            yield from values(part)


@pytest.mark.parametrize("name", ["", "a b", "a`b", "a\nb", 'a"b', "a\\b", "$(a) b", "</details>"])
def test_a_name_that_would_break_out_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a dataset"):
        render_snippets(name, LAYOUTS)


def test_a_name_is_quoted_for_a_shell() -> None:
    (loader,) = (loader for loader in LOADERS if loader.name == "openrlhf")
    assert "--data.dataset '$(id)'" in snippet(loader, "$(id)")


def test_snippets_are_those_of_the_layouts_that_there_are() -> None:
    some = render_snippets("me/pairs", ["standard", "votes"])
    assert "verl" in some
    assert "open-instruct" not in some
    assert render_snippets("me/pairs", ["votes"]) == ""
    whole = render_snippets("me/pairs", LAYOUTS)
    assert all(snippet(loader, "me/pairs") in whole for loader in LOADERS)
    assert whole.count("<details>") == whole.count("</details>") == len({loader.trainer for loader in LOADERS})


def test_the_page_is_made_of_the_table() -> None:
    page = PAGE.read_text("utf-8")
    assert refresh(page) == page, "run `python -m pipeline.trainers docs/trainers.md`"
    assert all(f"`{name}`" in page for loader in LOADERS for name in loader.refuses.values())
