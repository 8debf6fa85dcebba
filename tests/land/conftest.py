"""How the tests of the land stage start other processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Start:
    """Start `land.worker` with an order; `hash_seed` sets `PYTHONHASHSEED`."""

    def start(hash_seed: int = 0, **order: Any) -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        return subprocess.Popen(
            [sys.executable, "-m", "land.worker", json.dumps(order, default=str)],
            env=os.environ | {"PYTHONPATH": paths, "PYTHONHASHSEED": str(hash_seed)},
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
