"""The open warehouse: one connection for the writer, one for plans and reads, each on a thread of its own."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import orjson

from schemas.errors import BuildError, WarehouseError
from warehouse.address import Address
from warehouse.connection import LAKE, connect, literal, migrate
from warehouse.lease import Lease

Result = TypeVar("Result")
SCRATCH = "plan"
THREADS = 1
"""A build asks many small questions: more threads cost more CPU in hand-over than they save."""
HAND_OVER_SECONDS = 0.0005
"""The interpreter lets a thread wait ten times longer for its turn; a commit, which takes many turns, would mostly wait."""
LEAST_BUFFER = 1 << 18


class Store:
    """A warehouse that this process may write to, from `open` to `close`.

    DuckDB blocks while it works, so SQL runs on two threads: `write` for the one appender, `read` for everything else.
    Plans live in a scratch database (`plan`) beside the data, which spills to disk and dies with the build.
    """

    def __init__(
        self, address: Address, connection: duckdb.DuckDBPyConnection, lease: Lease | None, scratch: Path
    ) -> None:
        self.address = address
        self._connection = connection
        self._lease = lease
        self.scratch = scratch
        self._writer, self._reader = (self._cursor(), self._cursor())
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="warehouse-write")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="warehouse-read")
        self._usual_hand_over = sys.getswitchinterval()
        sys.setswitchinterval(HAND_OVER_SECONDS)

    @classmethod
    def open(cls, address: Address) -> Store:
        """Take the lease and open the warehouse for writing; raises `Busy` or `WarehouseError`."""
        lease = Lease(address)
        lease.acquire()
        try:
            connection = connect(address, threads=THREADS)
            migrate(connection)
            return cls(address, connection, lease, _attach_scratch(connection, _fresh_scratch(address)))
        except (duckdb.Error, OSError) as problem:
            lease.release()
            raise WarehouseError(
                f"warehouse {address.shown!r} cannot be opened: {str(problem).splitlines()[0]}"
            ) from problem
        except BaseException:
            lease.release()
            raise

    @classmethod
    def open_to_read(cls, address: Address) -> Store:
        """Open an existing warehouse for planning alone: read-only, without the lease, beside a build that writes."""
        connection = connect(address, read_only=True)
        return cls(
            address, connection, None, _attach_scratch(connection, Path(tempfile.mkdtemp(prefix="prefmill-plan-")))
        )

    def close(self) -> None:
        """Finish what runs, close the connection, give the lease back."""
        sys.setswitchinterval(self._usual_hand_over)
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._connection.close()
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self._lease is not None:
            self._lease.release()

    async def write(self, work: Callable[..., Result], *args: Any) -> Result:
        """Run `work(cursor, *args)` on the writer's thread, as long as the lease is ours."""

        def guarded() -> Result:
            if self._lease is not None:
                self._lease.confirm()
            return work(self._writer, *args)

        return await self._run(self._write_thread, "written", guarded)

    async def read(self, work: Callable[..., Result], *args: Any) -> Result:
        """Run `work(cursor, *args)` on the reader's thread."""
        return await self._run(self._read_thread, "read", work, self._reader, *args)

    async def _run(self, thread: ThreadPoolExecutor, done: str, work: Callable[..., Result], *args: Any) -> Result:
        """Run on a thread; raises `BuildError` for a full disk, a broken file, memory that does not suffice."""
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work, *args)
        except (duckdb.Error, OSError) as problem:
            said = " ".join(str(problem).partition("\n\n")[0].split())  # the cause, without DuckDB's advice below it
            raise BuildError(
                f"the warehouse cannot be {done}: {said}; what was finished is kept, run the same build again to go on"
            ) from problem

    def stage(self, name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
        """Put rows where SQL can read them; returns what to write after FROM, good until the next rows of that name.

        They go through a file of JSON lines, because DuckDB's other ways in, parameters and Arrow tables, import pandas
        wherever it is installed: more than all the SQL of a small build.
        """
        lines = [orjson.dumps(row) for row in rows]
        file = self.scratch / f"{name}.jsonl"
        file.write_bytes(b"\n".join(lines))
        types = ", ".join(f'"{column}": {literal(kind)}' for column, kind in columns.items())
        longest = max(map(len, lines), default=0) + 2
        return (
            f"read_json({literal(str(file))}, format = 'newline_delimited', columns = {{{types}}}, "
            f"maximum_object_size = {max(LEAST_BUFFER, longest)})"
        )

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute(f"USE {LAKE}")
        return cursor


def _attach_scratch(connection: duckdb.DuckDBPyConnection, scratch: Path) -> Path:
    connection.execute(f"SET temp_directory = {literal(str(scratch / 'spill'))}")
    connection.execute(f"ATTACH {literal(str(scratch / 'plan.duckdb'))} AS {SCRATCH}")
    return scratch


def _fresh_scratch(address: Address) -> Path:
    """A new folder for this build's plan; those of dead builds are swept (we hold the lease, so none is alive)."""
    home = address.root / "scratch"
    if home.exists():
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="build-", dir=home))
