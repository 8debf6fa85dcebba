"""Rows in the order of a key: all of them, once, whether they fit into memory or not."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from warehouse.ordering import in_order


def tables(count: int, size: int) -> list[pa.Table]:
    """Rows in no order, in tables of `size`; every key is there three times."""
    draw = random.Random(count)
    rows = [
        {"key": f"{draw.getrandbits(80):020x}", "at": at, "turns": [{"text": "x" * (at % 50)}]}
        for at in range(count // 3 + 1)
    ]
    rows = [row | {"at": row["at"] * 3 + copy} for copy in range(3) for row in rows]
    draw.shuffle(rows)
    return [pa.Table.from_pylist(rows[start : start + size]) for start in range(0, len(rows), size)]


@pytest.mark.parametrize("piece_bytes", [1, 5_000, 200_000, 1 << 30])
@pytest.mark.parametrize("count", [1, 100, 4000])
def test_rows_come_by_their_keys_however_small_a_piece_is(tmp_path: Path, count: int, piece_bytes: int) -> None:
    given = tables(count, 70)
    found = [
        row for batch in in_order(given, ["key", "at"], tmp_path, piece_bytes=piece_bytes) for row in batch.to_pylist()
    ]
    wanted = pa.concat_tables(given).to_pylist()
    assert found == sorted(wanted, key=lambda row: (row["key"], row["at"]))
    assert not list(tmp_path.iterdir())


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert list(in_order([], ["key"], tmp_path)) == []


def test_what_is_left_unread_leaves_no_file(tmp_path: Path) -> None:
    rows = in_order(tables(2000, 50), ["key"], tmp_path, piece_bytes=2_000)
    next(rows)
    assert list(tmp_path.iterdir())
    rows.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())
