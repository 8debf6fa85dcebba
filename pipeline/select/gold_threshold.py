"""The threshold that keeps a target share of the rows that are known to be good."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from pipeline.select.groups import column_of, group_of, number
from pipeline.select.spans import Span, at_recall
from pipeline.strategy import Rows
from schemas.errors import RequestError

IS_GOOD = 0.5


class Recall(TypedDict):
    """The share of good rows to keep, and the column that says which are good: those with a number above ½."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]
    target: Annotated[float, Field(gt=0, le=1)]
    gold: str


def spans_at_recall(
    rows: Rows, by: str, per: str | None, recall: Recall, *, keeps_missing: bool
) -> tuple[dict[str, Span], Span]:
    """The span of each group that has good rows with a number, and that of all rows together, which the others take.

    Good rows without a number count: they are kept or lost whatever the threshold is. Raises `RequestError` when no row
    is good.
    """
    values: dict[str, array[float]] = {}
    missing: Counter[str] = Counter()
    for batch in rows.read(by, recall["gold"], *column_of(per)):
        for given, gold, *groups in batch:
            if (number(gold) or 0.0) <= IS_GOOD:
                continue
            group, value = group_of(per, groups[0] if groups else None), number(given)
            if value is None:
                missing[group] += 1
            else:
                values.setdefault(group, array("d")).append(value)
    if not values and not missing:
        raise RequestError(
            f"`select/filter`: no row has {recall['gold']!r} above {IS_GOOD:g}, so no threshold on {by!r} keeps "
            f"{recall['target']:g} of them; name another `gold`, or judge with it first"
        )

    def span_of(numbers: Iterable[float], without: int) -> Span:
        kept, lost = (without, 0) if keeps_missing else (0, without)
        return at_recall(numbers, recall["target"], kept=kept, lost=lost)

    spans = {group: span_of(values[group], missing[group]) for group in sorted(values)}
    return spans, span_of(chain.from_iterable(values.values()), missing.total())
