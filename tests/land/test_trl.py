"""An export goes into TRL as it is: recognised as a conversation, templated, and trained on with the card's own lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.land.export import export_release
from pipeline.land.files import write_release
from pipeline.trainers.settings import LOADERS, Loader
from pipeline.trainers.snippets import snippet

from .rows import make_batches, make_facts, make_rows

pytest.importorskip("trl")
pytestmark = pytest.mark.slow
TRL = [loader for loader in LOADERS if loader.trainer == "TRL"]


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


@pytest.mark.parametrize("loader", TRL, ids=lambda loader: loader.name)
def test_two_steps_of_training_are_taken(
    loader: Loader, export: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = train_by(snippet(loader, "me/pairs"), export, tiny_model, tmp_path)
    trainer, history = names["trainer"], names["trainer"].state.log_history
    assert trainer.state.global_step == 2
    assert history[-1]["train_loss"] > 0
    assert set(names["pairs"]) == {"train", "validation", "test"}


def train_by(lines: str, export: Path, model: Path, folder: Path) -> dict[str, Any]:
    """What the lines have made, run with another model, a bound on the steps, and files where tests may write."""
    changes = {
        '"me/pairs", ': f"{str(export)!r}, cache_dir={str(folder / 'cache')!r}, name=",
        '"Qwen/Qwen3-0.6B"': repr(str(model)),
        'output_dir="': f'max_steps=2, report_to=[], use_cpu=True, output_dir="{folder}/',
    }
    for old, new in changes.items():
        assert lines.count(old) == 1
        lines = lines.replace(old, new)
    names: dict[str, Any] = {}
    exec(lines, names)
    return names
