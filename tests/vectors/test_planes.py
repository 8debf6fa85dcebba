"""Signatures by random planes: what theory says of them, what they find, and that they are the same everywhere."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from pipeline.vectors import planes
from pipeline.vectors.planes import PLANE_SPREAD, VECTOR_LENGTH, Planes, bands_for, recall_at, share_of_sides


def unit(vectors: Any) -> Any:
    """The same vectors, each of length 1."""
    return (vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)).astype(numpy.float32)


def pairs_at(cosine: float, count: int, dimensions: int, seed: int) -> tuple[Any, Any]:
    """Random pairs of vectors with exactly this cosine."""
    drawn = numpy.random.RandomState(seed)
    one, other = unit(drawn.standard_normal((count, dimensions))), drawn.standard_normal((count, dimensions))
    aside = unit(other - (other * one).sum(axis=1, keepdims=True) * one)
    return one, unit(cosine * one + math.sqrt(1 - cosine**2) * aside)


@pytest.mark.parametrize(
    ("cosine", "share"), [(1.0, 1.0), (0.0, 0.5), (-1.0, 0.0), (0.5, 2 / 3), (math.sqrt(0.5), 0.75), (1.0000001, 1.0)]
)
def test_the_share_of_sides_by_hand(cosine: float, share: float) -> None:
    assert share_of_sides(cosine) == pytest.approx(share)


def test_recall_by_hand() -> None:
    assert recall_at(0.5, 2, 3) == pytest.approx(1 - (1 - 4 / 9) ** 3)
    assert recall_at(1.0, 16, 1) == 1.0
    assert recall_at(-1.0, 1, 100) == 0.0


@pytest.mark.parametrize("threshold", [0.75, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("bits", [8, 16, 18])
def test_the_bands_are_just_enough(threshold: float, bits: int) -> None:
    bands = bands_for(threshold, bits)
    assert recall_at(threshold, bits, bands) >= 0.999 > recall_at(threshold, bits, bands - 1)
    assert recall_at(threshold + 0.005, bits, bands) > recall_at(threshold, bits, bands)


@pytest.mark.parametrize(("cosine", "dimensions"), [(0.9, 256), (0.9, 16), (0.6, 64), (0.98, 700)])
def test_what_becomes_a_candidate_is_what_theory_says(cosine: float, dimensions: int) -> None:
    """Within five standard errors; the planes are the same for all pairs, so those of few dimensions vary a little more."""
    ways = Planes(bits=12, bands=8)
    one, other = pairs_at(cosine, 4000, dimensions, seed=dimensions)
    (keys, sketches), (other_keys, other_sketches) = ways.sign(one), ways.sign(other)
    found = float((keys == other_keys).any(axis=1).mean())
    expected = recall_at(cosine, 12, 8)
    assert found == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / 4000) + 0.02)
    bits = numpy.unpackbits((sketches ^ other_sketches).view(numpy.uint8), axis=1)
    equal = ways.sketch_bits - bits.sum(axis=1)
    assert ways.sketch_bits == 64
    assert float(equal.mean()) == pytest.approx(64 * share_of_sides(cosine), rel=0.03)
    assert (equal >= ways.least_equal(cosine)).mean() > 0.999


def test_a_sketch_of_few_planes_lets_nothing_slip() -> None:
    """Sides that are not there are the same in all sketches, and are not taken for likeness."""
    few = Planes(bits=4, bands=2)
    assert (few.count, few.sketch_bits) == (8, 64)
    assert few.least_equal(0.9) <= 64 - 8 + 8
    one, other = pairs_at(0.9, 500, 32, seed=1)
    signed = few.sign(one)[1] ^ few.sign(other)[1]
    assert (64 - numpy.unpackbits(signed.view(numpy.uint8), axis=1).sum(axis=1) >= few.least_equal(0.9)).all()


def test_every_sum_is_exact_in_float32() -> None:
    """By Cauchy's inequality no sum is larger than the product of the lengths; 2^24 is where float32 leaves whole numbers."""
    for dimensions in (2, 256, 4096):
        normals = Planes(16, 4).normals(dimensions)
        longest = float(numpy.linalg.norm(normals, axis=1).max())
        assert (VECTOR_LENGTH + math.sqrt(dimensions)) * longest < 2**24
        assert (normals == numpy.rint(normals)).all()
        assert numpy.abs(normals).max() < PLANE_SPREAD * 6.5


def test_a_signature_is_a_function_of_the_vector_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of the batch it comes in, nor of how the products are made."""
    vectors = unit(numpy.random.RandomState(3).standard_normal((300, 33)))
    ways = Planes(16, 20)
    keys, sketches = ways.sign(vectors)
    monkeypatch.setattr(planes, "BLOCK", 7)
    some_keys, some_sketches = ways.sign(vectors)
    assert (keys == some_keys).all()
    assert (sketches == some_sketches).all()
    for row in (0, 150, 299):
        assert (ways.sign(vectors[row : row + 1])[0] == keys[row]).all()
    whole = numpy.rint(vectors.astype(numpy.float64) * VECTOR_LENGTH).astype(numpy.int64)
    sides = whole @ ways.normals(33).astype(numpy.int64).T >= 0
    assert (sides.reshape(300, 20, 16) @ (1 << numpy.arange(16)) == keys).all()


def test_a_signature_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib, numpy\nfrom pipeline.vectors.planes import Planes\n"
        "drawn = numpy.random.RandomState(9).standard_normal((50, 40))\n"
        "vectors = (drawn / numpy.linalg.norm(drawn, axis=1, keepdims=True)).astype(numpy.float32)\n"
        "keys, sketches = Planes(16, 79).sign(vectors)\n"
        "print(hashlib.sha256(keys.tobytes() + sketches.tobytes()).hexdigest())"
    )
    keys, sketches = Planes(16, 79).sign(unit(numpy.random.RandomState(9).standard_normal((50, 40))))
    here = hashlib.sha256(keys.tobytes() + sketches.tobytes()).hexdigest()
    found = set()
    for threads, seed in (("1", "0"), ("2", "1")):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": seed}
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=root, capture_output=True, text=True, check=True)
        found.add(done.stdout.strip())
    assert found == {here}
