"""Criteria and categories: what a judge is asked about one at a time, and the kinds of task that criteria are for."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from prompts.words import Words


class Criterion(Words):
    """One thing to look at, in words.

    `scope` says what it is asked of: `pair` ("which answer is …"; the definition names the better one) or `response` (a
    property that one answer has more or less of). `category` is the kind of task that it is for; empty: any.
    """

    folder: ClassVar[str] = "criteria"
    kind: ClassVar[str] = "criterion"
    labels_only: ClassVar[tuple[str, ...]] = ("weight",)

    definition: str
    scope: Literal["pair", "response"] = "pair"
    category: str = ""
    weight: float = Field(1.0, gt=0)


class Category(Words):
    """One kind of task: what questions of this kind ask for."""

    folder: ClassVar[str] = "categories"
    kind: ClassVar[str] = "category"

    definition: str
