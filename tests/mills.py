"""What tests say of the warehouses that the fixtures make for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.build import Built
from warehouse.address import Address

PASSWORD = "s3cret-Wort"
MakeCatalog = Callable[[str, Path], Address]
WRITTEN: dict[str, str] = {}
"""The addresses of PostgreSQL warehouses by their catalogs, which do not know the password."""


def written(address: Address) -> str:
    """An address as people write it, with its password if it has one."""
    return WRITTEN.get(address.catalog, str(address.root))


@dataclass(frozen=True)
class Mill:
    """A warehouse that has been built once, to be read and not to be written to."""

    address: Address
    built: Built
    documents: Path
    recipe: Path
