"""The trainers' own row-shaping functions, from packages that lie in a folder and need not be installed.

`make trainers` puts them there: `pip install --no-deps`, as none of what they would bring is needed to shape a row. A
package's `__init__` is passed over, because it would import all of that. Each function here takes a row of a layout and
a tokenizer and gives three texts: what is trained on as prompt, as the better and as the worse answer.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from pipeline.trainers.seen import Row, Seen
from pipeline.trainers.settings import LOADERS

FOLDER = Path(os.environ.get("PREFMILL_TRAINERS", "/nonexistent"))
Texts = tuple[str, str, str]
Read = Callable[[Row, Any], Texts]


def settings_of(name: str) -> Any:
    """What the table says that a user writes for a loader."""
    (loader,) = (loader for loader in LOADERS if loader.name == name)
    return loader.settings


ABSENT = {"omegaconf", "wandb", "tensordict", "absl", "peft", "pylatexenc", "ray", "beaker", "torchaudio", "soundfile"}


def _stand_in(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives an empty stand-in for every module that is not installed; no row is shaped by any of them."""

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        found = name.partition(".")[0] in ABSENT
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if found else None

    def create_module(self, spec: Any) -> Any:
        module: Any = ModuleType(spec.name)
        module.__getattr__ = _stand_in
        return module

    def exec_module(self, module: Any) -> None:
        pass


def open_module(name: str) -> Any:
    """A module of a package in `FOLDER`; None if it is not there."""
    path = FOLDER.joinpath(*name.split("."))
    if not path.with_suffix(".py").exists():
        return None
    finder = Absent()
    sys.path.insert(0, str(FOLDER))
    sys.meta_path.append(finder)
    try:
        return importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)
        sys.path.remove(str(FOLDER))


def template_texts(tokenizer: Any, seen: Seen, *, with_tools: bool = False) -> Texts:
    """What the chat template, or its absence, makes of a pair: what every trainer has to arrive at."""
    if isinstance(seen.prompt, str):
        return seen.prompt, str(seen.chosen), str(seen.rejected)
    tools = json.loads(seen.tools) if with_tools and seen.tools else None
    apply: Any = tokenizer.apply_chat_template
    prompt = apply(list(seen.prompt), tools=tools, tokenize=False, add_generation_prompt=True)
    sides = (
        apply([*seen.prompt, *side], tools=tools, tokenize=False) for side in (seen.chosen or (), seen.rejected or ())
    )
    chosen, rejected = (text[len(prompt) :] for text in sides)
    return prompt, chosen, rejected


# --- axolotl ----------------------------------------------------------------------------------------------------------


def _axolotl(module: str, function: str, name: str) -> Read | None:
    strategies = open_module(f"axolotl.prompt_strategies.{module}.chat_template")
    if strategies is None:
        return None

    class Settings(dict[str, Any]):
        """As axolotl has them: what was not set is None."""

        def __getattr__(self, name: str) -> Any:
            return self.get(name)

    made = getattr(strategies, function)(Settings(settings_of(name)))
    transform = made[0] if isinstance(made, tuple) else made

    def read(row: Row, tokenizer: Any) -> Texts:
        texts = transform(dict(row), tokenizer=tokenizer)
        return texts["prompt"], texts["chosen"], texts["rejected"]

    return read


# --- LLaMA-Factory ----------------------------------------------------------------------------------------------------


def _llama_factory(name: str) -> Read | None:
    converter, parser = (open_module(f"llamafactory.data.{module}") for module in ("converter", "parser"))
    if converter is None:
        return None
    ((dataset, entry),) = settings_of(name).items()
    attributes = parser.DatasetAttr("hf_hub", dataset_name=dataset)
    attributes.join(entry)
    convert = converter.get_dataset_converter(attributes.formatting, attributes, SimpleNamespace())

    def read(row: Row, tokenizer: Any) -> Texts:
        made = convert(dict(row))
        if len(made["_prompt"]) % 2 != 1 or len(made["_response"]) < 2:
            raise ValueError("dropped by `PairwiseDatasetProcessor`")
        if made["_system"] == "":
            made["_system"] = None  # `Template.encode`: `system or self.default_system`
        system = () if made["_system"] is None else ({"role": "system", "content": made["_system"]},)
        better, worse = made["_response"]
        return template_texts(tokenizer, Seen((*system, *made["_prompt"]), (better,), (worse,)))

    return read


# --- OpenRLHF ---------------------------------------------------------------------------------------------------------


