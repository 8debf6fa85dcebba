"""Semantic duplicates, density and diversity over many vectors: CPU, memory, and what brute force finds besides.

The vectors are made: a part that all share, one of 200 topics, and noise, so that two rows at random have a cosine of
about .1; one row in ten is planted beside another at a cosine of .8 to 1. Truth is comparing a sample with everything.
Each part runs in a process of its own (`python -m benchmarks.semantic PART …`) and says what it used as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Setting, at_least, at_most, told
from benchmarks.processes import Ended, must, run

ROWS, DIMENSIONS, THRESHOLD = 100_000, 256, 0.9
SAMPLE, SMALLER, KEPT = 20_000, 20_000, 1000
TOPICS, PLANTED, BLOCK = 200, 0.1, 2048
RECALL, MICROSECONDS, MEGABYTES = 0.999, 100.0, 600


def measure(setting: Setting) -> Iterator[Figure]:
    """CPU seconds, peak memory and recall of each part."""
    room, rows = setting.room("semantic"), setting.sized(ROWS, 10_000)
    _part(room, "make", rows, setting.seed)
    joined, used = _part(room, "join", rows, setting.seed)
    yield told(f"semantic duplicates of {rows:,} vectors of {DIMENSIONS}: CPU", joined["cpu"], "s")
    yield at_most("… CPU a row", 1e6 * joined["cpu"] / rows, MICROSECONDS, "µs")
    yield told("… of which signatures", joined["sign"], "s")
    yield told("… start of numba and its kernels, beside that", joined["start"], "s")
    yield at_most("… peak memory of the process", used.peak_mb, MEGABYTES, "MB")
    checked, _ = _part(room, "check", rows, setting.seed)
    yield at_least("… recall, against a sample compared with everything", checked["recall"], RECALL)
    yield told("… recall between the threshold and .92", checked["near"])
    yield at_least("… dropped rows that are as near as they have to be", checked["precision"], 1.0)
    read, used = _part(room, "read", rows, setting.seed)
    yield told("reading as many vectors as lists and sorting them: CPU", read["cpu"], "s")
    smaller = setting.sized(SMALLER, 2000)
    dense, used = _part(room, "density", smaller, setting.seed)
    yield told(f"density of {smaller:,} vectors, every two compared: CPU", dense["cpu"], "s")
    yield told("… peak memory of the process", used.peak_mb, "MB")
    spread, used = _part(room, "diverse", rows, setting.seed)
    yield told(f"the {min(KEPT, rows):,} farthest of {rows:,}: CPU", spread["cpu"], "s")


def _part(room: Path, name: str, rows: int, seed: int) -> tuple[dict[str, float], Ended]:
    """Run one part; what it says, and what it used."""
    command = [sys.executable, "-m", "benchmarks.semantic", name, str(room), str(rows), str(seed)]
    # One thread: else the libraries' waiting is counted as work.
    ended = must(run(command, room, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"))
    return json.loads(ended.out or "{}"), ended


# --- in the child ----------------------------------------------------------------------------------------------------


def make(room: Path, rows: int, seed: int) -> dict[str, float]:
    """Write the vectors."""
    import numpy

    drawn = numpy.random.RandomState(seed)
    shared, topics = drawn.standard_normal(DIMENSIONS), drawn.standard_normal((TOPICS, DIMENSIONS))
    found = numpy.lib.format.open_memmap(room / "vectors.npy", "w+", numpy.float32, (rows, DIMENSIONS))
    for start in range(0, rows, BLOCK):
        size = min(BLOCK, rows - start)
        block = drawn.standard_normal((size, DIMENSIONS)) + topics[drawn.randint(TOPICS, size=size)] + 0.5 * shared
        block /= numpy.linalg.norm(block, axis=1, keepdims=True)
        copies = numpy.flatnonzero(drawn.rand(size) < PLANTED)
        if start:
            of, cosine = found[drawn.randint(start, size=len(copies))], drawn.uniform(0.8, 1.0, (len(copies), 1))
            aside = drawn.standard_normal((len(copies), DIMENSIONS))
            aside -= (aside * of).sum(axis=1, keepdims=True) * of
            aside /= numpy.linalg.norm(aside, axis=1, keepdims=True)
            block[copies] = cosine * of + numpy.sqrt(1 - cosine**2) * aside
        found[start : start + size] = block
    return {}


def join(room: Path, rows: int, seed: int) -> dict[str, float]:
    """Find the leaders, and write them."""
    import numpy

    from pipeline.vectors.alike import find_leaders
    from pipeline.vectors.planes import Planes, bands_for

    planes = Planes(16, bands_for(THRESHOLD, 16))
    vectors = numpy.load(room / "vectors.npy", mmap_mode="r")
    begun = time.process_time()
    find_leaders(vectors[:8], range(8), THRESHOLD, planes)
    start = time.process_time() - begun
    begun = time.process_time()
    planes.sign(vectors)
    sign = time.process_time() - begun
    begun = time.process_time()
    leader, _ = find_leaders(vectors, range(rows), THRESHOLD, planes)
    cpu = time.process_time() - begun
    numpy.save(room / "leaders.npy", leader)
    return {"cpu": cpu, "sign": sign, "start": start, "dropped": float((leader != numpy.arange(rows)).sum())}


def check(room: Path, rows: int, seed: int) -> dict[str, float]:
    """Of a sample of rows, those that are alike to a leader before them: how many were put down to one."""
    import numpy

    vectors, leader = numpy.load(room / "vectors.npy"), numpy.load(room / "leaders.npy")
    places = numpy.arange(rows)
    leaders = numpy.flatnonzero(leader == places)
    sample = numpy.sort(numpy.random.RandomState(seed).permutation(rows)[:SAMPLE])
    best = numpy.full(len(sample), -1.0)
    for start in range(0, len(leaders), BLOCK):
        some = leaders[start : start + BLOCK]
        products = vectors[sample] @ vectors[some].T
        products[some[None, :] >= sample[:, None]] = -1.0
        numpy.maximum(best, products.max(axis=1), out=best)
    alike, near = best >= THRESHOLD, (best >= THRESHOLD) & (best < 0.92)
    dropped = leader[sample] != sample
    gone = numpy.flatnonzero(leader != places)
    cosine = numpy.einsum("ij,ij->i", vectors[gone].astype(float), vectors[leader[gone]].astype(float))
    return {
        "recall": float(dropped[alike].mean()),
        "near": float(dropped[near].mean()) if near.any() else 1.0,
        "precision": float((cosine >= THRESHOLD - 1e-5).mean()),
    }


class AsLists:
    """Rows as a warehouse hands them over: ids and lists of numbers."""

    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors

    def read(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Batches of (id, vector, id)."""
        for start in range(0, len(self.vectors), 1024):
            ids = [f"prm_{start + place:020x}" for place in range(len(self.vectors[start : start + 1024]))]
            yield list(zip(ids, self.vectors[start : start + 1024].tolist(), ids, strict=True))


