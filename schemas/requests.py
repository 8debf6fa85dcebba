"""What a strategy asks of a model, and what comes back."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from schemas.rows import Message


@dataclass(frozen=True, slots=True)
class Text:
    """Free text is wanted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of these strings is wanted."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON object is wanted that this pydantic model accepts; engines constrain decoding with its JSON schema."""

    reply: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Score:
    """Nothing is to be written: how likely this text would have been as the reply is wanted.

    The one draw has that text, its number of tokens, and as `logprob` their sum; the token that ends a turn is none.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Embed:
    """Nothing is to be written: the vector of each message is wanted, on its own and whatever its role.

    The one draw has as `data` a tuple of vectors, one for each message in order: tuples of finite floats, all of one
    length that is not 0.
    """


Shape = Text | Choice | Json | Score | Embed

CAGE = "cage"
"""The alias of a request that no model answers: `prompt` names a program of the cage, `variables` are its job.

It costs nothing and counts as no call; the reply is JSON. No recipe may give a model this name.
"""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw: temperature (0 = greedy), top_p in (0, 1], `n` draws that share one prefill, token limit each."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    n: int = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one model: a prompt template by name (`judge/pairwise`), its variables and the reply's shape.

    `model` is an alias of the recipe. `logprobs` asks for that many alternatives at each token. `salt` tells apart two
    requests that would otherwise be the same (votes k of the same question): it enters the seed, not the prompt.
    """

    prompt: str
    variables: Mapping[str, Any]
    model: str
    shape: Shape = field(default_factory=Text)
    sampling: Sampling = field(default_factory=Sampling)
    logprobs: int = 0
    salt: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A request made concrete for an engine: rendered messages, the real model name, a seed, and its hash.

    With `is_counted` an engine does not ask again by itself once a call was paid for: it raises `Wasted`.
    """

    request: Request
    messages: list[Message]
    model: str
    seed: int
    key: str
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The log-probability (nats) of one produced token and of its alternatives."""

    token: str
    logprob: float
    alternatives: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draw:
    """One sampled reply. `data` is the validated object when the request's shape was `Json`, vectors when it was `Embed`.

    `logprob` is None and `logprobs` empty where none were asked for, or the server's do not spell the text. `ending` is
    the token that ended a choice, where it is told: by it `1` is known from `10`.
    """

    text: str
    finish_reason: str = "stop"
    tokens: int = 0
    data: Any = None
    logprob: float | None = None
    logprobs: Sequence[TokenLogprob] = ()
    ending: TokenLogprob | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used: tokens in, out and (part of in) served from a prefix cache; calls made; money spent."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_cached + other.tokens_cached,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """The reply to one request: `n` draws in order, the name of the model that gave them, and what they used."""

    draws: tuple[Draw, ...]
    model: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        """The first draw's text."""
        return self.draws[0].text

    @property
    def data(self) -> Any:
        """The first draw's parsed object."""
        return self.draws[0].data


Result = TypeVar("Result")
Asking = Generator[list[Request], list[Completion], Result]
"""A strategy at work: it yields rounds of requests, is sent their completions in the same order, returns its answer."""
