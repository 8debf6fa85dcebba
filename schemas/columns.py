"""The columns of the rows that are sifted: what filters, caps and duplicates may ask of documents, prompts, pairs.

| written as     | of                        | is                                                                |
|----------------|---------------------------|-------------------------------------------------------------------|
| a plain name   | every table               | a text, a number or a list; see `COLUMNS`                         |
| `signal:NAME`  | prompts, responses, pairs | the mean of these signals, see below                              |
| `chosen:NAME`  | pairs                     | that of the chosen response alone; `rejected:NAME` likewise       |
| `gap:NAME`     | pairs                     | the difference of the two                                         |
| `note:NAME`    | every table               | the value that an earlier step noted                              |
| `vector`       | prompts, responses, pairs | the row's vector; of a pair that of its prompt                    |
| `vector:NAME`  | the same                  | that of the model NAME, where several models made vectors         |

Signals of a pair are about both its responses: their mean is the probability that chosen is the better one, or that of
their values if they name no side. Those of a prompt are about the prompt itself, or else about each of its responses.
Means go over draws and orders first, then over judges. What was not measured is None.

`landed` is the number of the build that made the row. `text_key`, `prompt_key` and `pair_key` are hashes of texts, in which
white space at the ends and runs of it do not count; `pair_text` is the texts that make `pair_key`, with a NUL between them.
`judges` are the models whose verdicts about the responses of a pair are in scope, sorted; `pairs` of a prompt is the number
of its pairs in scope; `length_ratio` is the shorter answer's length as a share of the longer one's. A model of vectors is
named as in the table `vectors`, or by the last part of its name without what follows the `@`.
"""

from __future__ import annotations

from typing import Literal, get_args

from schemas.errors import nearest

Sifted = Literal["documents", "passages", "prompts", "responses", "pairs"]
SIFTED: tuple[Sifted, ...] = get_args(Sifted)

_EVERYWHERE = ("id", "document_id", "uri", "source", "licence", "title", "media_type", "landed")
COLUMNS: dict[Sifted, tuple[str, ...]] = {
    "documents": (*_EVERYWHERE, "text", "length", "text_key"),
    "passages": (*_EVERYWHERE, "text", "length", "text_key", "heading"),
    "prompts": (*_EVERYWHERE, "text", "length", "text_key", "question", "reference", "evidence", "tags", "pairs", "vector"),
    "responses": (
        *_EVERYWHERE, "text", "length", "text_key", "prompt_id", "model", "role", "strategy", "draw", "finish_reason",
        "tokens", "logprob", "vector",
    ),
    "pairs": (
        *_EVERYWHERE, "prompt_id", "chosen_id", "rejected_id", "prompt", "question", "chosen", "rejected", "condition", "aspect",
        "chosen_length", "rejected_length", "length_ratio", "chosen_model", "rejected_model", "chosen_role", "rejected_role",
        "chosen_finish_reason", "rejected_finish_reason", "chosen_strategy", "rejected_strategy",
        "score_gap", "p_chosen", "confidence", "rule", "judges", "tags", "pair_key", "prompt_key", "pair_text", "vector",
    ),
}
MEASURED: dict[str, tuple[Sifted, ...]] = {
    "signal": ("prompts", "responses", "pairs"),
    "chosen": ("pairs",),
    "rejected": ("pairs",),
    "gap": ("pairs",),
    "note": SIFTED,
    "vector": ("prompts", "responses", "pairs"),
}
NUMBERS = frozenset(
    (
        "landed", "length", "pairs", "draw", "tokens", "logprob", "chosen_length", "rejected_length", "length_ratio",
        "score_gap", "p_chosen",
        "confidence",
    )
)


def check_column(table: Sifted, name: str) -> None:
    """Raise `ValueError`, with the nearest name, unless rows of this table have such a column."""
    kind, colon, of = name.partition(":")
    if colon and kind in MEASURED and of:
        if table not in MEASURED[kind]:
            raise ValueError(f"{table} have no `{kind}:` columns; they are of {' and '.join(MEASURED[kind])}")
        return
    if name not in COLUMNS[table]:
        raise ValueError(f"{table} have no column {name!r}{nearest(name, COLUMNS[table])}")


def is_number(name: str) -> bool:
    """Whether a column holds numbers."""
    kind, colon, _ = name.partition(":")
    return name in NUMBERS or (bool(colon) and kind in MEASURED and kind != "vector")
