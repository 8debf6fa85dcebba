"""Principles: what a judge is told to value, kept as data in `prompts/principles/*.yaml`."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prompts.library import SHIPPED
from schemas.errors import RequestError, nearest


class Principle(BaseModel):
    """One criterion in words: what it asks for, what its negation asks for, and when it applies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    definition: str
    negation: str
    weight: float = Field(1.0, gt=0)
    when: str = "always"


def principle_names() -> list[str]:
    """The names of all shipped principles."""
    return sorted(path.stem for path in (SHIPPED / "principles").glob("*.yaml"))


def load_principle(name: str, folder: Path) -> Principle:
    """A shipped principle by name, or a file of the user's own (`./kind.yaml`, relative to `folder`)."""
    is_file = name.endswith((".yaml", ".yml"))
    path = folder / name if is_file else SHIPPED / "principles" / f"{name}.yaml"
    if not path.is_file():
        wrong = "is not a file" if is_file else "is not a principle" + nearest(name, principle_names())
        raise RequestError(f"principle {name!r} {wrong}")
    try:
        return Principle.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as problem:
        raise RequestError(f"{path} is not a principle: {str(problem).splitlines()[0]}") from None
