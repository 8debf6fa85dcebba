"""The engine for a local GPU: vLLM in this process, fed continuously, its computing in a process of its own.

All calls in flight share one batch that vLLM refills at every token, so many `complete()` at once is how it is meant to
be used. Nothing is fetched but the model, and nothing is sent anywhere.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from pipeline.models.leash import Leash
from pipeline.models.setbacks import TOO_LONG
from pipeline.models.vllm_start import first_line, import_vllm, start
from pipeline.models.vllm_words import Words, read_output, read_score
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Completion, Embed, Score

SHUTDOWN_SECONDS = 20.0
"""vLLM's own 5 s are too short for its workers to end, and then it leaves shared memory behind."""


class Vllm:
    """One model on vLLM, opened with `await Vllm.open(spec)`.

    `options` may set sampling extras (`top_k`, `min_p`, `repetition_penalty`, `stop`, …), `chat_template_kwargs` (say,
    `enable_thinking: false`) and `chat_template`, as text. `engine_options` may set any of vLLM's engine arguments.
    """

    def __init__(self, spec: ModelSpec, engine: Any, words: Words, leash: Leash) -> None:
        self._spec, self._engine, self._words, self._leash = spec, engine, words, leash
        self._numbers, self._is_dead = itertools.count(), False

    @classmethod
    async def open(cls, spec: ModelSpec) -> Vllm:
        """Load the model; raises `EngineError` when vLLM, the model or its chat template is missing."""
        await asyncio.to_thread(import_vllm)
        words, leash = Words(spec), Leash.to_new_log()
        try:
            return cls(spec, await start(spec, leash, words.chat), words, leash)
        except BaseException:
            leash.log.unlink(missing_ok=True)
            raise

    def __repr__(self) -> str:
        return f"Vllm(model={self._spec.model!r})"

    async def complete(self, call: Call) -> Completion:
        """Answer one call; cancelling it takes it out of the batch. Raises `EngineError` when vectors are wanted."""
        if isinstance(call.request.shape, Embed):
            raise EngineError(
                f"the engine `vllm` gives no embeddings; serve {call.model!r} with `vllm serve` and name the server as "
                "`engine: openai` with its `base_url`"
            )
        from vllm.exceptions import GracefulHTTPError, VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            parameters = self._words.write(call)
            engine, prompt = self._engine, await self._render(call.messages)
            shape, scored = call.request.shape, 0
            if isinstance(shape, Score):
                prompt, scored = self._continued(prompt, shape.text)
            name = f"{call.key}-{next(self._numbers)}"
            async for output in engine.generate(prompt, parameters, name):
                if output.finished and isinstance(shape, Score):
                    return read_score(output, shape.text, scored, call.model)
                if output.finished:
                    return read_output(output, call.model)
        except EngineDeadError:
            raise self._death() from None
        except VLLMClientError as error:
            raise _refusal(error) from None
        except (EngineGenerateError, GracefulHTTPError) as error:
            raise Transient(f"vLLM failed this call: {first_line(error.__cause__ or error)}") from error
        raise Transient("vLLM ended a call without an answer")

    async def close(self) -> None:
        """End vLLM's processes and let go of the GPU."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.shutdown, SHUTDOWN_SECONDS)
            if not self._is_dead:
                self._leash.log.unlink(missing_ok=True)

    async def _render(self, messages: list[Any]) -> Any:
        """The token ids of a conversation, made in vLLM's own thread by the code that `vllm serve` uses."""
        try:
            _, prompts = await self._engine.renderer.render_chat_async([messages], self._words.chat)
        except Exception as error:
            if self._engine is None:
                raise Transient("vLLM is closed") from None
            # Templates and tokenizers raise what they like, but the same for the same messages.
            raise _refusal(error) from None
        return prompts[0]

    def _continued(self, prompt: Any, text: str) -> tuple[Any, int]:
        """A rendered conversation with a reply of so many tokens begun after it."""
        reply = self._engine.get_tokenizer().encode(text, add_special_tokens=False)
        if not reply:
            raise Unanswerable("bad_request", "a text without a token cannot be scored")
        return {"prompt_token_ids": [*prompt["prompt_token_ids"], *reply]}, len(reply)

    def _death(self) -> EngineError:
        self._is_dead = True
        cause = self._leash.failure() or "it left no word"
        return EngineError(f"vLLM's engine died: {cause} (log: {self._leash.log}); run again, what is done is kept")


def _refusal(error: Exception) -> Unanswerable:
    return Unanswerable("prompt_too_long" if TOO_LONG.search(str(error)) else "bad_request", first_line(error))
