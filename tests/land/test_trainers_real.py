"""The contracts against the trainers' own code, where it lies in the folder `PREFMILL_TRAINERS` (`make trainers`).

Where a contract says that a row is read, the trainer has to arrive at the very texts that the chat template gives for
the pair; where it refuses, the trainer has to stop, or to arrive at others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.trainers.seen import Row
from pipeline.trainers.settings import LOADERS, SHAPES, Loader, Shape

from .real_trainers import FOLDER, MAKERS, Read, template_texts
from .shapes import expected, make_export, make_row

pytestmark = pytest.mark.slow
if not FOLDER.is_dir():
    pytest.skip("PREFMILL_TRAINERS names no folder with the trainers (`make trainers`)", allow_module_level=True)

# ChatML, and tools as text: a template that shows everything it is given.
TEMPLATE = (
    "{% for tool in tools or () %}{{ tool | tojson }}\n{% endfor %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or () %}{{ call.function | tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMS = ("axolotl_default", "axolotl_default_messages", "axolotl_argilla_chat")
"""Loaders that cut white space off the end of what the template gives."""


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tiny_model import make_tiny_model
    from transformers import AutoTokenizer

    folder = make_tiny_model(tmp_path_factory.mktemp("model") / "tiny", chat_template=TEMPLATE)
    load: Any = AutoTokenizer.from_pretrained
    tokenizer = load(folder)
    tokenizer.bos_token = None
    return tokenizer


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_export(tmp_path_factory.mktemp("trainers"))


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[[Loader], Read]]:
    made: dict[str, Read | None] = {}

    def read(loader: Loader) -> Read:
        if loader.name not in made:
            made[loader.name] = MAKERS[loader.name]()
        function = made[loader.name]
        if function is None:
            pytest.skip(f"{loader.trainer} is not in {FOLDER}")
        return function

    return read


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "tie"])
@pytest.mark.parametrize(
    "loader", [loader for loader in LOADERS if loader.name in MAKERS], ids=lambda loader: loader.name
)
def test_the_trainer_does_what_its_contract_says(
    loader: Loader, shape: Shape, read: Callable[[Loader], Read], export: Path, tokenizer: Any, tmp_path: Path
) -> None:
    refusal = loader.refuses.get(shape)
    if refusal == "left_out":
        return
    from datasets import load_dataset

    dataset = load_dataset(str(export), loader.layout, split="train", cache_dir=str(tmp_path))
    (row,) = (row for row in dataset if row["pair_id"] == make_row(shape)["pair_id"])
    wanted = template_texts(tokenizer, expected(shape, loader), with_tools=True)
    if refusal is None:
        got = read(loader)(row, tokenizer)
        assert got == (wanted if loader.name not in TRIMS else (wanted[0], *(text.rstrip() for text in wanted[1:])))
    else:
        assert observe(read(loader), row, tokenizer) != wanted


def observe(read: Read, row: Row, tokenizer: Any) -> Any:
    """The texts, or the error instead of them."""
    try:
        return read(row, tokenizer)
    except Exception as error:
        return error
