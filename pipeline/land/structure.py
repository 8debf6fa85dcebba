"""What an export holds, for the card: its configurations, splits, layouts and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.land.columns import MEANINGS
from pipeline.land.facts import LayoutFact
from pipeline.land.layouts import DEFAULT, LAYOUTS
from pipeline.land.manifest import Manifest
from pipeline.land.markdown import table
from pipeline.land.splits import SPLITS

# By how pyarrow begins to write the type.
TYPES = {"string": "text", "int64": "number", "double": "number", "bool": "true or false", "list<item": "list"}


def configurations(layouts: Mapping[str, LayoutFact], *, jsonl: bool = False) -> list[dict[str, Any]]:
    """The `configs` of a card's head, one for each layout that has rows; a reader who names none gets the first."""
    ending = "jsonl" if jsonl else "parquet"
    return [
        {
            "config_name": name,
            **({"default": True} if not at else {}),
            "data_files": [
                {"split": split, "path": f"{name}/{split}.{ending}"}
                for split in SPLITS
                if split in layouts[name].splits
            ],
        }
        for at, name in enumerate(each for each in LAYOUTS if each in layouts)
    ]


def structure(release: Manifest, layouts: Mapping[str, LayoutFact]) -> str:
    """The splits, the layouts with what is not in them, and the columns of the default layout."""
    splits = [(name, release.splits[name]) for name in SPLITS if release.splits.get(name)]
    there = [name for name in LAYOUTS if name in layouts]
    parts = [
        table(["split", "pairs"], splits),
        "Documents, not pairs, were shared out, so no document is in two splits. Rows are sorted by `pair_id`.",
        'Each layout is a configuration: `load_dataset(…, "NAME")`.',
        table(
            ["layout", "rows", "for"],
            [(name, sum(layouts[name].splits.values()), LAYOUTS[name].about.replace("`", "")) for name in there],
        ),
    ]
    if partial := [_missing(name, layouts[name], release.rows) for name in there if layouts[name].left_out]:
        parts.append("Not every layout has a place for every pair:\n\n" + "\n".join(f"- {line}" for line in partial))
    if DEFAULT in there:
        schema = LAYOUTS[DEFAULT].schema(release.tool_rows > 0)
        rows = [(field.name, TYPES[str(field.type).partition(":")[0]], MEANINGS[field.name]) for field in schema]
        parts += [f"The columns of `{DEFAULT}`:", table(["column", "type", "what it is"], rows)]
    return "\n\n".join(parts)


def _missing(name: str, fact: LayoutFact, pairs: int) -> str:
    """`standard: 120 of 200 pairs; 80 have several turns`."""
    reasons = [
        f"{count:,} {words}" for words, count in sorted(fact.left_out.items(), key=lambda item: (-item[1], item[0]))
    ]
    return f"`{name}`: {pairs - sum(fact.left_out.values()):,} of {pairs:,} pairs; {', '.join(reasons)}"
