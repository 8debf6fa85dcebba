"""The recipes that ship, one YAML file each, and how a recipe is found by name or path."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import RequestError, nearest

SHIPPED = Path(__file__).parent


def shipped_recipes() -> dict[str, Path]:
    """The shipped recipes by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find_recipe(name: str) -> Path:
    """The file of a shipped recipe's name or of a path; raises `RequestError` with the nearest name."""
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    path = Path(name).expanduser()
    if path.is_file() and path.suffix in (".yaml", ".yml"):
        return path
    if path.exists():
        raise RequestError(
            f"{name!r} is not a recipe; a recipe is a .yaml file or one of {', '.join(shipped)}, and comes before the sources"
        )
    raise RequestError(f"there is no recipe {name!r}{nearest(name, shipped)}")
