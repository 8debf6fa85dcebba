"""The engine: every prompt that ships has a function that plays it."""

from __future__ import annotations

import math

from pydantic import ValidationError

from pipeline.models.rehearsal.answers import ANSWERS
from pipeline.models.rehearsal.measure import SCORES, embed
from pipeline.models.rehearsal.options import Dice, Options, Played
from schemas.errors import EngineError, nearest
from schemas.models import ModelSpec
from schemas.requests import Call, Completion, Draw, Embed, Request, Score, TokenLogprob, Usage
from schemas.tokens import estimate_tokens


class Rehearsal:
    """The rehearsal engine."""

    def __init__(self, spec: ModelSpec, options: Options) -> None:
        self._model, self._options = spec.model, options

    @classmethod
    async def open(cls, spec: ModelSpec) -> Rehearsal:
        """Check the options; there is nothing to start. Options meant for the model rehearsed are not ours to judge."""
        if spec.model.startswith("rehearsal:"):
            return cls(spec, Options())
        try:
            return cls(spec, Options.model_validate(spec.options))
        except ValidationError as problem:
            first = problem.errors(include_url=False)[0]
            name = str(first["loc"][0])
            way = nearest(name, Options.model_fields) if first["type"] == "extra_forbidden" else f": {first['msg']}"
            raise EngineError(f"the rehearsal model has a wrong option `{name}`{way}") from None

    async def complete(self, call: Call) -> Completion:
        """Answer from the variables of the request; raises `EngineError` for a prompt that has no rehearsal."""
        if isinstance(call.request.shape, Score):
            return self._score(call, call.request.shape.text)
        if isinstance(call.request.shape, Embed):
            return self._embed(call)
        answer = ANSWERS.get(call.request.prompt)
        if answer is None:
            raise EngineError(
                f"the rehearsal model cannot play {call.request.prompt!r}; it knows {', '.join(sorted(ANSWERS))}"
            )
        count = call.request.sampling.n
        is_greedy = call.request.sampling.temperature == 0
        draws = []
        for number in range(count):
            # The key carries the rendered prompt, so another prompt gives another draw; greedy decoding has no seed.
            dice = Dice(self._model, call.key, 0 if is_greedy else call.seed, number, is_greedy=is_greedy)
            draws.append(_draw(answer(call.request.variables, dice, self._options), call.request, dice))
        tokens_in = sum(estimate_tokens(message["content"]) for message in call.messages)
        tokens_out = sum(draw.tokens for draw in draws)
        return Completion(tuple(draws), self._model, Usage(calls=1, tokens_in=tokens_in, tokens_out=tokens_out))

    def _score(self, call: Call, text: str) -> Completion:
        """How likely a text is; its words are its tokens."""
        scorer = SCORES.get(call.request.prompt)
        if scorer is None:
            raise EngineError(
                f"the rehearsal model cannot score {call.request.prompt!r}; it knows {', '.join(sorted(SCORES))}"
            )
        words = scorer(call.request.variables, text, Dice(self._model, call.key))
        tokens_in = sum(estimate_tokens(message["content"]) for message in call.messages) + len(words)
        draw = Draw(text, tokens=len(words), logprob=sum(words))
        return Completion((draw,), self._model, Usage(calls=1, tokens_in=tokens_in))

    def _embed(self, call: Call) -> Completion:
        """A vector for each message."""
        vectors = tuple(embed(message["content"], self._model) for message in call.messages)
        tokens_in = sum(estimate_tokens(message["content"]) for message in call.messages)
        return Completion((Draw("", data=vectors),), self._model, Usage(calls=1, tokens_in=tokens_in))

    async def close(self) -> None:
        """Nothing to let go of."""


def _draw(played: Played, request: Request, dice: Dice) -> Draw:
    """A draw of what was played: greedy decoding takes the likeliest option, else the dice do. One option is one token."""
    if isinstance(played, str):
        return Draw(played, tokens=estimate_tokens(played))
    likely = {option: math.log(share) for option, share in sorted(played.items()) if share > 0}
    text = dice.pick(played)
    if not request.logprobs:
        return Draw(text, tokens=1)
    return Draw(text, tokens=1, logprob=likely[text], logprobs=(TokenLogprob(text, likely[text], likely),))
