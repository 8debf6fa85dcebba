"""Embeddings on the wire: a call as a body of `embeddings`, and the reply's body as a `Completion` that carries vectors."""

from __future__ import annotations

import math
from typing import Any

import orjson

from pipeline.models.replies import BadReply, read_usage
from schemas.requests import Call, Completion, Draw, Usage

EMBEDDING_FIELDS = ("input", "encoding_format")
"""Fields that decide how a reply is read; a recipe's `options` may not set them."""


def embedding_body(call: Call) -> dict[str, Any]:
    """The body of a call: each of its messages is a text of its own."""
    texts = [message["content"] for message in call.messages]
    return {"model": call.model, "input": texts, "encoding_format": "float"}


def read_embeddings(raw: bytes, call: Call) -> Completion:
    """A reply's body as one draw with the vectors of the messages in order; raises `BadReply` when it is none."""
    paid, wanted = Usage(calls=1), len(call.messages)
    try:
        reply = orjson.loads(raw)
        paid = read_usage(reply.get("usage") or {})
        if "data" not in reply and "error" in reply:
            raise BadReply(f"an error under status 200: {reply['error']}", paid)
        entries: list[dict[str, Any]] = sorted(reply["data"], key=lambda entry: int(entry["index"]))
        if [entry["index"] for entry in entries] != list(range(wanted)):
            raise BadReply(f"not one vector for each of {wanted} texts, but {len(entries)}", paid)
        vectors = tuple([_read_vector(entry["embedding"]) for entry in entries])
        model = str(reply.get("model") or call.model)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadReply(f"a reply that is no list of embeddings ({type(error).__name__})", paid) from None
    if len({len(vector) for vector in vectors}) > 1:
        raise BadReply("vectors of unequal lengths", paid)
    return Completion((Draw("", data=vectors),), model, paid)


def _read_vector(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or not values:
        raise TypeError("a vector is a list of numbers")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TypeError("a vector has only numbers")
    return tuple([float(value) for value in values])
