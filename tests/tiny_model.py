"""A language model of a megabyte that any machine can make in seconds, for tests and benchmarks of real engines."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

EXPECTS_VLLM = os.environ.get("PREFMILL_REQUIRE_VLLM") == "1" or importlib.util.find_spec("vllm") is not None
"""Tests of vLLM are skipped where it is not installed, unless the environment says that it has to be there."""
VOCABULARY = 4000
POSITIONS = 4096
SPECIAL = ("<pad>", "<eos>", "<bos>", "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_tiny_model(folder: Path, *, seed: int = 0, chat_template: str | None = CHAT_TEMPLATE) -> Path:
    """Put a random two-layer Llama with its tokenizer into `folder`, unless it is there already; nothing is fetched.

    It writes gibberish, but through the real path: a byte-level BPE vocabulary, a chat template, an end token, 4096
    positions. The same seed gives the same weights.
    """
    if (folder / "model.safetensors").exists():
        return folder
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    folder.mkdir(parents=True, exist_ok=True)
    _save_tokenizer(folder, chat_template)
    _save_weights(folder, seed)
    return folder


def _corpus() -> list[str]:
    # English that every Python carries: the reference manual behind `help()`.
    from pydoc_data.topics import topics

    return [topics[name] for name in sorted(topics)]


def _save_tokenizer(folder: Path, chat_template: str | None) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    wrap: Any = PreTrainedTokenizerFast
    wrap(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        additional_special_tokens=list(SPECIAL[3:]),
        chat_template=chat_template,
        model_max_length=POSITIONS,
    ).save_pretrained(folder)


def _save_weights(folder: Path, seed: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=POSITIONS,
        pad_token_id=SPECIAL.index("<pad>"),
        eos_token_id=SPECIAL.index("<eos>"),
        bos_token_id=SPECIAL.index("<bos>"),
        tie_word_embeddings=False,
        dtype="bfloat16",
    )
    make: Any = LlamaForCausalLM
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        make(config).to(torch.bfloat16).save_pretrained(folder)
