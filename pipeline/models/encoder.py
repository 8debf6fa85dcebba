"""Models in this process that turn texts into vectors and do nothing else; calls that wait are encoded together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from schemas.errors import EngineError, Unanswerable, nearest
from schemas.models import FILES, ModelSpec
from schemas.requests import Call, Completion, Draw, Embed, Usage
from schemas.tokens import estimate_tokens

MOST_TEXTS = 1024
"""So many texts are encoded at once, at most: a call that has come meanwhile does not wait for all others."""
Waiting = tuple[Call, "asyncio.Future[Completion]"]


class Encoder:
    """One embedding model, ready to be asked. `encode` turns texts into a numpy array, one row each.

    It runs in a thread of its own, one batch after the other: tokenizers keep settings that two threads would share.
    Texts of any length are taken; what is beyond the model's own limit is cut by the model.
    """

    def __init__(self, spec: ModelSpec, encode: Callable[[list[str]], Any]) -> None:
        self._spec, self._encode = spec, encode
        self._name = name_of(spec)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self._waiting: list[Waiting] = []
        self._encoding: asyncio.Task[None] | None = None

    async def complete(self, call: Call) -> Completion:
        """The vectors of a call's messages; raises `EngineError` for any other request, and when the model breaks."""
        if not isinstance(call.request.shape, Embed):
            raise EngineError(
                f"model {self._spec.model!r} only turns texts into vectors (engine `{self._spec.engine}`) and cannot answer "
                f"{call.request.prompt!r}; give that step another model"
            )
        done: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, done))
        if self._encoding is None or self._encoding.done():
            self._encoding = asyncio.create_task(self._encode_waiting())
        return await done

    async def close(self) -> None:
        """Let what is being encoded come to its end."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _encode_waiting(self) -> None:
        """Answer all that wait, as many at once as may be."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(0)  # those that were called in this turn of the loop come along
            batch = self._next_batch()
            texts = [message["content"] for call, _ in batch for message in call.messages]
            try:
                rows = await loop.run_in_executor(self._thread, self._rows, texts)
            except EngineError as problem:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(problem)
                continue
            start = 0
            for call, done in batch:
                end = start + len(call.messages)
                if not done.done():
                    self._answer(call, rows[start:end], done)
                start = end

    def _next_batch(self) -> list[Waiting]:
        """The calls that waited longest: one at least, and then as long as their texts are few enough."""
        count, texts = 0, 0
        for call, _ in self._waiting:
            texts += len(call.messages)
            if count and texts > MOST_TEXTS:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _rows(self, texts: list[str]) -> list[list[float]]:
        """The vectors of texts; half a character, which no tokenizer takes, counts as the sign for it."""
        whole = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        try:
            rows: list[list[float]] = self._encode(whole).tolist()
        except (RuntimeError, ValueError, TypeError, IndexError, MemoryError, OSError) as problem:
            said = str(problem).partition("\n")[0]
            raise EngineError(f"model {self._spec.model!r} cannot encode: {type(problem).__name__}: {said}") from problem
        return rows

    def _answer(self, call: Call, rows: Sequence[Sequence[float]], done: asyncio.Future[Completion]) -> None:
        if not all(math.isfinite(value) for row in rows for value in row):
            done.set_exception(Unanswerable("bad_vector", f"{self._name} gives numbers that are not finite"))
            return
        tokens = sum(estimate_tokens(message["content"]) for message in call.messages)
        vectors = tuple([tuple(row) for row in rows])
        done.set_result(Completion((Draw("", data=vectors),), self._name, Usage(calls=1, tokens_in=tokens)))


def name_of(spec: ModelSpec) -> str:
    """What a model is called in the tables: its own name, or that of its folder with the start of what it holds."""
    revision = spec.revision or ""
    if revision.startswith(FILES):
        return f"{Path(spec.model).name}@{revision.removeprefix(FILES)[:8]}"
    return spec.model


def options_of(spec: ModelSpec, known: Mapping[str, type], machinery: Mapping[str, type]) -> dict[str, Any]:
    """The `options` and `engine_options` of an embedding model; raises `EngineError` for one that is not known."""
    for kind, given, names in (
        ("option", spec.options, known),
        ("engine option", spec.engine_options, machinery),
    ):
        for name, value in given.items():
            if name not in names:
                raise EngineError(f"unknown {kind} `{name}` for engine `{spec.engine}`{nearest(name, names)}")
            kind_of = names[name]
            if type(value) is not kind_of or (isinstance(value, int) and value < 1):
                what = "a whole number above 0" if kind_of is int else "a word"
                raise EngineError(f"{kind} `{name}` of model {spec.model!r} is {value!r}; give {what}")
    return {**spec.options, **spec.engine_options}
