"""Calls in vLLM's words, and its outputs in ours."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.models.strict_schema import strict_schema
from pipeline.models.vllm_start import first_line
from schemas.errors import EngineError, Transient, Unanswerable, nearest
from schemas.models import ModelSpec
from schemas.requests import Call, Choice, Completion, Draw, Json, Score, TokenLogprob, Usage

RESERVED = frozenset({"n", "logprobs", "prompt_logprobs", "structured_outputs", "output_kind", "detokenize"})
"""Parameters that decide how an output is read; a recipe's `options` may not set them."""
TEMPLATE_OPTIONS = ("chat_template", "chat_template_kwargs")
FINISHED = frozenset({"stop", "length", "repetition"})


class Words:
    """What the `options` of a model add to every call: sampling extras, and how messages become a prompt.

    An option that is null leaves its parameter to vLLM, as with the engine for servers.
    """

    def __init__(self, spec: ModelSpec) -> None:
        from vllm.renderers import ChatParams
        from vllm.sampling_params import SamplingParams

        template, variables = (spec.options.get(name) for name in TEMPLATE_OPTIONS)
        if template is not None and "{" not in template:
            raise EngineError(f"option `chat_template` of model {spec.model!r} must be a template, not the path of one")
        self.chat = ChatParams(
            chat_template=template,
            chat_template_kwargs={"add_generation_prompt": True, "tokenize": False, **(variables or {})},
        )
        self._options = {name: value for name, value in spec.options.items() if name not in TEMPLATE_OPTIONS}
        known = {name for name in SamplingParams.__struct_fields__ if not name.startswith("_")} - RESERVED
        for name in self._options:
            if name in RESERVED:
                raise EngineError(f"option `{name}` of model {spec.model!r} is set by prefmill; remove it")
            if name not in known:
                hint = nearest(name, {*known, *TEMPLATE_OPTIONS})
                raise EngineError(f"unknown option `{name}` of model {spec.model!r}{hint}")
        try:
            SamplingParams(**{name: value for name, value in self._options.items() if value is not None})
        except Exception as error:
            raise EngineError(f"vLLM refuses the options of model {spec.model!r}: {first_line(error)}") from None

    def write(self, call: Call) -> Any:
        """The `SamplingParams` of a call."""
        from vllm.sampling_params import RequestOutputKind, SamplingParams

        request = call.request
        if isinstance(request.shape, Score):
            # The text is part of what is read; one token has to be written all the same.
            return SamplingParams(
                max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )  # fmt: skip
        sampling = request.sampling
        parameters: dict[str, Any] = {
            "n": sampling.n, "temperature": sampling.temperature, "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens, "seed": call.seed, "logprobs": request.logprobs or None,
        }
        parameters |= self._options
        parameters = {name: value for name, value in parameters.items() if value is not None}
        if parameters.get("temperature") == 0:
            if sampling.n > 1:
                raise Unanswerable("bad_request", f"{sampling.n} draws at temperature 0 would all be one; ask for one")
            parameters.pop("seed", None)
        if isinstance(request.shape, Choice | Json):
            parameters["structured_outputs"] = _constraint(request.shape)
        return SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **parameters)


def _constraint(shape: Choice | Json) -> Any:
    from vllm.sampling_params import StructuredOutputsParams

    if isinstance(shape, Choice):
        return StructuredOutputsParams(choice=list(shape.options))
    return StructuredOutputsParams(json=_schema(shape))


@functools.lru_cache(maxsize=1024)
def _schema(shape: Json) -> str:
    # The schema that a server is asked for, so that one model answers alike behind either engine.
    return json.dumps(strict_schema(shape.reply, hosted=False)[0])


def read_output(output: Any, model: str) -> Completion:
    """A finished `RequestOutput` as a completion; raises `Transient` when a draw was cut off by the engine's end."""
    draws = tuple([_read_draw(draw) for draw in sorted(output.outputs, key=lambda draw: draw.index)])
    produced = sum([draw.tokens for draw in draws])
    return Completion(draws, model, Usage(1, len(output.prompt_token_ids), produced, output.num_cached_tokens or 0))


def read_score(output: Any, text: str, count: int, model: str) -> Completion:
    """The log-probability of the last `count` tokens of what a finished `RequestOutput` read, as that of a text."""
    given = zip(output.prompt_token_ids[-count:], output.prompt_logprobs[-count:], strict=True)
    draw = Draw(text, tokens=count, logprob=sum([float(here[token].logprob) for token, here in given]))
    return Completion((draw,), model, Usage(1, len(output.prompt_token_ids), 1, output.num_cached_tokens or 0))


def _read_draw(draw: Any) -> Draw:
    if draw.finish_reason not in FINISHED:
        raise Transient(f"vLLM gave a draw up ({draw.finish_reason})")
    if draw.logprobs is None:
        return Draw(draw.text, draw.finish_reason, len(draw.token_ids))
    tokens = _read_logprobs(draw.token_ids, draw.logprobs)
    return Draw(draw.text, draw.finish_reason, len(draw.token_ids), None, draw.cumulative_logprob, tokens)


def _read_logprobs(token_ids: Sequence[int], logprobs: Sequence[Mapping[int, Any]]) -> tuple[TokenLogprob, ...]:
    read = []
    for token_id, candidates in zip(token_ids, logprobs, strict=True):
        alternatives: dict[str, float] = {}
        for candidate in candidates.values():
            # Tokens that a constraint rules out come with minus infinity; of two with one text the likelier is first.
            if math.isfinite(candidate.logprob):
                alternatives.setdefault(candidate.decoded_token or "", candidate.logprob)
        drawn = candidates[token_id]
        read.append(TokenLogprob(drawn.decoded_token or "", drawn.logprob, alternatives))
    return tuple(read)
