"""Keep the rows whose number, or word, in a column is as asked for; thresholds may come from all rows together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from pipeline.select.best import cuts_of, losers_of, numbers_of
from pipeline.select.gold_threshold import Recall, spans_at_recall
from pipeline.select.groups import check_group, check_number, read_numbers, told_by_group
from pipeline.select.spans import Span, around_mean, between_quantiles, near
from pipeline.strategy import Drop, Found, Rows, Said
from schemas.columns import Sifted, check_column, is_number

Word = str | float
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
CLOSED = ConfigDict(extra="forbid")
BY_VALUE = ("min or max", "equals", "one_of", "band")
BY_ALL = ("quantile", "sd", "top", "bottom", "recall")
Quantiles = TypedDict(
    "Quantiles",
    {"from": Annotated[float, Field(gt=0, le=1)], "to": Annotated[float, Field(ge=0, lt=1)]},
    total=False,
)
"""Two quantiles; one that is left out leaves its side open."""
Quantiles.__pydantic_config__ = CLOSED  # type: ignore[attr-defined]


class Deviations(TypedDict, total=False):
    """Standard deviations from the mean; one that is left out leaves its side open."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    below: Amount
    above: Amount


class Band(TypedDict):
    """A centre and how far from it on either side."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    around: Finite
    width: Amount


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep rows by the value of one column, under exactly one rule.

    `min`, `max`: within these bounds. `equals`, `one_of`: one of these values; of a list, such as `tags`, one member is.
    `band`: at most `width` from `around` on either side (pass rates near ½: arXiv 2510.01135). `quantile`: between two
    quantiles of all rows, interpolated. `sd`: within so many standard deviations of the mean (Middo, arXiv 2508.21589).
    `recall`: from the threshold on that keeps the target share of the rows whose `gold` is above ½ (symbolic knowledge
    distillation, arXiv 2110.07178). `top`, `bottom`: exactly so many rows; of equals at the end those with the smallest
    ids. Under all others a value at a threshold stays. With `per`, each group has a threshold of its own.

    A row without a value has shown nothing: it is dropped (`no_value`) unless `missing: keep`. The thresholds that were
    found are kept in `fits`. Rules by value drop nothing of what they kept; those by all rows may.
    """

    __pydantic_config__ = CLOSED
    version: ClassVar[int] = 1

    by: str
    of: Sifted = "pairs"
    min: Finite | None = None
    max: Finite | None = None
    equals: Word | None = None
    one_of: tuple[Word, ...] = ()
    quantile: Quantiles | None = None
    sd: Deviations | None = None
    band: Band | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    bottom: Annotated[int, Field(ge=1)] | None = None
    recall: Recall | None = None
    per: str | None = None
    missing: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        given = [name for name in (*BY_VALUE, *BY_ALL) if self._has(name)]
        if len(given) != 1:
            known = ", ".join((*BY_VALUE, *BY_ALL))
            raise ValueError(f"it filters by one rule, and has {' and '.join(given) or 'none'}; the rules are {known}")
        if self._words:
            self._refuse_words_of_another_kind()
        else:
            check_number(self.of, self.by)
        if self.per is not None and given[0] not in BY_ALL:
            raise ValueError(f"`per` does nothing with `{given[0]}`, which is the same in every group; leave it out")
        check_group(self.of, self.per)
        self._refuse_empty_spans()

    def _has(self, rule: str) -> bool:
        if rule == "min or max":
            return self.min is not None or self.max is not None
        return bool(self.one_of) if rule == "one_of" else getattr(self, rule) is not None

    @property
    def _words(self) -> tuple[Word, ...]:
        return self.one_of if self.equals is None else (self.equals,)

    def _refuse_words_of_another_kind(self) -> None:
        check_column(self.of, self.by)
        numbers = is_number(self.by)
        if wrong := [word for word in self._words if isinstance(word, str) == numbers]:
            told = "numbers, and {!r} is none" if numbers else "texts, and {!r} is none; put it in quotes"
            raise ValueError(f"`by` is {self.by!r}, a column of {told.format(wrong[0])}")

    def _refuse_empty_spans(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` is {self.min:g} and `max` {self.max:g}: nothing lies between")
        for name, ends in (("quantile", self.quantile), ("sd", self.sd)):
            if ends is not None and not ends:
                words = "`from` or `to`" if name == "quantile" else "`below` or `above`"
                raise ValueError(f"`{name}` is empty and would keep everything; give {words}")
        if self.quantile and self.quantile.get("from", 0.0) > self.quantile.get("to", 1.0):
            raise ValueError("`quantile` ends below where it begins; `from` is the smaller share")
        if self.recall is not None:
            check_number(self.of, self.recall["gold"], "gold")
            if self.recall["gold"] == self.by:
                raise ValueError(f"`gold` is the column filtered by, {self.by!r}; give one that says which rows are good")

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows that are dropped, and the thresholds if they come from the rows. Holds one number a row."""
        if self._words:
            return self._sift_words(rows)
        return self._sift_spans(rows) if self.top is None and self.bottom is None else self._sift_ranks(rows)

    def _sift_words(self, rows: Rows) -> Iterator[Drop]:
        wanted = set(self._words)
        for batch in rows.read("id", self.by):
            for row_id, value in batch:
                if value is None:
                    yield from self._without_value(row_id)
                elif isinstance(value, list | tuple):
                    if wanted.isdisjoint(value):
                        yield Drop(row_id, "other_value", f"{self.by} has none of those asked for")
                elif value not in wanted:
                    yield Drop(row_id, "other_value", f"{self.by} is {_short(value)}")

    def _sift_spans(self, rows: Rows) -> Iterator[Drop | Found]:
        spans, elsewhere = self._spans(rows)
        if spans is not None:
            yield Found(told_by_group(self.per, {group: span.told() for group, span in spans.items()}))
        known = spans or {}
        for row_id, group, value in read_numbers(rows, self.by, self.per):
            if value is None:
                yield from self._without_value(row_id)
            elif value not in (span := known.get(group, elsewhere)):
                told = f"{self.by} {value:g} is outside {self._shown}"
                if self.band is not None:
                    yield Drop(row_id, "outside_band", told)
                else:
                    yield Drop(row_id, "below_threshold" if value < span.low else "above_threshold", told)

    def _spans(self, rows: Rows) -> tuple[dict[str, Span] | None, Span]:
        """The spans of groups, where they come from the rows, and the span of every other group."""
        if self.recall is not None:
            return spans_at_recall(rows, self.by, self.per, self.recall, keeps_missing=self.missing == "keep")
        if self.band is not None:
            return None, near(self.band["around"], self.band["width"])
        if self.quantile is None and self.sd is None:
            return None, Span(-inf if self.min is None else self.min, inf if self.max is None else self.max)
        entries = read_numbers(rows, self.by, self.per)
        values = numbers_of((group, value) for _, group, value in entries if value is not None)
        if self.sd is not None:
            below, above = self.sd.get("below"), self.sd.get("above")
            return {group: around_mean(each, below, above) for group, each in values.items()}, Span()
        ends = self.quantile or {}
        start, end = ends.get("from"), ends.get("to")
        return {group: between_quantiles(each, start, end) for group, each in values.items()}, Span()

    def _sift_ranks(self, rows: Rows) -> Iterator[Drop | Found]:
        side, count = (-1, self.bottom or 0) if self.top is None else (1, self.top)

        def read() -> Iterator[tuple[str, str, float]]:
            for row_id, group, value in read_numbers(rows, self.by, self.per):
                if value is not None:
                    yield row_id, group, side * value

        values = numbers_of((group, value) for _, group, value in read())
        cuts, tied = cuts_of(values, dict.fromkeys(values, count))
        end = "low" if side > 0 else "high"
        told = {group: {end: side * cut.at} if abs(cut.at) < inf else {} for group, cut in cuts.items()}
        yield Found(told_by_group(self.per, told))
        for row_id, _, value in losers_of(read, cuts, tied):
            told_of = f"{self.by} {side * value:g} is outside {self._shown}"
            yield Drop(row_id, "not_in_top" if side > 0 else "not_in_bottom", told_of)
        if self.missing == "drop":
            for row_id, _, given in read_numbers(rows, self.by):
                if given is None:
                    yield from self._without_value(row_id)

    def _without_value(self, row_id: str) -> Iterator[Drop]:
        if self.missing == "drop":
            yield Drop(row_id, "no_value", f"{self.by} is missing")

    @property
    def _shown(self) -> str:
        """The rule in a few words: as the recipe has it, so that a night with other rows says the same."""
        name = next(name for name in (*BY_VALUE, *BY_ALL) if self._has(name))
        if name == "min or max":
            ends = {"min": self.min, "max": self.max}
        else:
            value = getattr(self, name)
            ends = value if isinstance(value, dict) else {name: value}
        words = " and ".join(f"{end} {_short(each)}" for end, each in ends.items() if each is not None)
        head = "" if name in ("min or max", "top", "bottom") else f"{name} "
        return f"{head}{words}{f' of its {self.per}' if self.per else ''}"


def _short(value: object) -> str:
    """A value in a sentence."""
    return f"{value:g}" if isinstance(value, float) else str(value)[:80]
