"""A process that writes to a warehouse, for tests that read it meanwhile, want to write too, or kill it.

python writing.py hold  ADDRESS           takes the lease and keeps it
python writing.py commit ADDRESS SECONDS  commits unit after unit, two passages each, for so long
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FINGERPRINT = "stp_writing"


def finished(number: int) -> Any:
    """A unit that made two passages."""
    from schemas.rows import Outcome
    from warehouse.ledger import Finished

    unit = f"doc_{number}"
    outcome = Outcome(
        fingerprint=FINGERPRINT,
        unit_id=unit,
        step="mine/chunk",
        subject_id=unit,
        document_id=unit,
        status="ok",
        reason="",
        rows=2,
    )
    rows = [
        {
            "passage_id": f"psg_{number}_{place}",
            "unit_id": unit,
            "fingerprint": FINGERPRINT,
            "document_id": unit,
            "start": 0,
            "end": 4,
            "text": "text",
            "heading": "",
        }
        for place in range(2)
    ]
    return Finished(outcome, "passages", rows)


def start(what: str, address: str, *more: str) -> subprocess.Popen[str]:
    """Start this file as a process and wait until it writes."""
    process = subprocess.Popen(
        [sys.executable, __file__, what, address, *more],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    assert said == "ready", said or f"the writer ended with {process.wait()}"
    return process


async def commit(address: str, count: int) -> None:
    """Commit one unit after another."""
    from warehouse.address import resolve_address
    from warehouse.ledger import Ledger
    from warehouse.store import Store

    store = Store.open(resolve_address(address))
    ledger = Ledger(store)
    for number in range(count):
        await ledger.record(finished(number))
        if number == 0:
            print("ready", flush=True)
    store.close()


def hold(address: str) -> None:
    """Take the lease and wait to be killed."""
    from warehouse.address import resolve_address
    from warehouse.store import Store

    store = Store.open(resolve_address(address))
    print("ready", flush=True)
    time.sleep(120)
    store.close()


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold(sys.argv[2])
    else:
        asyncio.run(commit(sys.argv[2], int(sys.argv[3])))
