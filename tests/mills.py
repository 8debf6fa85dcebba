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


DOCUMENTS = {
    "gearing.md": """# Gearing

The great spur wheel is the largest gear of the mill and drives every pair of stones. It has 96 wooden teeth made of
apple wood, which a miller can replace one at a time.

## Lubrication

Tallow keeps the wooden teeth from wearing and has to be renewed before every long run. Oil is never used on wood
because it makes the teeth swell and crack.
""",
    "stones.md": """# Mill stones

A bed stone is fixed in the floor and never turns. The runner stone turns above it at 120 revolutions per minute and
weighs about one tonne. Millers dress both stones every three weeks with a steel bill.

## French burr

French burr is a freshwater quartz from the Marne valley. It keeps an edge longer than granite and makes whiter flour.
""",
    "wasser.md": """# Das Mühlrad 🌾

Das oberschlächtige Rad ist das wirksamste und nutzt etwa 85 Prozent der Kraft des Wassers. Der Zulauf hat ein Wehr aus
Eichenholz, das der Müller bei Hochwasser öffnet. 水車は粉をひくために使われます。
""",
}


def write_documents(folder: Path) -> Path:
    """The documents above as files in a new folder."""
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
