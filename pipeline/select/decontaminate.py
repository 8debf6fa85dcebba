"""Drop or flag rows that repeat evaluation items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.contamination.evaluations import EvaluationSet, labelled_item
from pipeline.contamination.index import Index
from pipeline.contamination.search import check_search, describe, fewest_words, index_of
from pipeline.preferences.items import MEDIA_TYPE
from pipeline.strategy import Drop, Found, Note, Rows, Said
from schemas.columns import Sifted

FLAG = "flag/contaminated"
TEXTS: dict[Sifted, tuple[str, ...]] = {
    "documents": ("text",),
    "passages": ("text",),
    "prompts": ("text",),
    "responses": ("text",),
    "pairs": ("prompt", "chosen", "rejected"),
}


@dataclass(frozen=True, slots=True)
class Decontaminate:
    """Look for evaluation items in every row, and drop or flag the rows that hold some (`contaminated`).

    A row holds an item if it has a run of `n` words of it; the default is that of GPT-3 (arXiv 2005.14165, appendix C).
    A text of an item that is shorter than `n` words is looked for whole, if it has at least `min_words` (the smaller of
    `n` and 8). `min_share` in [0, 1]: what share of the words of the item such runs have to cover. The search is exact:
    nothing is dropped that does not have the words, and nothing is missed that has.

    `against` names the sets. With `labelled`, answers that people have labelled are a set too, as `prefmill audit judge
    --labels` has read them into the warehouse: a judge is not to be audited on what a model was trained on.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    against: tuple[EvaluationSet, ...] = ()
    of: Sifted = "pairs"
    n: Annotated[int, Field(ge=1, le=1000)] = 13
    min_words: Annotated[int, Field(ge=1)] | None = None
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    do: Literal["drop", "flag"] = "drop"
    labelled: bool = True

    def __post_init__(self) -> None:
        if not self.against and not self.labelled:
            raise ValueError("it compares with nothing; give `against`, or leave `labelled` true")
        check_search(self.against, self.n, self.min_words)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """What of each row that holds an item, and at the end how many there were of each set."""
        index, count = self._index(rows), 0
        sets: Counter[str] = Counter()
        for batch in rows.read("id", *TEXTS[self.of]):
            for hit in index.scan([row[1:] for row in batch], self.min_share):
                row_id, detail = batch[hit.row][0], describe(hit)
                sets[hit.item.of] += 1
                if self.do == "drop":
                    yield Drop(row_id, "contaminated", detail)
                else:
                    yield Note(row_id, FLAG, value=hit.share, text=detail)
            count += len(batch)
        coverage = index.coverage
        yield Found(
            {
                "rows": count, "contaminated": dict(sorted(sets.items())),
                "items": coverage.items, "items_searched": coverage.searched, "runs": coverage.runs,
            }
        )

    def _index(self, rows: Rows) -> Index:
        stored = rows.documents(MEDIA_TYPE) if self.labelled else iter(())
        labelled = [labelled_item(*each) for batch in stored for each in batch]
        if not labelled:
            return index_of(self.against, self.n, self.min_words)
        items = [*(item for each in self.against for item in each.items()), *labelled]
        return Index.build(items, self.n, fewest_words(self.n, self.min_words))
