"""Rows and units made for tests, each as small as it can be; what a test is about it says itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from schemas.rows import Document, Order, Pair, Passage, Prompt, Response, Signal, Vote
from schemas.units import (
    Candidates,
    DocumentUnit,
    PairText,
    PassageUnit,
    PromptUnit,
    ResponseGroup,
    ResponsePair,
    ResponseUnit,
    SourcedPrompt,
    SourcedResponses,
)

PROBABILITY: dict[Vote, float] = {"a": 1.0, "tie": 0.5, "b": 0.0}


def document(text: str = "Some text.", **changes: Any) -> Document:
    """A document."""
    values = {
        "document_id": "doc_1",
        "uri": "a.md",
        "title": "A",
        "text": text,
        "media_type": "text/markdown",
        "licence": None,
        "sha256": "0" * 64,
    }
    return Document(**values | changes)


def passage(text: str = "Some text.", **changes: Any) -> Passage:
    """A passage."""
    values = {"passage_id": "psg_1", "document_id": "doc_1", "start": 0, "end": len(text), "text": text, "heading": ""}
    return Passage(**values | changes)


def prompt(question: str = "Why?", **changes: Any) -> Prompt:
    """A prompt with one user turn."""
    values = {"prompt_id": "prm_1", "document_id": "doc_1", "messages": [{"role": "user", "content": question}]}
    return Prompt(**values | changes)


def response(response_id: str, text: str | None = None, **changes: Any) -> Response:
    """A response; its text is its id unless said otherwise."""
    values = {
        "response_id": response_id,
        "document_id": "doc_1",
        "prompt_id": "prm_1",
        "text": response_id if text is None else text,
        "model": "m",
        "role": "candidate",
        "strategy": "grid",
    }
    return Response(**values | changes)


def signal(a: str, b: str, order: Order, vote: Vote | None, **changes: Any) -> Signal:
    """One verdict on the responses a and b."""
    values = {
        "signal_id": f"sig_{a}_{b}_{order}",
        "document_id": "doc_1",
        "prompt_id": "prm_1",
        "response_ids": [a, b],
        "name": "helpful",
        "evaluator": "judge",
        "order": order,
        "vote": vote,
        "probability": None if vote is None else PROBABILITY[vote],
        "rationale": f"{a} {b} {order}",
    }
    return Signal(**values | changes)


def any_signal(number: int, **values: Any) -> Signal:
    """A signal of any kind; its id is its number."""
    given = {
        "signal_id": f"sig_{number:03}",
        "document_id": "doc_1",
        "prompt_id": "prm_1",
        "response_ids": ["rsp_1"],
        "name": "helpful",
        "evaluator": "judge",
    }
    return Signal(**given | values)


def pair(pair_id: str = "par_1", **changes: Any) -> Pair:
    """A pair."""
    values = {
        "pair_id": pair_id,
        "document_id": "doc_1",
        "prompt_id": "prm_1",
        "chosen_id": "rsp_1",
        "rejected_id": "rsp_2",
        "score_gap": 1.0,
        "p_chosen": 1.0,
        "confidence": 1.0,
        "rule": "best_worst",
    }
    return Pair(**values | changes)


def document_unit(text: str = "Some text.", **changes: Any) -> DocumentUnit:
    """A document as a unit."""
    made = document(text, **changes)
    return DocumentUnit(made.document_id, made)


def passage_unit(text: str = "Some text.", title: str = "A", **changes: Any) -> PassageUnit:
    """A passage as a unit."""
    made = passage(text, **changes)
    return PassageUnit(made.passage_id, made, title)


def prompt_unit(question: str = "Why?", **changes: Any) -> PromptUnit:
    """A prompt as a unit."""
    made = prompt(question, **changes)
    return PromptUnit(made.prompt_id, made)


def sourced_prompt(text: str, media_type: str = "text/markdown", **changes: Any) -> SourcedPrompt:
    """A prompt with the document it is from; `changes` go to the prompt."""
    return SourcedPrompt("prm_1", prompt(**changes), document(text, media_type=media_type))


def sourced_responses(
    text: str, texts: dict[str, Any], media_type: str = "text/markdown", **changes: Any
) -> SourcedResponses:
    """All responses to one prompt, by id a text or their columns, with the document it is from."""
    answers = tuple(answer(each, texts[each]) for each in sorted(texts))
    return SourcedResponses("grp_1", prompt(**changes), document(text, media_type=media_type), answers)


def response_unit(text: str = "an answer", response: dict[str, Any] | None = None, **changes: Any) -> ResponseUnit:
    """One response as a unit; `changes` go to its prompt."""
    return ResponseUnit("rsp_1", prompt(**changes), answer("rsp_1", {"text": text, **(response or {})}))


def response_group(texts: dict[str, Any], **changes: Any) -> ResponseGroup:
    """All responses to one prompt, by id a text or their columns; `changes` go to the prompt."""
    return ResponseGroup("grp_1", prompt(**changes), tuple(answer(each, texts[each]) for each in sorted(texts)))


def answer(response_id: str, said: Any) -> Response:
    """A response by its text, or by its columns."""
    return response(response_id, **said) if isinstance(said, dict) else response(response_id, said)


def response_pair(
    a: str = "one answer",
    b: str = "another answer",
    *,
    ids: tuple[str, str] = ("rsp_1", "rsp_2"),
    categories: Sequence[str] = (),
    **changes: Any,
) -> ResponsePair:
    """Two responses to one prompt; `changes` go to the prompt."""
    return ResponsePair("grp_1", prompt(**changes), response(ids[0], a), response(ids[1], b), tuple(categories))


def candidates(texts: dict[str, Any], signals: list[Signal], **changes: Any) -> Candidates:
    """All responses to a prompt, by id, with the verdicts on them; `changes` go to the prompt."""
    return Candidates(
        "grp_1", prompt(**changes), tuple(answer(each, said) for each, said in texts.items()), tuple(signals)
    )


def pair_text(
    pair_id: str, question: str = "Why?", chosen: str = "good", rejected: str = "bad", **changes: Any
) -> PairText:
    """A pair with its texts; `changes` go to the pair."""
    return PairText(
        pair_id,
        pair(pair_id, **changes),
        prompt(question, prompt_id=f"prm_{pair_id}"),
        response("rsp_1", chosen),
        response("rsp_2", rejected),
    )


class Columns:
    """Rows given as plain values, read as a sieve reads those of a warehouse, in batches of two.

    A row has the columns it is given; a pair may give `question` for all turns of its prompt. Keys are hashes of texts.
    """

    TEXTS: ClassVar[dict[str, tuple[str, ...]]] = {
        "text_key": ("text",),
        "prompt_key": ("prompt",),
        "pair_key": ("prompt", "chosen", "rejected", "condition", "aspect"),
    }

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.rows = [{"prompt": row.get("question"), "document_id": "doc_1", **row} for row in rows]

    def read(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Batches of the columns asked for."""
        for start in range(0, len(self.rows), 2):
            yield [tuple(self.value(row, column) for column in columns) for row in self.rows[start : start + 2]]

    def repeated(self, key: str, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows whose key others have too, side by side."""
        keyed = sorted((self.value(row, key), place) for place, row in enumerate(self.rows))
        counts = Counter(value for value, _ in keyed)
        again = [(value, self.rows[place]) for value, place in keyed if counts[value] > 1]
        yield [(value, *(self.value(row, column) for column in columns)) for value, row in again]

    def documents(self, media_type: str) -> Iterator[list[tuple[str, str]]]:
        """The rows of this media type, as if they were all documents that there are."""
        yield sorted((row["id"], row["text"]) for row in self.rows if row.get("media_type") == media_type)

    def remember(self, likeness: str, key: str, text: str) -> Texts:
        """The texts of these rows, all of them new."""
        return Texts(self, key, text)

    def value(self, row: Mapping[str, Any], column: str) -> Any:
        """One column of one row."""
        if column == "pair_text":
            texts = [str(row.get(name) or "") for name in ("prompt", "chosen", "rejected", "condition")]
            return "\0".join([*texts, *([row["aspect"]] if row.get("aspect") else [])])
        if column in self.TEXTS:
            return "\0".join(" ".join(str(row.get(name) or "").split()) for name in self.TEXTS[column])
        return row.get(column)


class Texts:
    """The texts of rows that no earlier build has seen, as a sieve remembers them; `kept` is what it wants to be known."""

    def __init__(self, columns: Columns, key: str, text: str) -> None:
        self.columns = columns
        self.numbers: dict[str, int] = {}
        self.all: list[str] = []
        self.having: list[int] = []
        for row in columns.rows:
            if (value := columns.value(row, key)) not in self.numbers:
                self.numbers[value] = len(self.all)
                self.all.append(columns.value(row, text) or "")
            self.having.append(self.numbers[value])
        self.known, self.new = 0, len(self.all)
        self.kept: tuple[Any, ...] = ()

    def sketches(self, width: int) -> tuple[Any, Any]:
        """None are known."""
        return np.zeros((0, width), np.uint8), np.zeros(0, np.uint32)

    def alike(self) -> Any:
        """None were compared."""
        return np.empty((0, 2), np.int64)

    def fresh(self) -> Iterator[tuple[list[int], list[str]]]:
        """All of them."""
        yield list(range(self.new)), self.all

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """Some of them."""
        return [self.all[number] for number in numbers]

    def repeated(self) -> list[int]:
        """Those that several rows have."""
        return [number for number, count in Counter(self.having).items() if count > 1]

    def rows(self, numbers: Sequence[int], *columns: str) -> list[tuple[Any, ...]]:
        """The rows that have them."""
        wanted = set(numbers)
        return [
            (number, *(self.columns.value(row, column) for column in columns))
            for number, row in zip(self.having, self.columns.rows, strict=True)
            if number in wanted
        ]

    def keep(self, *found: Any) -> None:
        """What is to be known."""
        self.kept = found
