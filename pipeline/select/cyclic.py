"""Drop pairs whose labels go round in a circle."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.strategy import Drop, Rows, Said
from schemas.columns import Sifted

Edge = tuple[int, int]
"""The better response and the worse, as numbers that stand for their ids."""


@dataclass(frozen=True, slots=True)
class Cyclic:
    """Drop the pairs of a prompt that contradict one another in a circle (GPM, arXiv 2410.02197): a over b over c over a.

    `circles: three` drops the pairs on some circle of three (`cycle`). `any` drops those on a circle of any length, two
    labels that contradict each other among them: both responses lie in one strongly connected component. All other pairs
    of the prompt stay, so that what is left has no such circle. Labels that hold under different conditions do not
    contradict each other: each condition is looked at by itself.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    of: ClassVar[Sifted] = "pairs"

    circles: Literal["three", "any"] = "any"

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The pairs on a circle. Holds 24 bytes a pair."""
        prompts, better, worse = array("Q"), array("Q"), array("Q")
        for batch in rows.read("prompt_id", "condition", "chosen_id", "rejected_id"):
            for prompt_id, condition, chosen_id, rejected_id in batch:
                prompts.append(_stand_in(prompt_id, condition))
                better.append(_stand_in(chosen_id))
                worse.append(_stand_in(rejected_id))
        find = three_circles if self.circles == "three" else any_circles
        circular: set[tuple[int, int, int]] = set()
        places = sorted(range(len(prompts)), key=prompts.__getitem__)
        for prompt, of_prompt in groupby(places, key=prompts.__getitem__):
            edges = {(better[place], worse[place]) for place in of_prompt}
            if len(edges) > 1:
                circular.update((prompt, *edge) for edge in find(edges))
        if not circular:
            return
        for batch in rows.read("id", "prompt_id", "condition", "chosen_id", "rejected_id"):
            for row_id, prompt_id, condition, chosen_id, rejected_id in batch:
                edge = (_stand_in(prompt_id, condition), _stand_in(chosen_id), _stand_in(rejected_id))
                if edge in circular:
                    yield Drop(row_id, "cycle", f"other labels of the prompt put {rejected_id} over {chosen_id}")


def three_circles(edges: set[Edge]) -> set[Edge]:
    """The edges that lie on some circle of three."""
    beaten = _beaten(edges)
    return {(a, b) for a, b in edges if any((c, a) in edges for c in beaten.get(b, ()) if c != a)}


def any_circles(edges: set[Edge]) -> set[Edge]:
    """The edges that lie on some circle: from the worse response one comes back to the better."""
    beaten = _beaten(edges)
    reach: dict[int, set[int]] = {}
    for start in {worse for _, worse in edges}:
        seen, ahead = {start}, [start]
        while ahead:
            new = beaten.get(ahead.pop(), set()) - seen
            seen |= new
            ahead += new
        reach[start] = seen
    return {(better, worse) for better, worse in edges if better in reach[worse]}


def _beaten(edges: Iterable[Edge]) -> dict[int, set[int]]:
    beaten: dict[int, set[int]] = {}
    for better, worse in edges:
        beaten.setdefault(better, set()).add(worse)
    return beaten


def _stand_in(row_id: str, condition: str | None = None) -> int:
    """64 bits that stand for an id, and a condition: two among a million meet by chance with probability 3e-8."""
    text = row_id if condition is None else f"{row_id}\0{condition}"
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
