"""Every verdict and measurement behind the pairs, as it came, for who wants to aggregate in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.columns import VOTES as COLUMNS
from pipeline.land.columns import votes_schema
from pipeline.land.layouts.layout import Layout, build

if TYPE_CHECKING:
    import pyarrow as pa


def schema(tools: bool) -> pa.Schema:
    """The columns of `votes.parquet` less `split`."""
    import pyarrow as pa

    return pa.schema([field for field in votes_schema() if field.name != "split"])


VOTES = Layout(
    name="votes",
    about="nobody trains on it: every raw verdict about the pairs, to judge the judges by or to aggregate anew",
    needs=tuple(name for name in COLUMNS if name != "split"),
    schema=schema,
    shape=lambda rows, wanted: build(wanted, rows),
    reads="votes",
)
