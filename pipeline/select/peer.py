"""Keep the pairs that a peer finds easy: each of two judges picks the low-loss pairs for the other."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.select.exact import at_least, exact
from pipeline.select.groups import check_number, number
from pipeline.strategy import Drop, Found, Note, Rows, Said
from schemas.columns import Sifted


@dataclass(frozen=True, slots=True)
class Peer:
    """Keep pairs whose label two judges find easy (small-loss exchange, CRM, arXiv 2505.10597).

    `judges` are two columns that grow with a judge's belief in the label: `gap:NAME`, a difference of rewards with the
    Bradley-Terry loss -log sigmoid(gap), or `signal:NAME`, P(chosen is better) with the loss -log P. Each judge picks the
    share 1 - `noise` of pairs on which its loss is smallest (those that tie with the last one too), for the *other* to
    learn from. `noise` is the share of wrong labels that you expect; nothing here estimates it.

    `keep: both` leaves the pairs that both picked, which either may learn from; `either` those that one of them picked.
    The rest is dropped (`peer_loss`), and so is a pair that one judge has no number for (`no_value`). `peer_margin` is
    noted of the pairs that stay: the number of the judge that is less sure of it, by rank, or with `either` the surer one.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    of: ClassVar[Sifted] = "pairs"

    judges: tuple[str, str]
    noise: Annotated[float, Field(gt=0, lt=1)]
    keep: Literal["both", "either"] = "both"

    def __post_init__(self) -> None:
        if self.judges[0] == self.judges[1]:
            raise ValueError(f"`judges` names {self.judges[0]!r} twice; a judge is no peer of its own")
        for judge in self.judges:
            check_number(self.of, judge, "judges")

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The pairs that are dropped, and the margin of the others. Holds two numbers a pair."""
        one, other = array("d"), array("d")
        for _, margins in self._read(rows):
            if None not in margins:
                one.append(margins[0])
                other.append(margins[1])
        picked = len(one) - at_least(self.noise, len(one))
        ordered = [array("d", sorted(each)) for each in (one, other)]
        least = [each[-picked] if picked else inf for each in ordered]
        yield Found({"pairs": len(one), "picked": picked, "least": dict(zip(self.judges, least, strict=True)) if picked else {}})
        share = f"{float(1 - exact(self.noise)):g}"
        for pair_id, margins in self._read(rows):
            if lacking := [judge for judge, margin in zip(self.judges, margins, strict=True) if margin is None]:
                yield Drop(pair_id, "no_value", f"{' and '.join(lacking)} is missing")
                continue
            against = [judge for judge, margin, low in zip(self.judges, margins, least, strict=True) if margin < low]
            if len(against) > (self.keep == "either"):
                yield Drop(pair_id, "peer_loss", f"not in the share of {share} that is easiest by {' and '.join(against)}")
            else:
                ranked = [(len(each) - bisect_right(each, margin), margin) for each, margin in zip(ordered, margins, strict=True)]
                yield Note(pair_id, "peer_margin", (max(ranked) if self.keep == "both" else min(ranked))[1])

    def _read(self, rows: Rows) -> Iterator[tuple[str, list[Any]]]:
        for batch in rows.read("id", *self.judges):
            for pair_id, *given in batch:
                yield pair_id, [number(each) for each in given]
