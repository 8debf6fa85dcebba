"""The table of loaders: which trainer reads which layout, with what settings, and what it does not carry over.

The card's snippets, `docs/trainers.md` and the contract tests are all made from `LOADERS`, so none of them can promise
what another does not keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

REPO = "REPO"
"""Stands for the dataset in the settings below: a repository of the hub, or the folder of an export."""

Shape = Literal[
    "system_turn", "multi_turn", "unicode", "empty_system", "tool_call", "one_token_answer", "long_answer", "tie"
]
SHAPES: dict[Shape, str] = {
    "system_turn": "a system turn before the question",
    "multi_turn": "several turns before the question",
    "unicode": "text of many scripts, combining marks, emoji and control characters",
    "empty_system": "a system turn with nothing in it",
    "tool_call": "a tool that was called before the answer",
    "one_token_answer": "an answer of one token",
    "long_answer": "an answer of 32,000 tokens",
    "tie": "two answers that are as good as each other",
}

Language = Literal["python", "yaml", "json", "bash"]
Length = Literal["cut", "left out", "not counted"]


@dataclass(frozen=True, slots=True)
class Loader:
    """One way to read one layout into one trainer.

    `reads` is what the trainer has in hand before its tokenizer: messages for a chat template, or bare text. `settings`
    are what a user writes, with `REPO` for the dataset: data for YAML and JSON, text otherwise. `refuses` names
    (`seen.REFUSALS`) the shapes that do not reach the trainer as they are; all others do. `longest` is the option that
    bounds a row in tokens, its default, and what befalls a longer row.
    """

    name: str
    trainer: str
    purpose: str
    version: str
    layout: str
    language: Language
    settings: Mapping[str, Any] | str
    longest: tuple[str, str, Length]
    reads: Literal["messages", "text"] = "messages"
    refuses: Mapping[Shape, str] = field(default_factory=dict)
    note: str = ""


TRL = "1.16.0"
_TRL_NOTE = "unsloth trains with TRL's trainers, so the same lines serve it."


def _trl(kind: str, layout: str, folder: str) -> str:
    """The lines that train a small model with one of TRL's trainers."""
    return (
        "from datasets import load_dataset\n"
        f"from trl import {kind}Config, {kind}Trainer\n\n"
        f'pairs = load_dataset({REPO}, "{layout}")\n'
        f"trainer = {kind}Trainer(\n"
        '    model="Qwen/Qwen3-0.6B",\n'
        f'    args={kind}Config(output_dir="{folder}", max_length=4096),\n'
        '    train_dataset=pairs["train"],\n'
        ")\n"
        "trainer.train()\n"
    )


def _axolotl(layout: str, kind: str, rl: str = "dpo", **more: str) -> dict[str, Any]:
    """What an axolotl configuration says of its data."""
    dataset = {"path": REPO, "name": layout, "split": "train", "type": f"chat_template.{kind}", **more}
    return {"rl": rl, "chat_template": "tokenizer_default", "sequence_len": 4096, "datasets": [dataset]}


def _llama_factory(layout: str, **more: Any) -> dict[str, Any]:
    """An entry of LLaMA-Factory's `dataset_info.json`."""
    return {f"pairs_{layout}": {"hf_hub_url": REPO, "subset": layout, "split": "train", "ranking": True, **more}}


def _nemo_rl(layout: str, kind: str) -> dict[str, Any]:
    """The part of a NeMo-RL configuration that is about data."""
    train = {"data_path": REPO, "subset": layout, "split": "train"}
    default = {"dataset_name": kind, "prompt_file": None, "system_prompt_file": None}
    return {"data": {"train": train, "validation": None, "default": default}}


_TIE: dict[Shape, str] = {"tie": "never_released"}
_NO_TOOLS: dict[Shape, str] = {"tool_call": "left_out", **_TIE}
_SINGLE: dict[Shape, str] = {"multi_turn": "left_out", **_NO_TOOLS}
_CUT_AXOLOTL: tuple[str, str, Length] = ("sequence_len", "512", "left out")

