"""What the mock server says: text, JSON and log-probabilities that are a function of the request alone."""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Sequence
from typing import Any

import orjson

WORDS = (
    "acre", "bell", "cedar", "delta", "ember", "fern", "grain", "harbour", "inlet", "juniper", "kiln", "lantern",
    "meadow", "north", "orchard", "pebble", "quarry", "river", "sluice", "timber", "umber", "valley", "wheel", "yarrow",
)
TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
DEEPEST = 8
CHARACTERS_PER_TOKEN = 4
DIMENSIONS = 32
BLOCK_TOKENS = 16
"""Prefix caches work in blocks of this size; the mock's cached tokens are a multiple of it."""


def seed_of(*parts: bytes | int | str) -> int:
    """The same number for the same parts, in any process."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def write_reply(
    body: dict[str, Any], digest: bytes, *, words: int, texts: Sequence[str] = (), cut: bool = False
) -> dict[str, Any]:
    """A chat completion for a request body; `texts` replaces invented draws, `cut` ends each in mid-sentence."""
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    choices, produced = [], 0
    for index in range(int(body.get("n") or 1)):
        source = random.Random(seed_of(digest, index))
        text = texts[index % len(texts)] if texts else write_text(schema, source, words)
        if cut:
            text = text[: max(1, len(text) * 2 // 3)]
        produced += count_tokens(text)
        top = body.get("top_logprobs", 0)
        choices.append({
            "index": index, "finish_reason": "length" if cut else "stop",
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": write_logprobs(text, schema, top, source) if body.get("logprobs") else None,
        })
    return {
        "id": f"chatcmpl-{digest.hex()[:16]}", "object": "chat.completion", "created": 0,
        "model": body.get("model", "mock"), "choices": choices,
        "usage": write_usage(body.get("messages") or [], produced),
    }


def write_embeddings(body: dict[str, Any], *, cut: bool = False) -> dict[str, Any]:
    """A list of embeddings for a request body, like for like texts; `cut` leaves the last one out."""
    texts = texts_in(body)
    data = [{"object": "embedding", "index": index, "embedding": embed(text)} for index, text in enumerate(texts)]
    tokens = sum(count_tokens(text) for text in texts)
    return {
        "object": "list", "model": body["model"], "data": data[:-1] if cut else data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def texts_in(body: dict[str, Any]) -> list[str]:
    """The texts to be embedded; raises `ValueError` when there is none or one is no text."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("`input` is a text or a list of texts")
    return texts


def embed(text: str) -> list[float]:
    """A vector of length 1: how often runs of three bytes are there, dealt to a few dimensions by their hash."""
    raw = text.encode()
    counts = [0] * DIMENSIONS
    for place in range(max(1, len(raw) - 2)):
        counts[seed_of(raw[place : place + 3]) % DIMENSIONS] += 1
    length = math.hypot(*counts)
    return [count / length for count in counts]


def write_text(schema: dict[str, Any] | None, source: random.Random, words: int) -> str:
    """Free text, or JSON that the schema accepts."""
    if schema is None:
        return " ".join(source.choices(WORDS, k=words))
    return orjson.dumps(invent(schema, schema, source, words)).decode()


def count_tokens(text: str) -> int:
    """Roughly what a tokenizer would count."""
    return max(1, len(text) // CHARACTERS_PER_TOKEN)


def write_usage(messages: list[dict[str, Any]], produced: int) -> dict[str, Any]:
    """Tokens in and out; all messages but the last count as served from a warm prefix cache, in whole blocks."""
    sizes = [count_tokens(str(message.get("content") or "")) for message in messages]
    cached = sum(sizes[:-1]) // BLOCK_TOKENS * BLOCK_TOKENS
    return {
        "prompt_tokens": sum(sizes), "completion_tokens": produced, "total_tokens": sum(sizes) + produced,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def write_logprobs(text: str, schema: dict[str, Any] | None, top: int, source: random.Random) -> dict[str, Any]:
    """Log-probabilities per token, tokens that join to the text; rivals of a choice's first token are those of the others."""
    options = list(dict.fromkeys(head[0] for option in list_options(schema) if (head := TOKEN.findall(str(option)))))
    entries = []
    for token in TOKEN.findall(text):
        chance = source.uniform(0.5, 0.99)
        rivals = [rival for rival in (options if token in options else WORDS) if rival != token][: max(0, top - 1)]
        ranked = [(token, chance), *((rival, (1 - chance) / 2**rank) for rank, rival in enumerate(rivals, 1))]
        entries.append({
            "token": token, "logprob": math.log(chance), "bytes": list(token.encode()),
            "top_logprobs": [{"token": other, "logprob": math.log(share)} for other, share in ranked[:top]],
        })
    return {"content": entries, "refusal": None}


def list_options(node: Any) -> list[Any]:
    """Every value of every `enum` in a schema."""
    if isinstance(node, list):
        return [option for child in node for option in list_options(child)]
    if not isinstance(node, dict):
        return []
    found = list(node["enum"]) if isinstance(node.get("enum"), list) else []
    return found + [option for child in node.values() for option in list_options(child)]


def invent(node: dict[str, Any], root: dict[str, Any], source: random.Random, words: int, depth: int = 0) -> Any:
    """A value that a JSON schema accepts; `root` is where its references point."""
    if "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#").strip("/").split("/"):
            target = target[part] if part else target
        return invent(target, root, source, words, depth + 1)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return source.choice(node["enum"])
    if variants := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
        # Past a certain depth the plainest variant is taken, or a recursive schema would have no end.
        variant = min(variants, key=lambda one: len(repr(one))) if depth > DEEPEST else source.choice(variants)
        return invent(variant, root, source, words, depth + 1)
    kind = node.get("type", "object" if "properties" in node else "string")
    if isinstance(kind, list):
        kind = source.choice(kind)
    if kind == "object":
        properties = node.get("properties", {}).items()
        return {name: invent(child, root, source, words, depth + 1) for name, child in properties}
    if kind == "array":
        few = node.get("minItems", 0 if depth > DEEPEST else 1)
        count = source.randint(few, max(few, min(node.get("maxItems", few + 2), few if depth > DEEPEST else few + 2)))
        return [invent(node.get("items", {}), root, source, words, depth + 1) for _ in range(count)]
    return invent_scalar(kind, node, source, words)


def invent_scalar(kind: str, node: dict[str, Any], source: random.Random, words: int) -> Any:
    """A number, string, boolean or null within the schema's bounds."""
    if kind == "integer":
        low, high = read_bounds(node, 9)
        return source.randint(math.ceil(low), math.floor(high))
    if kind == "number":
        low, high = read_bounds(node, 1)
        return low + (high - low) * source.uniform(0.01, 0.99)
    if kind == "boolean":
        return source.random() < 0.5
    if kind == "null":
        return None
    text = " ".join(source.choices(WORDS, k=words)).ljust(node.get("minLength", 0), ".")
    return text[: node["maxLength"]] if "maxLength" in node else text


def read_bounds(node: dict[str, Any], span: float) -> tuple[float, float]:
    """The least and the greatest number that a schema allows; `span` apart where it leaves one of them open."""
    edge = 1 if node["type"] == "integer" else 0
    low = node["exclusiveMinimum"] + edge if "exclusiveMinimum" in node else node.get("minimum")
    high = node["exclusiveMaximum"] - edge if "exclusiveMaximum" in node else node.get("maximum")
    if low is None:
        low = 1 if high is None or high > 1 else high - span
    return low, low + span if high is None else high
