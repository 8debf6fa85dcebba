"""`prefmill schedule`: serve a build as a Prefect deployment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.prefect_settings import apply_defaults
from flows.tether import cut_tether, start_tethered
from schemas.errors import RequestError

if TYPE_CHECKING:
    from rich.console import Console

    from flows.build import Job

SERVER_SECONDS = 120


def serve(
    job: Job, recipe: str, *, cron: str, name: str | None, warehouse: str | None, engine: str | None, console: Console
) -> None:
    """Serve nightly builds until stopped. Paths become absolute: a scheduled run may start in another folder.

    With `PREFECT_API_URL` the deployment goes to that server; without it, a server is started on loopback beside us and
    stops with us.
    """
    if warehouse and job.address.password:
        raise RequestError(
            "a deployment keeps its parameters where everybody can read them; put an address with a password into "
            "$PREFMILL_WAREHOUSE rather than --warehouse"
        )
    apply_defaults()
    # Prefect reads its address when it is imported, so that has to be settled first.
    port = None if os.environ.get("PREFECT_API_URL") else _free_port()
    if port is not None:
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    _check_cron(cron)
    sources = job.sources
    parameters: dict[str, Any] = {
        "recipe": str(job.recipe.file.path.absolute()),
        "sources": [place if place.startswith("hf:") else str(Path(place).absolute()) for place in sources.places],
        "warehouse": warehouse
        if warehouse and "://" in warehouse
        else str(job.address.root)
        if not job.address.is_postgres
        else None,
        "engine": engine,
        "text_column": sources.text_column,
        "licence": sources.licence,
        **job.limits.model_dump(),
    }
    with _server(port, console):
        from flows.orchestrate import prefmill_build

        deployment = name or job.recipe.name
        console.print(f"serving `prefmill build/{deployment}` at {cron!r}; Ctrl-C stops it", markup=False)
        with suppress(KeyboardInterrupt):
            prefmill_build.serve(
                name=deployment, cron=cron, parameters=parameters, limit=1, print_starting_message=False
            )


def _check_cron(cron: str) -> None:
    """Refuse a cron text that Prefect would only refuse after the server has started."""
    from prefect.client.schemas.schedules import CronSchedule

    try:
        CronSchedule(cron=cron)
    except ValueError:
        raise RequestError(
            f"--cron {cron!r} is not a schedule; give five fields, as in '0 2 * * *' for every night at two"
        ) from None


@contextmanager
def _server(port: int | None, console: Console) -> Iterator[None]:
    """A Prefect server of our own on loopback, or the configured one when there is no `port`."""
    if port is None:
        yield
        return
    server = start_tethered(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server)
        console.print(f"started a Prefect server: http://127.0.0.1:{port}", markup=False)
        yield
    finally:
        cut_tether(server)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):
            return
        time.sleep(0.3)
    raise RequestError(
        "the Prefect server did not start; run `prefect server start` to see why, or set PREFECT_API_URL"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
