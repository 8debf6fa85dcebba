"""A hub on loopback for each test, and a client that uploads to it as the git-lfs protocol says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.hub.fake import FakeHub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub without a repository; `TOKEN` may write everywhere."""
    constants = pytest.importorskip("huggingface_hub.constants")
    # What the environment says is read once, when the client is imported, which may have been long ago.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with FakeHub() as running:
        yield running
