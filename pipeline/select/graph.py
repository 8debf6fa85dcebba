"""Tournaments: who beats whom among some candidates, and where they go round in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

Edges = Mapping[str, frozenset[str]]
"""For each candidate those that it beats."""


def edges_of(wins: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """The digraph of some wins (better, worse), every candidate among its keys."""
    beaten: dict[str, set[str]] = {}
    for better, worse in wins:
        beaten.setdefault(better, set()).add(worse)
        beaten.setdefault(worse, set())
    return {each: frozenset(beaten[each]) for each in sorted(beaten)}


def components(edges: Edges) -> list[frozenset[str]]:
    """The strongly connected components: in one of two or more, everybody beats everybody in some number of steps."""
    reach = {each: _reached(edges, each) for each in edges}
    found = {frozenset(other for other in edges if other in reach[each] and each in reach[other]) for each in edges}
    return sorted(found, key=min)


def _reached(edges: Edges, start: str) -> set[str]:
    """What can be come to from a candidate, itself included."""
    seen, ahead = {start}, [start]
    while ahead:
        new = edges[ahead.pop()] - seen
        seen |= new
        ahead += new
    return seen


def three_cycles(edges: Edges) -> int:
    """How many threes go round in a circle.

    In a tournament without ties or gaps it is n(n-1)(n-2)/6 - the sum of d(d-1)/2, d the wins of each (arXiv 2410.02197;
    Kendall and Babington Smith 1940); in any other digraph they are counted one by one.
    """
    size = len(edges)
    degrees = [len(beaten) for beaten in edges.values()]
    pairs = size * (size - 1) // 2
    if sum(degrees) == pairs and all(
        (one in edges[other]) != (other in edges[one]) for one, other in combinations(edges, 2)
    ):
        return pairs * (size - 2) // 3 - sum(each * (each - 1) // 2 for each in degrees)
    return sum(
        (b in edges[a] and c in edges[b] and a in edges[c]) + (c in edges[a] and b in edges[c] and a in edges[b])
        for a, b, c in combinations(sorted(edges), 3)
    )
