"""Chat completions on the wire: a call as a request body, and a reply's body as a `Completion`.

A `Json` shape is asked as a strict `json_schema`. A `Choice` is asked as the object `{"choice": <one of them>}`, which
OpenAI, `vllm serve` and the rest all understand, and is unwrapped here: the draw's text is the bare choice and its
log-probabilities are those of the choice's own tokens, as if it had been asked bare.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline.models.embeddings import EMBEDDING_FIELDS, embedding_body, read_embeddings
from pipeline.models.logprobs import read_span, read_tokens, token_after
from pipeline.models.replies import BadReply, read_usage
from pipeline.models.strict_schema import strict_schema
from schemas.errors import EngineError, Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Choice, Completion, Draw, Embed, Json, TokenLogprob, Usage

RESERVED = frozenset({"model", "messages", "n", "stream", "response_format", "logprobs", "top_logprobs", *EMBEDDING_FIELDS})
"""Fields that decide how a reply is read; a recipe's `options` may not set them."""
CHOSEN = re.compile(r'"choice"\s*:\s*"((?:[^"\\]|\\.)*)"')
NAME_LENGTH = 64


class Chat:
    """Writes calls to one model as bodies of `chat/completions`, or of `embeddings` where vectors are wanted.

    Options of the recipe are added as they are. `max_completion_tokens: true` names the token limit so; an option that
    is null leaves its field out (`temperature: null`, for models that accept none). `hosted` says that the server is
    OpenAI's own, which knows fewer JSON schema keywords than the engines one runs oneself.
    """

    def __init__(self, spec: ModelSpec, *, hosted: bool = False) -> None:
        options = dict(spec.options)
        self._limit_field = "max_completion_tokens" if options.pop("max_completion_tokens", False) else "max_tokens"
        if wrong := sorted(RESERVED & options.keys()):
            raise EngineError(f"option `{wrong[0]}` of model {spec.model!r} is set by prefmill; remove it")
        self._dropped = tuple(name for name, value in options.items() if value is None)
        self._added = {name: value for name, value in options.items() if value is not None}
        self._hosted = hosted

    def write(self, call: Call) -> bytes:
        """The body of a call."""
        request = call.request
        if isinstance(request.shape, Embed):
            return _dump(embedding_body(call) | self._added)
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": call.model, "messages": call.messages, "temperature": sampling.temperature,
            "top_p": sampling.top_p, self._limit_field: sampling.max_tokens, "n": sampling.n,
        }
        if sampling.temperature > 0:
            body["seed"] = call.seed
        if request.logprobs:
            body["logprobs"], body["top_logprobs"] = True, request.logprobs
        if isinstance(request.shape, Choice | Json):
            body["response_format"] = _response_format(request.shape, self._hosted)
        body.update(self._added)
        for name in self._dropped:
            body.pop(name, None)
        return _dump(body)


def _dump(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise Unanswerable("bad_request", f"the prompt cannot be sent: {error}") from None


@functools.lru_cache(maxsize=1024)
def _response_format(shape: Choice | Json, hosted: bool) -> orjson.Fragment:
    if isinstance(shape, Json):
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", shape.reply.__name__).lower()[:NAME_LENGTH]
        schema, strict = strict_schema(shape.reply, hosted=hosted)
    else:
        name, strict = "choice", True
        schema = {
            "type": "object", "properties": {"choice": {"type": "string", "enum": list(shape.options)}},
            "required": ["choice"], "additionalProperties": False,
        }
    wanted = {"type": "json_schema", "json_schema": {"name": name, "strict": strict, "schema": schema}}
    return orjson.Fragment(orjson.dumps(wanted))


def read_completion(raw: bytes, call: Call) -> Completion:
    """A reply's body as a completion; raises `BadReply` when it is none, `Unanswerable` when every draw was refused.

    A draw that was refused beside others that were not has an empty text and the finish reason `content_filter`.
    """
    if isinstance(call.request.shape, Embed):
        return read_embeddings(raw, call)
    paid = Usage(calls=1)
    try:
        reply = orjson.loads(raw)
        paid = read_usage(reply.get("usage") or {})
        if "choices" not in reply and "error" in reply:
            raise BadReply(f"an error under status 200: {reply['error']}", paid)
        choices: list[dict[str, Any]] = reply["choices"]
        wanted = call.request.sampling.n
        if len(choices) < wanted:
            raise BadReply(f"{len(choices)} of the {wanted} draws asked for", paid)
        if len(choices) > 1:
            choices = sorted(choices, key=lambda choice: int(choice["index"]))[:wanted]
        draws = tuple([_read_draw(choice, call, paid.tokens_out // wanted) for choice in choices])
        refusals = [_refusal(choice) for choice in choices]
        model = str(reply.get("model") or call.model)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadReply(f"a reply that is no chat completion ({type(error).__name__})", paid) from None
    if None not in refusals:
        raise Unanswerable("refused", refusals[0] or "")
    return Completion(draws, model, paid)


def _refusal(choice: Mapping[str, Any]) -> str | None:
    """Why a draw was refused, as one line, or None."""
    if refusal := choice["message"].get("refusal"):
        return str(refusal).strip().partition("\n")[0]
    return "stopped by the server's content filter" if choice.get("finish_reason") == "content_filter" else None


def _read_draw(choice: Mapping[str, Any], call: Call, share: int) -> Draw:
    """One draw; `share` is its part of all tokens produced, used when nothing tells its own."""
    if _refusal(choice) is not None:
        return Draw("", "content_filter", share)
    text = choice["message"]["content"] or ""
    if not isinstance(text, str):
        raise TypeError("content is not text")
    finish_reason = choice.get("finish_reason") or "stop"
    entries = (choice.get("logprobs") or {}).get("content") or ()
    count = len(entries) if entries and call.request.sampling.n > 1 else share
    ending: TokenLogprob | None = None
    if isinstance(call.request.shape, Choice) and (chosen := CHOSEN.search(text)):
        tokens = read_span(entries, text, *chosen.span(1))
        ending = token_after(entries, text, chosen.end(1))
        text = orjson.loads(f'"{chosen.group(1)}"')
    else:
        tokens = read_tokens(entries)
    if not tokens:
        return Draw(text, finish_reason, count)
    return Draw(text, finish_reason, count, None, sum([token.logprob for token in tokens]), tokens, ending)