LOADERS: tuple[Loader, ...] = (
    Loader(
        "trl_dpo", "TRL", "DPO", TRL, "conversational", "python", _trl("DPO", "conversational", "dpo"),
        ("max_length", "1024", "cut"), refuses=_TIE, note=_TRL_NOTE,
    ),
    Loader(
        "trl_dpo_text", "TRL", "DPO without a chat template", TRL, "standard", "python", _trl("DPO", "standard", "dpo"),
        ("max_length", "1024", "cut"), "text", {"system_turn": "system_unread", **_SINGLE},
        "For base models: the text goes in as it is, with the end token behind it.",
    ),
    Loader(
        "trl_reward", "TRL", "reward model", TRL, "implicit", "python", _trl("Reward", "implicit", "reward"),
        ("max_length", "1024", "left out"), refuses=_TIE,
    ),
    Loader(
        "trl_kto", "TRL", "KTO", TRL, "unpaired", "python", _trl("KTO", "unpaired", "kto"),
        ("max_length", "1024", "cut"), refuses=_TIE,
    ),
    Loader(
        "axolotl_default", "axolotl", "DPO", "0.19.0", "conversational", "yaml",
        _axolotl("conversational", "default", field_messages="prompt"), _CUT_AXOLOTL,
        refuses={"tool_call": "tool_calls_unread", **_TIE},
    ),
    Loader(
        "axolotl_default_messages", "axolotl", "DPO, as its defaults have it", "0.19.0", "messages", "yaml",
        _axolotl("messages", "default"), _CUT_AXOLOTL, refuses=_NO_TOOLS,
    ),
    Loader(
        "axolotl_argilla_chat", "axolotl", "DPO on whole conversations", "0.19.0", "implicit", "yaml",
        _axolotl("implicit", "argilla_chat"), _CUT_AXOLOTL, refuses={"tool_call": "tool_calls_unread", **_TIE},
    ),
    Loader(
        "axolotl_orpo", "axolotl", "ORPO", "0.19.0", "implicit", "yaml", _axolotl("implicit", "argilla", "orpo"),
        _CUT_AXOLOTL,
        refuses={"system_turn": "odd_turns", "empty_system": "odd_turns", "tool_call": "turns_out_of_order", **_TIE},
    ),
    Loader(
        "llama_factory_alpaca", "LLaMA-Factory", "DPO or reward model, single turns", "0.9.5", "standard", "json",
        _llama_factory("standard", formatting="alpaca", columns={
            "prompt": "prompt", "system": "system", "chosen": "chosen", "rejected": "rejected",
        }),
        ("cutoff_len", "2048", "cut"), refuses={"empty_system": "empty_system_replaced", **_SINGLE},
    ),
    Loader(
        "llama_factory_sharegpt", "LLaMA-Factory", "DPO or reward model", "0.9.5", "messages", "json",
        _llama_factory("messages", formatting="sharegpt", columns={
            "messages": "messages", "chosen": "chosen", "rejected": "rejected",
        }, tags={
            "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
            "system_tag": "system",
        }),
        ("cutoff_len", "2048", "cut"),
        refuses={"empty_system": "empty_system_replaced", **_NO_TOOLS},
    ),
    Loader(
        "openrlhf", "OpenRLHF", "DPO or reward model", "0.11.2", "conversational", "bash",
        "deepspeed --module openrlhf.cli.train_dpo \\\n"
        f"  --data.dataset {REPO} \\\n"
        "  --data.apply_chat_template --data.prompt_key prompt --data.max_len 4096\n",
        ("--data.max_len", "512", "cut"), refuses={"tool_call": "tools_unread", **_TIE},
        note="It cannot name a configuration, and takes the default one.",
    ),
    Loader(
        "openrlhf_implicit", "OpenRLHF", "DPO or reward model on whole conversations", "0.11.2", "implicit", "bash",
        "deepspeed --module openrlhf.cli.train_rm \\\n"
        f"  --data.dataset {REPO}@implicit \\\n"
        "  --data.apply_chat_template --data.max_len 4096\n",
        ("--data.max_len", "512", "cut"), refuses={"tool_call": "tools_unread", **_TIE},
        note="Without `@implicit` it would take the default configuration, and train on answers without their prompts.",
    ),
    Loader(
        "nemo_rl_binary", "NeMo-RL", "DPO or reward model, single turns", "7ea279a", "standard", "yaml",
        _nemo_rl("standard", "BinaryPreferenceDataset"),
        ("policy.max_total_sequence_length", "", "not counted"),
        refuses={"system_turn": "system_unread", "empty_system": "empty_system_replaced", **_SINGLE},
    ),
    Loader(
        "nemo_rl_ranked", "NeMo-RL", "DPO or reward model", "7ea279a", "ranked", "yaml",
        _nemo_rl("ranked", "PreferenceDataset"),
        ("policy.max_total_sequence_length", "", "not counted"), refuses={"tool_call": "tools_unread", **_TIE},
        note="It stops at a row of more than two answers, which a pair with `also_chosen` has.",
    ),
    Loader(
        "verl", "verl", "reward model", "0.9.1", "standard", "python",
        "from huggingface_hub import snapshot_download\n"
        "from verl.utils.dataset import RMDataset\n\n"
        f'folder = snapshot_download({REPO}, repo_type="dataset")\n'
        'pairs = RMDataset(f"{folder}/standard/train.parquet", tokenizer="Qwen/Qwen3-0.6B", max_length=4096)\n',
        ("max_length", "1024", "cut"), "text", {"system_turn": "system_unread", **_SINGLE},
        "The text goes in as it is, without a chat template.",
    ),
    Loader(
        "open_instruct", "open-instruct", "DPO", "e6c3044", "implicit", "bash",
        f"hf download {REPO} --repo-type dataset --local-dir pairs\n"
        "python open_instruct/dpo.py --mixer_list pairs/implicit/train.parquet 1.0 --max_seq_length 4096\n",
        ("--max_seq_length", "2048", "cut"), refuses={"tool_call": "tools_unread", **_TIE},
        note="It cannot name a configuration, so it is given the file. RewardBench reads the same rows: "
        "`rewardbench --dataset pairs/implicit`.",
    ),
)  # fmt: skip
