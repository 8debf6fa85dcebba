"""Note how densely the vectors of others lie around each row, and drop the sparse or the dense end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.extras import demand
from pipeline.strategy import Drop, Found, Note, Rows, Said
from pipeline.vectors.gathering import Embedded, gathered, vector_column
from pipeline.vectors.neighbours import mean_of_nearest

NEEDED_FOR = "`select/density`"
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Density:
    """Notes the mean cosine of each row with its `neighbours` nearest others as `density`; one end may be dropped.

    `drop: sparse` drops what is below mean - `sd` standard deviations, or the share `quantile` with the lowest density;
    `drop: dense` what is above mean + `sd` standard deviations, or the highest share. Middo (arXiv 2508.21589) takes two
    neighbours and the sparse end below one standard deviation, there to write more of it. Of pairs the prompts are
    compared, and all pairs of a prompt have its density. A row alone, or without a vector, has none and stays.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("vectors",)

    of: Embedded = "prompts"
    neighbours: int = 2
    drop: Literal["nothing", "sparse", "dense"] = "nothing"
    sd: float | None = None
    quantile: float | None = None
    vectors: str | None = None

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing."""
        demand(("numpy",), NEEDED_FOR, "embeddings")
        if not 1 <= self.neighbours <= 1000:
            raise ValueError(f"`neighbours` is {self.neighbours}; give 1 to 1000")
        given = [name for name in ("sd", "quantile") if getattr(self, name) is not None]
        if self.drop == "nothing" and given:
            raise ValueError(f"`{given[0]}` limits nothing with drop: nothing; give drop: sparse or drop: dense")
        if self.drop != "nothing" and len(given) != 1:
            raise ValueError(f"drop: {self.drop} needs one of `sd` and `quantile`, which say where it begins")
        if self.sd is not None and not math.isfinite(self.sd):
            raise ValueError(f"`sd` is {self.sd}; give a number of standard deviations")
        if self.quantile is not None and not 0.0 < self.quantile < 1.0:
            raise ValueError(f"`quantile` is {self.quantile}; give a share between 0 and 1")
        vector_column(self.of, self.vectors)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The density of each row that has one, and the rows that are dropped for theirs."""
        with gathered(rows, self.of, self.vectors, needed_for=NEEDED_FOR) as found:
            means = mean_of_nearest(found.vectors, self.neighbours).tolist()
            # Rounded before anything is decided: what is noted and what is dropped agree on any machine.
            densities = [None if math.isnan(mean) else round(mean, DECIMALS) for mean in means]
            known = sorted(density for density in densities if density is not None)
            limit = self._limit(known)
            for place, row_id in found.rows:
                density = densities[place]
                if density is None:
                    continue
                if self.drop == "sparse" and limit is not None and density < limit:
                    yield Drop(row_id, "too_sparse", f"density {density:.3f}")
                elif self.drop == "dense" and limit is not None and density > limit:
                    yield Drop(row_id, "too_dense", f"density {density:.3f}")
                else:
                    yield Note(row_id, "density", density)
            mean, spread = _moments(known)
            yield Found({"rows": len(known), "mean": mean, "sd": spread, "limit": limit, "without_vector": len(found.without)})

    def _limit(self, known: list[float]) -> float | None:
        """The density below which, or above which, rows are dropped; None where there is nothing to be dropped."""
        if self.drop == "nothing" or not known:
            return None
        mean, spread = _moments(known)
        if self.sd is not None and mean is not None and spread is not None:
            return round(mean - self.sd * spread if self.drop == "sparse" else mean + self.sd * spread, DECIMALS)
        # So many at one end go, fewer where equals stand at the limit.
        count = math.floor((self.quantile or 0.0) * len(known) + 1e-9)
        return known[min(count, len(known) - 1)] if self.drop == "sparse" else known[max(len(known) - 1 - count, 0)]


def _moments(known: list[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation (of all there are, not of a sample) of sorted numbers, rounded."""
    if not known:
        return None, None
    mean = math.fsum(known) / len(known)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / len(known))
    return round(mean, DECIMALS), round(spread, DECIMALS)
