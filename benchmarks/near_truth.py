"""What an answer of `near_engine` is worth beside the planted truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy

from benchmarks.near_texts import grams

BANDS = (0.8, 0.85, 0.9, 0.95, 1.01)
SAMPLE = 20_000


def places(folder: Path, files: tuple[str, ...], ids: Any) -> Any:
    """For each row of the files the place of its exact group in `ids`, by comparing texts without their white space."""
    paths = [str(folder / file) for file in files]
    query = f"""SELECT id, min(id) OVER (PARTITION BY sha256(regexp_replace(text, '\\s+', ' ', 'g').trim()))
                FROM read_parquet({paths})"""
    database = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder)})
    pairs = numpy.array(database.execute(query).fetchall(), numpy.int64)
    first = numpy.empty(len(pairs), numpy.int64)
    first[pairs[:, 0]] = pairs[:, 1]
    place = numpy.full(len(pairs), -1, numpy.int64)
    place[ids] = numpy.arange(len(ids))
    where = place[first]
    assert (where >= 0).all(), "an exact group has lost its first row"
    return where


def recall(folder: Path, truth: str, where: Any, roots: Any) -> Iterator[tuple[str, int, float]]:
    """The share of planted pairs, by likeness and in all, whose rows hang together; exact copies are not counted."""
    query = f"SELECT a, b, jaccard FROM '{folder}/{truth}' WHERE jaccard >= 0.8"
    pairs = duckdb.connect().execute(query).fetchall()
    a, b, likeness = (numpy.array(each) for each in zip(*pairs, strict=True))
    apart = where[a] != where[b]
    found = roots[where[a]] == roots[where[b]]
    for low, high in zip((*BANDS[:-1], 0.8), (*BANDS[1:], BANDS[-1]), strict=True):
        among = apart & (likeness >= low) & (likeness < high)
        name = f"{low:g} to {min(high, 1):g}"
        if among.any():
            yield name, int(among.sum()), float(found[among].mean())


def precision(folder: Path, joined: Any) -> tuple[int, float]:
    """The share of rows that leave which are alike to the row that stays for them, by Python sets, of a sample."""
    step = max(1, len(joined) // SAMPLE)
    sample = joined[::step].tolist()
    wanted = sorted({row for pair in sample for row in pair})
    query = f"SELECT id, text FROM '{folder}/texts.parquet' WHERE id IN ({', '.join(map(str, wanted))})"
    texts = dict(duckdb.connect().execute(query).fetchall())
    right = 0
    for row, leader in sample:
        a, b = (grams(texts[each], "han" if _is_han(texts[each]) else "other") for each in (row, leader))
        right += len(a & b) >= 0.8 * len(a | b) - 1e-9
    return len(sample), right / len(sample)


def _is_han(text: str) -> bool:
    """Of these texts those that begin with a Chinese sign have no others; so have the Japanese tiny ones."""
    return text.strip()[:1] >= "\u3040" and text.strip()[:1] < "\ua000"
