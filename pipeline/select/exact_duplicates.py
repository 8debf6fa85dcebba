"""Drop pairs that repeat another pair."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from pipeline.strategy import Decision
from schemas.fingerprints import identify
from schemas.units import PairText, UnitKind

Rank = tuple[float, str]


@dataclass(frozen=True, slots=True)
class ExactDuplicates:
    """Of pairs with the same texts, keep the most confident (the smallest id among equals) and drop the rest.

    `on: pair` compares question, chosen and rejected, and the words of the condition that the label holds under if there
    is one; `on: prompt` the question alone. White space at the ends and runs of it do not count. A dropped pair names
    the one that was kept.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    unit: ClassVar[UnitKind] = "all_pairs"

    on: Literal["pair", "prompt"] = "pair"

    def decide(self, pairs: Iterable[PairText]) -> Iterator[Decision]:
        """One decision for each pair. Holds 16 bytes of text hash a pair, not the texts."""
        seen: list[tuple[bytes, Rank, str]] = []
        best: dict[bytes, Rank] = {}
        for each in pairs:
            key, rank = self._key(each), (-each.pair.confidence, each.pair.pair_id)
            seen.append((key, rank, each.pair.document_id))
            best[key] = min(best.get(key, rank), rank)
        for key, rank, document_id in seen:
            pair_id, kept_id = rank[1], best[key][1]
            if pair_id == kept_id:
                yield Decision(pair_id, pair_id, document_id, keep=True)
            else:
                unit_id = identify("groups", pair_id, kept_id)
                yield Decision(
                    unit_id, pair_id, document_id, keep=False, reason="exact_duplicate", detail=f"repeats {kept_id}"
                )

    def _key(self, each: PairText) -> bytes:
        turns = [message["content"] for message in each.prompt.messages]
        texts = turns if self.on == "prompt" else [*turns, each.chosen.text, each.rejected.text, *_condition(each)]
        joined = "\0".join(" ".join(text.split()) for text in texts)
        return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _condition(each: PairText) -> list[str]:
    condition = each.pair.condition
    return [condition["kind"], condition["text"]] if condition else []
