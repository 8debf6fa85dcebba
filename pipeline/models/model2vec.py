"""The engine for model2vec: static embeddings, a table of token vectors that are averaged; fast on any CPU."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pipeline.extras import library
from pipeline.models.encoder import Encoder, options_of
from schemas.errors import EngineError
from schemas.models import ModelSpec

OPTIONS = {"dimensionality": int, "max_length": int}
BATCH = 256


class Model2vec:
    """Opens a model of model2vec, by its name on the hub or a local folder."""

    @staticmethod
    async def open(spec: ModelSpec) -> Encoder:
        """Load the model; raises `EngineError` when it cannot be had.

        `options` may have `dimensionality` (fewer dimensions than it has) and `max_length` (more or fewer tokens of a text
        than the 512 that count otherwise).
        """
        options = options_of(spec, OPTIONS, {})
        model = await asyncio.to_thread(_load, spec, options)

        def encode(texts: list[str]) -> Any:
            # Without its threads: they would change how tokenizers work in the whole process.
            return model.encode(texts, batch_size=BATCH, use_multiprocessing=False)

        return Encoder(spec, encode)


def _load(spec: ModelSpec, options: dict[str, Any]) -> Any:
    library("numpy", "the engine `model2vec`", "embeddings")
    models = library("model2vec", "the engine `model2vec`", "embeddings")
    folder: str | Path = Path(spec.model).expanduser()
    try:
        if not Path(folder).is_dir():
            hub = library("huggingface_hub", "the engine `model2vec`", "embeddings")
            folder = hub.snapshot_download(spec.model, revision=spec.revision)
        return models.StaticModel.from_pretrained(folder, force_download=False, **options)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as problem:
        said = str(problem).strip().partition("\n")[0]
        raise EngineError(f"model {spec.model!r} cannot be loaded by model2vec: {said}") from None
