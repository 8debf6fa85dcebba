"""What an engine is, and how one is opened."""

from __future__ import annotations

import importlib
from typing import Protocol

from schemas.errors import EngineError
from schemas.models import EngineName, ModelSpec
from schemas.requests import Call, Completion

MODULES: dict[EngineName, tuple[str, str]] = {
    "rehearsal": ("pipeline.models.rehearsal", "Rehearsal"),
    "openai": ("pipeline.models.openai", "OpenAI"),
    "vllm": ("pipeline.models.vllm", "Vllm"),
    "model2vec": ("pipeline.models.model2vec", "Model2vec"),
    "sentence-transformers": ("pipeline.models.sentence_transformers", "SentenceTransformers"),
}
"""Engines are imported when first used: vLLM alone takes seconds."""


class Engine(Protocol):
    """One model, ready to be asked. `complete` may be called many times at once.

    It raises `Transient` when the same call may succeed later, `Unanswerable` when this call never will (too long,
    refused by a filter), and `EngineError` when no call will (wrong key, unknown model).
    """

    async def complete(self, call: Call) -> Completion:
        """Answer one call; the draws come back unparsed (`data` is None), in order."""
        ...

    async def close(self) -> None:
        """Let go of connections and devices."""
        ...


async def open_engine(spec: ModelSpec) -> Engine:
    """The engine of a resolved specification, started; raises `EngineError` when it is not installed or reachable."""
    if spec.engine is None:
        raise EngineError(f"model {spec.model!r} has no engine; name one of {', '.join(MODULES)}")
    module, name = MODULES[spec.engine]
    engine: Engine = await getattr(importlib.import_module(module), name).open(spec)
    return engine
