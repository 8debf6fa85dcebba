"""The models of one build: renders requests, asks engines, checks the shape of replies, keeps the bill."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from pydantic import ValidationError

from pipeline.models.budget import Allowance
from pipeline.models.cage import Cage
from pipeline.models.engine import Engine, open_engine
from pipeline.models.places import Places
from prompts.library import Template
from schemas.errors import AttemptError, Unanswerable, Wasted
from schemas.fingerprints import derive_seed, identify
from schemas.models import ModelSpec
from schemas.requests import CAGE, Call, Choice, Completion, Draw, Embed, Json, Request, Score, Shape, Usage

SURROGATE = re.compile("[\ud800-\udfff]")
CHAT_TOKENS = 256
"""More tokens than a chat template adds to a call's messages, or a tokenizer to a text to be embedded."""
LENGTH_OPTIONS = ("max_tokens", "max_completion_tokens")
SHAPE_ATTEMPTS = 4
"""How often a reply of the wrong shape is asked for again before the unit fails."""


class ModelPool:
    """Answers requests by alias. An engine is opened by its first request, so a build with nothing to do opens none."""

    def __init__(self, specs: Mapping[str, ModelSpec]) -> None:
        self._specs = dict(specs)
        self._engines: dict[str, asyncio.Task[Engine]] = {}
        self._keys = {alias: spec.model_dump_json() for alias, spec in self._specs.items()}
        self._identities = {alias: spec.identity() for alias, spec in self._specs.items()}
        self._places = {self._keys[alias]: Places(spec.concurrency) for alias, spec in self._specs.items()}
        self._cage = Cage()

    async def ask(
        self, request: Request, templates: Mapping[str, Template], allowance: Allowance | None = None
    ) -> Completion:
        """The checked completion of one request, with the usage of all its attempts; `allowance` is what may be spent.

        Raises `Unanswerable("truncated_reply")` or `Unanswerable("unparsable_reply")` when the shape cannot be had, and
        whatever the engine raises. A cut reply is not asked for again when the token limit cut it: it would be cut again.
        """
        if request.model == CAGE:
            caged = await self._cage.complete(request)
            return replace(caged, draws=tuple(_shaped(draw, request.shape) for draw in caged.draws))
        spec = self._specs[request.model]
        engine = await self._engine(request.model)
        call = self._call(request, templates[request.prompt], spec)
        used = Usage()
        problem = ""
        for attempt in range(SHAPE_ATTEMPTS):
            seeded = call if attempt == 0 else replace(call, seed=derive_seed(call.key, attempt))
            try:
                completion = await _complete(engine, seeded, spec, allowance, foreseen=attempt == 0)
            except AttemptError as unanswered:
                unanswered.usage = used + (unanswered.usage or Usage())
                raise
            used += completion.usage
            try:
                draws = tuple(_shaped(_storable(draw), request.shape) for draw in completion.draws)
            except ValueError as wrong:
                problem = str(wrong).splitlines()[0]
                if any(draw.finish_reason == "length" for draw in completion.draws):
                    raise _spent(
                        "truncated_reply", f"the reply was cut at {request.sampling.max_tokens} tokens", used
                    ) from None
                continue
            return Completion(draws, completion.model or call.model, used)
        raise _spent("unparsable_reply", f"{SHAPE_ATTEMPTS} replies, none of the asked shape: {problem}", used)

    def most_cost(self, request: Request, templates: Mapping[str, Template]) -> float:
        """The most that one request can cost, if it is answered at the first attempt; what runs in the cage is free."""
        if request.model == CAGE:
            return 0.0
        spec = self._specs[request.model]
        return _most_cost(self._call(request, templates[request.prompt], spec), spec)

    def room(self, aliases: Sequence[str], calls: int) -> int:
        """How many units that each make so many calls may be under way at these models at once."""
        return min(max(1, self._places[key].count // share) for key, share in self._shares(aliases, calls).items())

    @asynccontextmanager
    async def places(self, aliases: Sequence[str], calls: int) -> AsyncIterator[None]:
        """Places for all calls of one unit, to be held until it is committed.

        So a kill never loses more paid calls than may be in flight.
        """
        async with AsyncExitStack() as held:
            for key, share in self._shares(aliases, calls).items():
                await held.enter_async_context(self._places[key].taken(share))
            yield

    async def close(self) -> None:
        """Close every engine that was opened."""
        for opening in self._engines.values():
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                await opening.result().close()
            else:
                opening.cancel()
        self._engines.clear()
        await self._cage.close()

    def _shares(self, aliases: Sequence[str], calls: int) -> dict[str, int]:
        """How many of a unit's calls go to each model; in one order, so that no two units wait for each other."""
        keys = sorted(self._keys[alias] for alias in aliases)
        return {key: max(1, -(-calls * keys.count(key) // len(keys))) for key in keys}

    async def _engine(self, alias: str) -> Engine:
        """The engine of an alias; aliases that name the same model on the same engine share one."""
        key = self._keys[alias]
        if key not in self._engines:
            self._engines[key] = asyncio.create_task(open_engine(self._specs[alias]))
        opening = self._engines[key]
        return opening.result() if opening.done() else await asyncio.shield(opening)

    def _call(self, request: Request, template: Template, spec: ModelSpec) -> Call:
        messages = template.render(request.variables)
        sampling = request.sampling
        key = identify(
            "requests",
            messages,
            self._identities[request.model],
            _shape_name(request.shape),
            [sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.n],
            request.logprobs,
            request.salt,
        )
        return Call(request, messages, spec.model, derive_seed(key, 0), key)


async def _complete(
    engine: Engine, call: Call, spec: ModelSpec, allowance: Allowance | None, *, foreseen: bool
) -> Completion:
    """The reply to a call, with the price of all it took; a limit is asked before each call that nobody foresaw."""
    if allowance is None or not allowance.budgets:
        return await _priced(engine, call, spec, allowance, foreseen=foreseen)
    counted, used = replace(call, is_counted=True), Usage()
    for attempt in range(spec.attempts):
        try:
            if foreseen and attempt == 0:
                completion = await _priced(engine, counted, spec, allowance, foreseen=True)
            else:
                async with allowance.one_more(_most_cost(call, spec)):
                    completion = await _priced(engine, counted, spec, allowance, foreseen=False)
            return replace(completion, usage=used + completion.usage)
        except AttemptError as unanswered:
            used += unanswered.usage or Usage()
            unanswered.usage = used
            if not isinstance(unanswered, Wasted) or attempt + 1 == spec.attempts:
                raise
    raise AssertionError("a model is asked at least once")


async def _priced(
    engine: Engine, call: Call, spec: ModelSpec, allowance: Allowance | None, *, foreseen: bool
) -> Completion:
    try:
        completion = await engine.complete(call)
    except AttemptError as unanswered:
        if unanswered.usage is not None:
            paid = unanswered.usage = _with_cost(unanswered.usage, spec)
            if allowance is not None:
                # A reply cut off before it told its tokens may have cost the most that it can.
                told = paid if paid.tokens_in else replace(paid, cost=_most_cost(call, spec))
                allowance.spend(told, foreseen=foreseen)
        raise
    completion = replace(completion, usage=_with_cost(completion.usage, spec))
    if allowance is not None:
        allowance.spend(completion.usage, foreseen=foreseen)
    return completion


def _with_cost(usage: Usage, spec: ModelSpec) -> Usage:
    return replace(usage, cost=price_of(usage, spec))


def _most_cost(call: Call, spec: ModelSpec) -> float:
    """The most that a call can cost: no token is shorter than a byte, no reply longer than its limit, vectors no token."""
    size = sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in call.messages)
    if isinstance(call.request.shape, Embed):
        return price_of(Usage(1, size + CHAT_TOKENS * len(call.messages)), spec)
    limits = [call.request.sampling.max_tokens]
    limits += [value for name in LENGTH_OPTIONS if isinstance(value := spec.options.get(name), int)]
    return price_of(Usage(1, size + CHAT_TOKENS, max(limits) * call.request.sampling.n), spec)


def _spent(reason: str, detail: str, usage: Usage) -> Unanswerable:
    """Unanswerable, but calls were paid for."""
    problem = Unanswerable(reason, detail)
    problem.usage = usage
    return problem


def usage_of(problem: BaseException) -> Usage:
    """What a failed request used."""
    return (problem.usage or Usage()) if isinstance(problem, AttemptError) else Usage()


def price_of(usage: Usage, spec: ModelSpec) -> float:
    """Money for these tokens at the model's price."""
    price = spec.price
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = usage.tokens_in - usage.tokens_cached
    return (fresh * price.input + usage.tokens_cached * cached_price + usage.tokens_out * price.output) / 1e6


def _storable(draw: Draw) -> Draw:
    """The draw without what no table can hold: half a character, a log-probability that is no number."""
    text = SURROGATE.sub("\ufffd", draw.text)
    logprob = draw.logprob if draw.logprob is None or math.isfinite(draw.logprob) else None
    return draw if text == draw.text and logprob == draw.logprob else replace(draw, text=text, logprob=logprob)


def _shaped(draw: Draw, shape: Shape) -> Draw:
    """The draw with its parsed data; raises `ValueError` when the text has another shape."""
    match shape:
        case Json(reply):
            try:
                return replace(draw, data=reply.model_validate_json(draw.text))
            except ValidationError as problem:
                raise ValueError(problem.errors(include_url=False, include_context=False)[0]["msg"]) from None
        case Choice(options):
            if draw.text not in options:
                raise ValueError(f"{draw.text[:40]!r} is not one of {', '.join(options)}")
    return draw


def _shape_name(shape: Shape) -> str | list[str]:
    match shape:
        case Json(reply):
            return reply.__name__
        case Choice(options):
            return list(options)
        case Score(text):
            return ["score", text]
        case Embed():
            return ["embed"]
    return "text"
