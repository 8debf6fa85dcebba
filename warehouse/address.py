"""Where a warehouse is: a folder on this machine, or a PostgreSQL catalog with a data path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from schemas.errors import WarehouseError

DEFAULT = "lake"
HOST_OPTIONS = {"sslmode", "connect_timeout", "options", "application_name", "sslrootcert"}


@dataclass(frozen=True)
class Address:
    """A catalog and the folder of its Parquet files; `root` also holds releases and scratch files.

    `shown` is what people may see: neither it nor `catalog` ever carries the password.
    """

    catalog: str
    root: Path
    data: str
    shown: str
    is_postgres: bool
    password: str = field(default="", repr=False)

    @property
    def releases(self) -> Path:
        """The folder of immutable releases."""
        return self.root / "releases"

    @property
    def connection_words(self) -> str:
        """What libpq needs to find the server, less the password."""
        return self.catalog.removeprefix("postgres:")


def resolve_address(warehouse: str | None = None) -> Address:
    """The address of `warehouse`, else of `$PREFMILL_WAREHOUSE`, else of the folder `lake`.

    A folder means an SQLite catalog inside it. `postgresql://user:password@host:port/database` means a PostgreSQL
    catalog; its Parquet files go to `?data=FOLDER`, else `$PREFMILL_DATA`, else the folder `lake-<database>`: two
    catalogs must not share one.
    """
    text = warehouse or os.environ.get("PREFMILL_WAREHOUSE") or DEFAULT
    if re.match(r"postgres(ql)?://", text):
        return _postgres(text)
    if "://" in text:
        raise WarehouseError(
            f"warehouse {_masked(text)!r} is neither a folder nor a `postgresql://` address; give one of the two"
        )
    root = Path(text).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise WarehouseError(f"warehouse {text!r} is a file; give a folder (it is made when it does not exist)")
    return Address(f"sqlite:{root / 'catalog.sqlite'}", root, f"{root / 'data'}{os.sep}", str(root), False)


def _postgres(text: str) -> Address:
    url, port = _split(text)
    query: dict[str, str] = dict(parse_qsl(url.query))
    database = unquote(url.path.lstrip("/"))
    if not database:
        raise WarehouseError(
            f"warehouse {_masked(text)!r} names no database; write postgresql://user@host:5432/DATABASE"
        )
    data = query.pop("data", "") or os.environ.get("PREFMILL_DATA") or f"{DEFAULT}-{database}"
    if "://" in data:
        raise WarehouseError(f"the data path {data!r} is not a folder on this machine; name one, mounted if need be")
    if unknown := sorted(set(query) - HOST_OPTIONS):
        known = ", ".join(sorted(HOST_OPTIONS))
        raise WarehouseError(f"warehouse address has an unknown option {unknown[0]!r}; known: data, {known}")
    parts = {
        "dbname": database,
        "host": unquote(url.hostname or ""),
        "port": str(port or ""),
        "user": unquote(url.username or ""),
        **query,
    }
    words = " ".join(f"{key}={_quoted(value)}" for key, value in parts.items() if value)
    root = Path(data).expanduser().absolute()
    password = unquote(url.password or "")
    return Address(f"postgres:{words}", root, f"{root / 'data'}{os.sep}", _masked(text), True, password)


def _split(text: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL and its port; both can be malformed, and neither complaint may show the password."""
    try:
        url = urlsplit(text)
        return url, url.port
    except ValueError:
        raise WarehouseError(
            f"warehouse {_masked(text)!r} has a host or port that cannot be read; "
            "write postgresql://user:password@host:5432/database"
        ) from None


def _quoted(value: str) -> str:
    """A libpq connection value, quoted when it must be."""
    if re.fullmatch(r"[\w./:@%+-]+", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _masked(text: str) -> str:
    """An address without its password: what follows the first colon, up to the last @ or, where none is, the path."""
    if "@" in text:
        return re.sub(r"(://[^:/@]*):.*@", r"\1:…@", text, flags=re.DOTALL)
    return re.sub(r"(://[^:/\[]*):(?!\d+(?:/|$))[^/?]*", r"\1:…", text)
