"""The layouts of an export: what trainers read, one file and one folder each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.land.columns import CONVERSATIONS, calls_tools
from pipeline.land.layouts.chain_of_hindsight import CHAIN_OF_HINDSIGHT
from pipeline.land.layouts.conditioned import CONDITIONED
from pipeline.land.layouts.conversational import CONVERSATIONAL
from pipeline.land.layouts.implicit import IMPLICIT
from pipeline.land.layouts.layout import CALLS, Layout
from pipeline.land.layouts.messages import MESSAGES
from pipeline.land.layouts.outward import outward
from pipeline.land.layouts.per_objective import PER_OBJECTIVE
from pipeline.land.layouts.prompt_only import PROMPT_ONLY
from pipeline.land.layouts.provenance import PROVENANCE
from pipeline.land.layouts.ranked import RANKED
from pipeline.land.layouts.rationale import RATIONALE
from pipeline.land.layouts.sft import SFT
from pipeline.land.layouts.soft import SOFT
from pipeline.land.layouts.standard import STANDARD
from pipeline.land.layouts.stepwise import STEPWISE
from pipeline.land.layouts.tool_trace import TOOL_TRACE
from pipeline.land.layouts.unpaired import UNPAIRED
from pipeline.land.layouts.votes import VOTES
from schemas.errors import RequestError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DEFAULT", "LAYOUTS", "Layout", "choose", "prepare"]

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        CONVERSATIONAL, IMPLICIT, STANDARD, MESSAGES, RANKED, UNPAIRED, VOTES, PROVENANCE, SFT, PROMPT_ONLY, SOFT,
        CONDITIONED, PER_OBJECTIVE, STEPWISE, RATIONALE, CHAIN_OF_HINDSIGHT, TOOL_TRACE,
    )
}  # fmt: skip
DEFAULT = CONVERSATIONAL.name
"""The layout that a reader of the dataset gets who names none."""


def choose(names: Sequence[str]) -> list[Layout]:
    """The layouts of these names in the order of `LAYOUTS`; all without a name."""
    if unknown := [name for name in names if name not in LAYOUTS]:
        raise RequestError(
            f"there is no layout {unknown[0]!r}{nearest(unknown[0], LAYOUTS)}; there are {', '.join(LAYOUTS)}"
        )
    return [layout for name, layout in LAYOUTS.items() if not names or name in names]


def prepare(rows: pa.Table, tools: bool) -> pa.Table:
    """Rows of a release as layouts take them: conversations as trainers read them, one plain chunk a column.

    `tools` is whether any pair of the whole release calls tools; where none does, messages are role and content.
    """
    import pyarrow as pa

    has_calls = calls_tools(rows) if tools else pa.array([False] * rows.num_rows, pa.bool_())
    columns = {name: _plain(rows[name]) for name in rows.column_names}
    turned = {name: outward(columns[name], tools) for name in (*CONVERSATIONS, "also_chosen") if name in columns}
    return pa.table(columns | turned | {CALLS: has_calls})


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array of its own: no slice of a longer one."""
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    is_slice = array.offset or (
        pa.types.is_list(array.type) and len(array) and len(array.values) != array.offsets[-1].as_py()
    )
    return pa.concat_arrays([array, array[:0]]) if is_slice else array
