"""A PostgreSQL server of the tests' own, as a user that PostgreSQL accepts."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USER = "prefmill"
# Nothing here outlives the tests, so nothing has to survive a power cut.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


@dataclass(frozen=True)
class PostgresServer:
    """A running server; every database it makes is empty and used by one test alone."""

    port: int
    password: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self) -> str:
        """The address of a new database, with a password in it as people write it."""
        import psycopg

        name = f"lake_{next(self.numbers)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"


def find_binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`: Debian's newest, else that of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("pg_ctl")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def start_server(binaries: Path, password: str) -> Iterator[PostgresServer]:
    """Start a server and stop it again; its folder is short, because a socket's path may have 107 letters."""
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        as_user = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    data, log = str(home / "data"), str(home / "log")
    port = _free_port()
    secret = home / "password"
    secret.write_text(password)
    secret.chmod(0o644)

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(binaries / program), "-D", data, *arguments]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}")

    settings = " ".join(f"-c {option}" for option in OPTIONS)
    try:
        run("initdb", "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C", "-E", "UTF8")
        # pg_ctl hands its own pipe on to the server, and whoever reads it would wait for the server's end: hence -l.
        run("pg_ctl", "-w", "-l", log, "-o", f"-p {port} -k {home} -c listen_addresses=127.0.0.1 {settings}", "start")
        try:
            yield PostgresServer(port, password)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
