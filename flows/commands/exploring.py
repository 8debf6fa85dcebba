"""The command that opens the warehouse in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import Warehouse, address_of


def ui(
    warehouse: Warehouse = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 0,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            help="The address to listen on; others than this machine's own can be read "
            "by whoever has the printed address.",
        ),
    ] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Look into the warehouse in a browser: releases, pairs, verdicts, the way back to the document, SQL; read-only.

    Example: `prefmill ui --open`
    """
    from flows.explore.opening import run

    run(address_of(warehouse), host, port, open_browser=open_browser)
