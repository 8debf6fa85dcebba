"""The last step of a recipe: all pairs that are left become one named, audited, immutable version."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict
from pydantic_core import PydanticCustomError

from pipeline.land.gates import Gates
from pipeline.land.splits import assign_split, check_sizes
from schemas.units import UnitKind

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
NOT_A_TAG = re.compile(r"\.\.|\.$|\.lock$")  # git check-ref-format: a release is pushed to the hub under a tag


def check_name(name: str) -> None:
    """Raise `ValueError` with one sentence unless `name` can name a release, its folder and its tag."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"the name {name!r} cannot name a release; take up to 63 of a-z, 0-9, `.`, `_` and `-`, "
            "with a letter or digit first"
        )
    if NOT_A_TAG.search(name):
        raise ValueError(f"the name {name!r} cannot be a git tag; leave out `..`, a last `.` and a last `.lock`")
    if name == "latest":
        raise ValueError("the name 'latest' always means the newest release that passed its gates; take another")


def _valid_splits(sizes: dict[str, float]) -> dict[str, float]:
    """`check_sizes` for pydantic: its sentence becomes the whole message, at the place of the field."""
    try:
        check_sizes(sizes)
    except ValueError as problem:
        raise PydanticCustomError("splits", str(problem)) from None
    return sizes


def _valid_name(name: str | None) -> str | None:
    """`check_name` for pydantic."""
    try:
        if name is not None:
            check_name(name)
    except ValueError as problem:
        raise PydanticCustomError("release_name", str(problem)) from None
    return name


@dataclass(frozen=True, slots=True)
class Release:
    """Name a version, share its documents out over `splits` and hold it against `gates`.

    Without a `name` the build gives one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_pairs"

    splits: Annotated[dict[str, float], AfterValidator(_valid_splits)] = field(
        default_factory=lambda: {"train": 0.9, "test": 0.1}
    )
    seed: int = 0
    gates: Gates = field(default_factory=Gates)
    name: Annotated[str | None, AfterValidator(_valid_name)] = None

    def __post_init__(self) -> None:
        """Hold a value made in Python to the same rules as one read from a recipe."""
        _valid_splits(self.splits)
        _valid_name(self.name)
        self.gates.check_libraries()

    def split(self, document_id: str) -> str:
        """The split of a document; see `assign_split`."""
        return assign_split(document_id, self.splits, self.seed)
