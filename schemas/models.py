"""Model specifications: what a recipe says of a model, split into identity and machinery."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

EngineName = Literal["vllm", "openai", "model2vec", "sentence-transformers", "rehearsal"]
EMBEDDERS: frozenset[EngineName] = frozenset({"model2vec", "sentence-transformers"})
"""Engines that turn texts into vectors, in this process, and do nothing else."""
AUTO = "auto"
REHEARSAL = "rehearsal"
FILES = "files:"
"""What the revision of a model in a local folder begins with; the hash of its files follows."""


class Price(BaseModel):
    """Money per million tokens, in any one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(0.0, ge=0)
    output: float = Field(0.0, ge=0)
    cached_input: float | None = Field(None, ge=0)

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return not (self.input or self.output or self.cached_input)


class ModelSpec(BaseModel):
    """One entry under `models:` of a recipe. `licence` is the one that its output comes under; cards of releases name it.

    Identity: `model` (a hub name, a path or a server's model name), `revision` and `options`. Machinery: everything
    else. `options` are passed to the engine as they are: sampling extras for a server, noise and biases for the
    rehearsal model. Of an embedding model in a local folder the folder's name and the hash of its files are identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = AUTO
    revision: str | None = None
    options: dict[str, Any] = {}

    engine: EngineName | None = None
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = Field(256, ge=1, le=4096)
    timeout_seconds: float = Field(120.0, gt=0)
    attempts: int = Field(6, ge=1, le=20)
    price: Price = Price()
    engine_options: dict[str, Any] = {}
    licence: str | None = None

    def identity(self) -> dict[str, Any]:
        """The part of the specification that could change an answer."""
        is_local = (self.revision or "").startswith(FILES)
        model = PurePath(self.model).name if is_local else self.model
        return {"model": model, "revision": self.revision, "options": self.options}
