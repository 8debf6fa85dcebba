"""`prefmill sql`: one query, or a shell."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flows import show
from schemas.errors import RequestError
from warehouse.guest import locked_guest, run_sql, stopped_after

if TYPE_CHECKING:
    from rich.console import Console

    from warehouse.address import Address

NARROWEST = 10
"""A column narrower than this is not read; wider tables are shown as cards."""
MOST_ROWS = 200
"""A terminal shows no more rows than this; `--json` gives all."""
WELCOME = "read-only SQL; views: latest_pairs, lineage, funnel, judge_consistency, cost_by_step. `.tables` lists all."


def print_query(
    address: Address,
    query: str,
    console: Console,
    *,
    as_json: bool,
    at: str | None = None,
    seconds: float | None = None,
) -> None:
    """Run one query (as of the release `at`, for so many seconds at most) and print its rows, as a table or as JSON lines."""
    with locked_guest(address, at) as connection, stopped_after(connection, seconds):
        if as_json:
            names, rows = run_sql(connection, query)
            for row in rows:
                print(json.dumps(dict(zip(names, row, strict=True)), default=str))
        else:
            _print_table(connection, query, console)


def shell(address: Address, console: Console, at: str | None = None) -> None:
    """Read queries, each ended by `;`, until the end of input; a mistake is one sentence and the shell goes on.

    With `at` all of them are asked of the tables and views as they were when that release became visible.
    """
    with suppress(ImportError):
        import readline  # noqa: F401  (gives `input` history and editing)
    console.print(WELCOME, style="dim", markup=False)
    with locked_guest(address, at) as connection:
        waiting = ""
        while True:
            try:
                line = input("prefmill> " if not waiting else "     ...> ")
            except EOFError:
                return
            except KeyboardInterrupt:
                waiting = ""
                continue
            waiting = f"{waiting}\n{line}".strip()
            if line.strip() in (".quit", ".exit"):
                return
            query = "SHOW TABLES" if waiting == ".tables" else waiting
            if query.endswith(";") or waiting == ".tables":
                waiting = ""
                try:
                    _print_table(connection, query.rstrip(";"), console)
                except KeyboardInterrupt:
                    console.print("stopped", style="dim")
                except RequestError as problem:
                    console.print(str(problem), style="red", markup=False)


def _print_table(connection: Any, query: str, console: Console) -> None:
    names, rows = run_sql(connection, query)
    shown: list[tuple[object, ...]] = []
    more = False
    for row in rows:
        if len(shown) == MOST_ROWS:
            more = True
            break
        shown.append(row)
    if len(names) * NARROWEST > console.width:
        console.print(show.cards(dict(zip(names, row, strict=True)) for row in shown))
    else:
        console.print(show.records(names, shown))
    if more:
        console.print(f"the first {MOST_ROWS} rows; add LIMIT, or --json for all", style="dim")