def read(room: Path, rows: int, seed: int) -> dict[str, float]:
    """Gather the vectors."""
    import numpy

    from pipeline.vectors.gathering import gathered

    source: Any = AsLists(numpy.load(room / "vectors.npy", mmap_mode="r"))
    begun = time.process_time()
    with gathered(source, "prompts", None, needed_for="a benchmark"):
        return {"cpu": time.process_time() - begun}


def density(room: Path, rows: int, seed: int) -> dict[str, float]:
    """The two nearest of each of the first rows."""
    import numpy

    from pipeline.vectors.neighbours import mean_of_nearest

    vectors = numpy.load(room / "vectors.npy", mmap_mode="r")[:rows]
    begun = time.process_time()
    mean_of_nearest(vectors, 2)
    return {"cpu": time.process_time() - begun}


def diverse(room: Path, rows: int, seed: int) -> dict[str, float]:
    """The farthest rows."""
    import numpy

    from pipeline.vectors.centres import farthest_first

    vectors = numpy.load(room / "vectors.npy", mmap_mode="r")
    begun = time.process_time()
    farthest_first(vectors, KEPT, range(rows))
    return {"cpu": time.process_time() - begun}


PARTS: dict[str, Callable[[Path, int, int], dict[str, float]]] = {
    "make": make, "join": join, "check": check, "read": read, "density": density, "diverse": diverse,
}

if __name__ == "__main__":
    part, folder, count, seed = sys.argv[1:]
    print(json.dumps(PARTS[part](Path(folder), int(count), int(seed))))
