"""The engine for sentence-transformers: any embedding model of the hub, or a local folder, on this machine's devices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pipeline.extras import library
from pipeline.models.encoder import Encoder, options_of
from schemas.errors import EngineError
from schemas.models import ModelSpec

OPTIONS = {"truncate_dim": int, "max_seq_length": int}
MACHINERY = {"device": str, "batch": int}
BATCH = 32


class SentenceTransformers:
    """Opens a model of sentence-transformers, by its name on the hub or a local folder."""

    @staticmethod
    async def open(spec: ModelSpec) -> Encoder:
        """Load the model; raises `EngineError` when it cannot be had.

        `options` may have `truncate_dim` (the first so many dimensions) and `max_seq_length` (tokens of a text that count);
        `engine_options` a `device` (`cpu`, `cuda:1`) and a `batch` (texts in one pass, 32). Code that comes with a model is
        never run.
        """
        options = options_of(spec, OPTIONS, MACHINERY)
        batch = options.pop("batch", BATCH)
        model = await asyncio.to_thread(_load, spec, options)

        def encode(texts: list[str]) -> Any:
            return model.encode(texts, batch_size=batch, show_progress_bar=False, convert_to_numpy=True)

        return Encoder(spec, encode)


def _load(spec: ModelSpec, options: dict[str, Any]) -> Any:
    models = library("sentence_transformers", "the engine `sentence-transformers`", "sentence-transformers")
    tokens = options.pop("max_seq_length", None)
    folder = Path(spec.model).expanduser()
    is_local = folder.is_dir()
    try:
        model = models.SentenceTransformer(
            str(folder) if is_local else spec.model,
            revision=None if is_local else spec.revision,
            trust_remote_code=False,
            **options,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as problem:
        said = str(problem).strip().partition("\n")[0]
        raise EngineError(f"model {spec.model!r} cannot be loaded by sentence-transformers: {said}") from None
    if tokens is not None:
        model.max_seq_length = tokens
    return model
