"""Who stands for whom: alike rows come together, and each that leaves is alike to the one that stays for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

Row = TypeVar("Row", int, str)


def components(pairs: Iterable[tuple[Row, Row]]) -> list[list[Row]]:
    """The rows that hang together over alike pairs, each component and all of them sorted by their least row.

    Splits must not cut them. Rows that are in no pair are not there.
    """
    above: dict[Row, Row] = {}

    def root(row: Row) -> Row:
        while (parent := above.setdefault(row, row)) != row:
            above[row] = above[parent]
            row = above[row]
        return row

    for a, b in pairs:
        one, other = root(a), root(b)
        if one != other:
            above[one] = other
    together: defaultdict[Row, list[Row]] = defaultdict(list)
    for row in above:
        together[root(row)].append(row)
    return sorted(sorted(rows) for rows in together.values())


def leaders(
    pairs: Iterable[tuple[Row, Row]],
    rank: Mapping[Row, Any],
    alike: Callable[[list[tuple[Row, Row]]], list[bool]],
    together: Iterable[Iterable[Row]] | None = None,
) -> dict[Row, Row]:
    """For each row that leaves, the row that stays for it; rows that stay are not named.

    Within a component rows come in the order of `rank` (ties by the row itself). The first leads; each other row joins the
    best-ranked leader that it is alike to, and leads itself if there is none. So rows that hang together over a chain of
    small changes, as fillings of one template do, are not thrown into one.

    `alike` is asked about pairs (leader, row) that are not among `pairs`, each once, all that are open in one list. Neither
    the order of the pairs nor which of them a forest has left out (see `candidates`) changes the answer. `together` are the
    components, where rows that are not in `rank` have a part in them; else they are those of the pairs.
    """
    edges: defaultdict[Row, set[Row]] = defaultdict(set)
    for a, b in pairs:
        if a != b:
            edges[a].add(b)
            edges[b].add(a)
    joined: dict[Row, Row] = {}
    waiting = [
        sorted(rows, key=lambda row: (rank[row], row), reverse=True)
        for rows in (components((a, b) for a, others in edges.items() for b in others) if together is None else together)
    ]
    while waiting:
        heads = [(rows.pop(), rows) for rows in waiting]
        asked = [(leader, row) for leader, rows in heads for row in rows if row not in edges[leader]]
        said = dict(zip(asked, alike(asked) if asked else [], strict=True))
        waiting = []
        for leader, rows in heads:
            left = []
            for row in rows:
                if row in edges[leader] or said[leader, row]:
                    joined[row] = leader
                else:
                    left.append(row)
            if left:
                waiting.append(left)
    return joined
