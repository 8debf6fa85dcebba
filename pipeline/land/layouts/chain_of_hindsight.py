"""Both answers in one text, each behind words that say how good it is, with the loss on the answers alone.

Chain of Hindsight (arXiv 2302.02676, section 2) trains a language model on such sequences. The paper shows the better
answer first in some and last in others; here the last digit of the pair's id decides, which is a fair coin and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.land.layouts.arrays import first_of
from pipeline.land.layouts.layout import CALLING, TAIL, Layout, build, fields, only

if TYPE_CHECKING:
    import pyarrow as pa

GOOD, BAD = "A good answer: ", "A bad answer: "
SPEAKERS = {"system": "System: ", "user": "User: ", "assistant": "Assistant: "}
BREAK = "\n\n"


def schema(tools: bool) -> pa.Schema:
    """A segment's `label` is true where its text counts in the loss. No end-of-text token is in it: that is the model's."""
    import pyarrow as pa

    segment = pa.struct([("label", pa.bool_()), ("text", pa.string())])
    return pa.schema([("segments", pa.list_(segment)), ("good_first", pa.bool_()), *fields(("prompt_id", *TAIL))])


def shape(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Four segments a pair: prompt and words, answer, words, answer."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digit = pc.utf8_slice_codeunits(only(rows, "pair_id"), -1)
    is_good_first = pc.is_in(digit, pa.array(list("02468ace")))
    chosen, rejected = (first_of(only(rows, side), "content") for side in ("chosen", "rejected"))
    words = [pc.if_else(is_good_first, *each) for each in ((GOOD, BAD), (BAD, GOOD))]
    texts = [
        pc.binary_join_element_wise(_conversation(rows), words[0], BREAK),
        pc.if_else(is_good_first, chosen, rejected),
        pc.binary_join_element_wise("", words[1], BREAK),
        pc.if_else(is_good_first, rejected, chosen),
    ]
    count = rows.num_rows
    places = pa.concat_arrays([pc.add(pc.multiply(pa.arange(0, count), 4), at) for at in range(4)])
    text = pa.concat_arrays(texts).take(pc.inverse_permutation(places))
    label = pc.equal(pc.bit_wise_and(pa.arange(0, 4 * count), 1), 1)
    segments = pa.StructArray.from_arrays([label, text], fields=list(wanted.field("segments").type.value_type))
    offsets = pc.multiply(pa.arange(0, count + 1), 4).cast(pa.int32())
    return build(wanted, rows, segments=pa.ListArray.from_arrays(offsets, segments), good_first=is_good_first)


def _conversation(rows: pa.Table) -> pa.Array:
    """The prompt as one text: each turn behind its speaker."""
    import pyarrow as pa
    import pyarrow.compute as pc

    prompt = only(rows, "prompt")
    role, content = (pc.struct_field(prompt.values, name) for name in ("role", "content"))
    known = pc.index_in(role, pa.array(list(SPEAKERS)))
    speaker = pc.fill_null(pa.array(list(SPEAKERS.values())).take(known), "")
    turns = pc.binary_join_element_wise(speaker, pc.fill_null(content, ""), "")
    return pc.binary_join(pa.ListArray.from_arrays(prompt.offsets, turns), BREAK)


CHAIN_OF_HINDSIGHT = Layout(
    name="chain_of_hindsight",
    about="Chain of Hindsight (arXiv 2302.02676); axolotl `input_output` reads the segments as they are",
    needs=("prompt", "chosen", "rejected", "prompt_id", *TAIL),
    schema=schema,
    shape=shape,
    refusals=(CALLING,),
)
