"""An export goes into TRL as it is: recognised as a conversation, templated, and trained on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.land.export import export_release
from pipeline.land.files import write_release

from .rows import make_batches, make_facts, make_rows

pytest.importorskip("trl")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trl")
    write_release(folder / "release", make_batches(make_rows(60)), make_facts())
    export_release(folder / "release", folder / "export")
    return folder / "export"


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def train(export: Path, tmp_path: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(export), split="train", cache_dir=str(tmp_path))


def test_rows_are_conversational_and_keep_their_prompt(train: Any) -> None:
    from trl.data_utils import is_conversational, maybe_extract_prompt

    for row in train:
        assert is_conversational(row)
        assert maybe_extract_prompt(row) == row


def test_chat_template_is_applied(train: Any, tiny_model: Path) -> None:
    from transformers import AutoTokenizer
    from trl.data_utils import maybe_apply_chat_template

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for row in train:
        texts = maybe_apply_chat_template(row, tokenizer)
        assert texts["prompt"].endswith("<|assistant|>")
        for name in ("chosen", "rejected"):
            assert row[name][0]["content"] in texts[name]


@pytest.mark.parametrize("kind", ["DPO", "Reward"])
def test_snippet_of_the_card_trains(
    export: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    card = (export / "README.md").read_text("utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    changes = {
        '"THIS_FOLDER_OR_REPOSITORY"': f"{str(export)!r}, cache_dir={str(tmp_path / 'cache')!r}",
        '"Qwen/Qwen3-0.6B"': repr(str(tiny_model)),
        'output_dir="dpo"': f"output_dir={str(tmp_path / 'out')!r}, max_steps=2, report_to=[], use_cpu=True",
        "DPO": kind,
    }
    for old, new in changes.items():
        assert old in snippet
        snippet = snippet.replace(old, new)
    names: dict[str, Any] = {}
    exec(snippet, names)
    history = names["trainer"].state.log_history
    assert names["trainer"].state.global_step == 2
    assert history[-1]["train_loss"] > 0
