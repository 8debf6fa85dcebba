"""The lease: one writing process per warehouse, and a dead one loses it.

DuckLake has no unique keys, so two processes that append at once could both pass the guard and store a unit twice. On
an SQLite catalog the lease is a file lock, which the kernel drops with its process; on PostgreSQL it is an advisory
lock, which the server drops with its connection.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from typing import Any

import filelock

from schemas.errors import Busy, WarehouseError
from warehouse.address import Address
from warehouse.connection import make_folder


class Lease:
    """Held from `acquire` to `release`; raises `Busy` when another process holds it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock: filelock.BaseFileLock | None = None
        self._session: Any = None

    def acquire(self) -> None:
        """Take the lease at once or raise `Busy` with who has it."""
        if self._address.is_postgres:
            self._acquire_advisory()
        else:
            self._acquire_file()

    def confirm(self) -> None:
        """Raise `Busy` if the lease is lost: a connection that broke has given it away, and another may be writing."""
        if self._session is None:
            return
        try:
            self._session.execute("SELECT 1")
        except Exception:
            raise Busy(
                f"the connection to {self._address.shown!r} broke, and with it our right to write; "
                "what was finished is kept, run the same build again"
            ) from None

    def release(self) -> None:
        """Give the lease back; doing so twice is harmless."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._session is not None:
            with suppress(Exception):
                self._session.close()
            self._session = None

    def _acquire_file(self) -> None:
        make_folder(self._address, self._address.root)
        holder = self._address.root / "writer"
        lock = filelock.FileLock(self._address.root / "writer.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            who = ""
            with suppress(OSError):
                who = f" ({holder.read_text().strip()})"
            raise Busy(
                f"another process{who} is writing to {self._address.shown!r}; wait for it, or name another warehouse"
            ) from None
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        self._lock = lock

    def _acquire_advisory(self) -> None:
        try:
            import psycopg
        except ImportError:
            raise WarehouseError(
                "writing to a PostgreSQL catalog needs psycopg: pip install 'prefmill[postgres]'"
            ) from None
        try:
            session = psycopg.connect(
                self._address.connection_words,
                password=self._address.password or None,
                autocommit=True,
                application_name="prefmill writer",
            )
        except psycopg.Error as problem:
            raise WarehouseError(
                f"warehouse {self._address.shown!r} cannot be reached: {str(problem).splitlines()[0]}"
            ) from None
        key = int.from_bytes(hashlib.sha256(b"prefmill writer").digest()[:8], "big", signed=True)
        row = session.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
        if not row or not row[0]:
            session.close()
            raise Busy(f"another process is writing to {self._address.shown!r}; wait for it, or name another warehouse")
        self._session = session
