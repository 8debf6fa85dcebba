"""Lists of Arrow put together, taken apart and looked into, without a Python object for a row.

Every array here has no null and no offset; `prepare` sees to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def join_lists(lists: Sequence[pa.ListArray]) -> pa.ListArray:
    """Row by row, the elements of the first list, then those of the second, and so on; all have one type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = [pc.list_value_length(each) for each in lists]
    total = lengths[0]
    for each in lengths[1:]:
        total = pc.add(total, each)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(total)])
    starts, places = offsets.slice(0, len(total)), []
    for each, length in zip(lists, lengths, strict=True):
        # Where the first element of each row's part goes, less where it comes from, is how far all of the part move.
        moved = pc.subtract(starts, each.offsets.slice(0, len(each)))
        rows = pc.list_parent_indices(each)
        places.append(pc.add(pa.arange(0, len(rows)).cast(pa.int32()), moved.take(rows)))
        starts = pc.add(starts, length)
    values = pa.concat_arrays([each.values for each in lists])
    return pa.ListArray.from_arrays(offsets, values.take(pc.inverse_permutation(pa.concat_arrays(places))))


def alternate(first: pa.Array, second: pa.Array) -> pa.Array:
    """The first of one, the first of the other, the second of one, and so on."""
    import pyarrow as pa
    import pyarrow.compute as pc

    even = pc.multiply(pa.arange(0, len(first)), 2)
    places = pa.concat_arrays([even, pc.add(even, 1)])
    return pa.concat_arrays([first, second]).take(pc.inverse_permutation(places))


def twice(count: int) -> pa.Array:
    """0, 0, 1, 1, … below `count`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.divide(pa.arange(0, 2 * count), 2)


def as_lists(values: pa.Array) -> pa.ListArray:
    """Each value as a list of one."""
    import pyarrow as pa

    return pa.ListArray.from_arrays(pa.arange(0, len(values) + 1).cast(pa.int32()), values)


def starts_of(lists: pa.ListArray) -> pa.Array:
    """Where the elements of each row begin among the values of all."""
    return lists.offsets.slice(0, len(lists))


def first_of(lists: pa.ListArray, field: str, after: int = 0) -> pa.Array:
    """One field of the first struct of each row, or the one `after` it; every row has so many."""
    import pyarrow.compute as pc

    starts = starts_of(lists)
    return pc.struct_field(lists.values, field).take(pc.add(starts, after) if after else starts)


def last_of(lists: pa.ListArray, field: str) -> pa.Array:
    """One field of the last struct of each row; no row is empty."""
    import pyarrow.compute as pc

    return pc.struct_field(lists.values, field).take(pc.subtract(lists.offsets.slice(1), 1))


def count_in_rows(marks: pa.Array, lists: pa.ListArray) -> pa.Array:
    """How many elements of each row are marked; `marks` has one boolean for each value of `lists`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sums = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(marks.cast(pa.int64()))])
    ends = sums.take(lists.offsets)
    return pc.subtract(ends.slice(1), ends.slice(0, len(lists)))


def invert(marks: pa.Array) -> pa.Array:
    """Where a mark is not; a missing one is not."""
    import pyarrow.compute as pc

    return pc.invert(pc.fill_null(marks, False))
