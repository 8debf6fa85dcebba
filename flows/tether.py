"""`python -m flows.tether COMMAND…`: run a command that ends when we do, however we end.

We hold the other end of its standard input; the kernel closes it with our process, also when that is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

GRACE_SECONDS = 10


def start_tethered(command: list[str]) -> subprocess.Popen[bytes]:
    """Start `command` silently, in a session of its own, tied to this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.tether", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def cut_tether(process: subprocess.Popen[bytes]) -> None:
    """End a tethered command and wait until it is gone."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=GRACE_SECONDS + 5)


def _main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def follow() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=GRACE_SECONDS)
            return
        child.kill()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: child.terminate())
    threading.Thread(target=follow, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(_main())
