"""What a server's error means: try again, give this call up, or give the server up.

| status                                   | means                                                              |
|------------------------------------------|--------------------------------------------------------------------|
| 408, 409, 425, 429, 5xx                  | `Setback`: try again, after `Retry-After` if there is one          |
| 401, 402, 403, 404, 405, 3xx, no quota   | `EngineError`: no call will succeed                                |
| 400 for a parameter the model lacks      | `EngineError` too: it would befall every call                      |
| 413, or words about the context's length | `Unanswerable`, `prompt_too_long`                                  |
| a filter's verdict on the prompt         | `Unanswerable`, `refused`                                          |
| any other 4xx                            | `Unanswerable`, `bad_request`                                      |

Servers quote what they were sent, keys included, so every text of theirs passes `Server.hush` first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from schemas.errors import EngineError, Unanswerable, nearest
from schemas.requests import Usage

NOTHING = Usage()
QUOTED_CHARACTERS = 300
TRY_AGAIN = frozenset({408, 409, 425, 429})
OVERLOADED = frozenset({429, 503, 529})
NO_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
TOO_LONG = re.compile(
    r"context.?(length|window|size)|(prompt|input|request) (is )?too (long|large)|too many (input |prompt )?tokens"
    r"|maximum (input|prompt|model) length|reduce the length|max_model_len",
    re.IGNORECASE,
)
FILTERED = re.compile(r"content.?(filter|policy|management)|moderation|flagged", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setback:
    """An attempt that gave no answer but leaves hope; `usage` is what it cost; `is_final`: do not retry."""

    cause: str
    wait_seconds: float | None = None
    is_overload: bool = False
    is_final: bool = False
    usage: Usage = NOTHING


@dataclass(frozen=True, slots=True)
class Server:
    """A server as error messages name it; `models` are those it listed, the key is kept from every text."""

    url: str
    key_env: str
    key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()

    def hush(self, text: str) -> str:
        """The first line of a server's text, shortened, without our key."""
        if self.key:
            text = text.replace(self.key, "…")
        line = text.strip().partition("\n")[0].strip()
        return line if len(line) <= QUOTED_CHARACTERS else line[:QUOTED_CHARACTERS] + "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error's body; servers disagree on where they put what."""

    message: str
    code: str = ""
    param: str = ""


def read_error(status: int, headers: Mapping[str, str], raw: bytes, *, server: Server, model: str) -> Setback:
    """The setback that a status other than 2xx is; raises `Unanswerable` or `EngineError` when it is worse."""
    problem = _read_problem(raw, server)
    said = f"{status} {problem.message}".strip()
    if status == 402 or problem.code in NO_QUOTA:
        raise EngineError(f"{server.url} will not serve us until it is paid: {said}")
    if status == 429 and TOO_LONG.search(problem.message):
        raise Unanswerable("prompt_too_long", problem.message)
    if status in TRY_AGAIN or status >= 500 or headers.get("x-should-retry") == "true":
        is_final = headers.get("x-should-retry") == "false"
        return Setback(said, read_retry_after(headers), status in OVERLOADED, is_final)
    if status in (400, 403, 422) and (FILTERED.search(problem.code) or FILTERED.search(problem.message)):
        raise Unanswerable("refused", problem.message)
    if status == 413 or problem.code == "context_length_exceeded" or TOO_LONG.search(problem.message):
        raise Unanswerable("prompt_too_long", problem.message or said)
    _refuse_all(status, headers, problem, server=server, model=model)
    raise Unanswerable("bad_request", said)


def _refuse_all(status: int, headers: Mapping[str, str], problem: Problem, *, server: Server, model: str) -> None:
    """Raise `EngineError` when the error is not about this call but about all of them."""
    if status == 401:
        # A server may quote part of the key here, masked in a way that no search finds: its words are left out.
        doing = f"does not accept the key in `{server.key_env}`" if server.key else f"wants a key in `{server.key_env}`"
        raise EngineError(f"{server.url} {doing} (401)")
    if status == 403:
        raise EngineError(f"{server.url} forbids what we ask with the key in `{server.key_env}`: 403 {problem.message}")
    if 300 <= status < 400:
        target = server.hush(headers.get("location", "elsewhere").partition("?")[0])
        raise EngineError(f"{server.url} sends us on to {target} ({status}); name that as `base_url`")
    if status in (404, 405):
        if server.models and model not in server.models:
            raise EngineError(f"{server.url} has no model {model!r}{nearest(model, server.models)}")
        hint = "" if server.models else "; does `base_url` end as the server's documentation says, most often in `/v1`?"
        raise EngineError(f"{server.url} cannot answer for model {model!r}: {status} {problem.message}{hint}")
    if problem.code in ("unsupported_parameter", "unsupported_value"):
        way_out = f"; `options: {{{problem.param}: null}}` leaves it out" if problem.param else ""
        raise EngineError(f"model {model!r} at {server.url} refuses a parameter: {problem.message}{way_out}")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """How many seconds the server asks us to wait, from `retry-after-ms` or `retry-after` (seconds or a date)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if not text:
            continue
        try:
            seconds = float(text) / unit
        except ValueError:
            try:
                date = parsedate_to_datetime(text)
            except ValueError:
                continue
            seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _read_problem(raw: bytes, server: Server) -> Problem:
    try:
        body: Any = orjson.loads(raw)
    except ValueError:
        return Problem(server.hush(raw.decode("utf-8", "replace")))
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return Problem(server.hush(str(error)))
    message = error.get("message") or error.get("detail") or error
    code = next((value for value in (error.get("code"), error.get("type")) if isinstance(value, str)), "")
    return Problem(server.hush(str(message)), code, str(error.get("param") or ""))
