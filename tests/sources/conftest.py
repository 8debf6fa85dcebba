"""One parser for all tests of the sources: starting its process for every example would be slow."""

from __future__ import annotations

import pytest

from pipeline.sources.item import Reading
from pipeline.sources.parser import Parser


@pytest.fixture(scope="session")
def reading() -> Reading:
    """How `find_items` reads when nothing is asked for."""
    return Reading(text_column=None, licence=None, parser=Parser())
