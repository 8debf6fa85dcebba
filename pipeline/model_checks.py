"""Whether the models of a recipe can give what its steps ask of them, as far as that is known before any of them is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from schemas.models import EMBEDDERS, ModelSpec
from schemas.recipe import RecipeFile

if TYPE_CHECKING:
    from pipeline.binding import BoundStep


def check_models(file: RecipeFile, steps: Sequence[BoundStep], specs: Mapping[str, ModelSpec]) -> None:
    """A model that gives nothing but vectors is asked for them alone, and vLLM in this process is not."""
    for step in steps:
        embeds = getattr(step.strategy, "embeds", False)
        for alias in step.models:
            engine = specs[alias].engine
            if engine in EMBEDDERS and not embeds:
                raise file.mistake(
                    f"`{step.key}` asks model `{alias}`, whose engine `{engine}` only turns texts into vectors; "
                    "name a model that writes",
                    "steps",
                    step.index,
                    "model",
                )
            if engine == "vllm" and embeds:
                raise file.mistake(
                    f"`{step.key}` wants vectors, which the engine `vllm` does not give in this process; serve model `{alias}` "
                    f"with `vllm serve` and `engine: openai`, or use {' or '.join(f'`{name}`' for name in sorted(EMBEDDERS))}",
                    "steps",
                    step.index,
                    "model",
                )