def _openrlhf(prompt_key: str | None) -> Read | None:
    reward = open_module("openrlhf.datasets.reward_dataset")
    if reward is None:
        return None

    def read(row: Row, tokenizer: Any) -> Texts:
        apply = tokenizer.apply_chat_template
        made = reward.preprocess_data(dict(row), None, prompt_key, "chosen", "rejected", apply, is_dpo=True)
        assert made[3] == 0, "a margin"
        return made[0], made[1], made[2]

    return read


# --- NeMo-RL ----------------------------------------------------------------------------------------------------------


def _nemo_rl(*, binary: bool) -> Read | None:
    shaping = open_module("nemo_rl.data.datasets.preference_datasets.binary_preference_dataset")
    processors = open_module("nemo_rl.data.processors")
    if shaping is None or processors is None:
        return None
    keys = SimpleNamespace(prompt_key="prompt", chosen_key="chosen", rejected_key="rejected", task_name="pairs")

    def read(row: Row, tokenizer: Any) -> Texts:
        datum = shaping.BinaryPreferenceDataset.format_data(keys, dict(row)) if binary else dict(row)
        task = SimpleNamespace(prompt=None, system_prompt=None)
        made = processors.preference_preprocessor(datum, task, tokenizer, 1_000_000, 0)
        sides = ["".join(turn["content"] for turn in made[f"message_log_{side}"]) for side in ("chosen", "rejected")]
        prompt = tokenizer.apply_chat_template(datum["context"], tokenize=False, add_generation_prompt=True)
        assert all(side.startswith(prompt) for side in sides)
        # It puts the end token behind whatever the template gives.
        chosen, rejected = (side[len(prompt) :].removesuffix(tokenizer.eos_token) for side in sides)
        return prompt, chosen, rejected

    return read


# --- verl -------------------------------------------------------------------------------------------------------------


def _verl() -> Read | None:
    module = open_module("verl.utils.dataset.rm_dataset")
    if module is None:
        return None

    def read(row: Row, tokenizer: Any) -> Texts:
        dataset = object.__new__(module.RMDataset)
        dataset.tokenizer, dataset.add_eos, dataset.max_length = tokenizer, True, 1_000_000
        dataset.prompts, dataset.chosen_responses, dataset.rejected_responses = [
            [row[n]] for n in ("prompt", "chosen", "rejected")
        ]
        item = dataset[0]
        texts = [
            tokenizer.decode(ids[mask.bool()][:-1])
            for ids, mask in zip(item["input_ids"], item["attention_mask"], strict=True)
        ]
        prompt = row["prompt"]
        assert all(text.startswith(prompt) for text in texts)
        return prompt, texts[0][len(prompt) :], texts[1][len(prompt) :]

    return read


# --- open-instruct ----------------------------------------------------------------------------------------------------


def _open_instruct() -> Read | None:
    module = open_module("open_instruct.dataset_transformation")
    if module is None:
        return None

    def read(row: Row, tokenizer: Any) -> Texts:
        made = module.preference_tulu_tokenize_and_truncate_v1(dict(row), tokenizer, 1_000_000)
        prompt = tokenizer.apply_chat_template(row["chosen"][:-1], tokenize=False, add_generation_prompt=True)
        chosen, rejected = (tokenizer.decode(made[f"{side}_input_ids"]) for side in ("chosen", "rejected"))
        return prompt, chosen[len(prompt) :], rejected[len(prompt) :]

    return read


MAKERS: Mapping[str, Callable[[], Read | None]] = {
    "axolotl_default": lambda: _axolotl("dpo", "default", "axolotl_default"),
    "axolotl_default_messages": lambda: _axolotl("dpo", "default", "axolotl_default_messages"),
    "axolotl_argilla_chat": lambda: _axolotl("dpo", "argilla_chat", "axolotl_argilla_chat"),
    "axolotl_orpo": lambda: _axolotl("orpo", "argilla", "axolotl_orpo"),
    "llama_factory_alpaca": lambda: _llama_factory("llama_factory_alpaca"),
    "llama_factory_sharegpt": lambda: _llama_factory("llama_factory_sharegpt"),
    "openrlhf": lambda: _openrlhf("prompt"),
    "openrlhf_implicit": lambda: _openrlhf(None),
    "nemo_rl_binary": lambda: _nemo_rl(binary=True),
    "nemo_rl_ranked": lambda: _nemo_rl(binary=False),
    "verl": _verl,
    "open_instruct": _open_instruct,
}
"""How to get the reader of each loader; None where its package is not in `FOLDER`."""
