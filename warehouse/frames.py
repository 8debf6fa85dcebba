"""Rows in scope as columns, for steps that decide over whole tables: a range of documents at a time, in constant memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from schemas.columns import Sifted, check_column
from warehouse.connection import LAKE, literal
from warehouse.likeness import Remembered
from warehouse.sources import source_sql
from warehouse.store import SCRATCH
from warehouse.texts import TIDY_SQL
from warehouse.vectors import check_models, vectors_of

TEXTS_AT_ONCE = 8192
NUMBERS_AT_ONCE = 65536
VECTORS_AT_ONCE = 1024
NUMBER = "number"
"""A column of pages of our own: the number of a row's text."""

TURNS = "array_to_string(list_transform({q}.messages, lambda m: m.content), chr(10) || chr(10))"
TURNS_OF_PROMPT = TURNS.format(q="q")
DOCUMENT = "JOIN (FROM lake.documents WHERE {these}) d ON d.document_id = l.document_id"
PROMPT = "JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = p.prompt_id"

BASES: dict[Sifted, str] = {
    "documents": DOCUMENT,
    "passages": "JOIN (FROM lake.passages WHERE {these}) s ON s.passage_id = l.row_id",
    "prompts": "JOIN (FROM lake.prompts WHERE {these}) q ON q.prompt_id = l.row_id",
    "responses": "JOIN (FROM lake.responses WHERE {these}) r ON r.response_id = l.row_id",
    "pairs": "JOIN (FROM lake.pairs WHERE {these}) p ON p.pair_id = l.row_id",
}
# The first word of each value is the join that it needs besides that of its table.
OF_DOCUMENT = {
    "id": "l.row_id",
    "document_id": "l.document_id",
    "uri": "n.uri",
    "source": source_sql("n.uri"),
    "licence": "n.licence",
    "title": "d.title",
    "media_type": "d.media_type",
    "landed": "split_part(o.build_id, '-', 2)::BIGINT",
}
CONDITION = "(p.condition.kind || chr(0) || p.condition.text)"
KEY = "md5_number({text})"
"""Twice as fast as the same hash in letters."""


def _tidy(text: str) -> str:
    return TIDY_SQL.format(text=text)


def _key(*texts: str) -> str:
    """A hash of some texts, each tidied, that tells them apart where they touch."""
    return KEY.format(text=" || chr(0) || ".join(_tidy(text) for text in texts))


EXPRESSIONS: dict[Sifted, dict[str, str]] = {
    "documents": {"text": "d.text", "length": "length(d.text)", "text_key": _key("d.text")},
    "passages": {"text": "s.text", "length": "length(s.text)", "text_key": _key("s.text"), "heading": "s.heading"},
    "prompts": {
        "text": TURNS_OF_PROMPT,
        "text_key": _key(TURNS_OF_PROMPT),
        "length": f"length({TURNS_OF_PROMPT})",
        "question": "list_filter(q.messages, lambda m: m.role = 'user')[-1].content",
        **{name: f"q.{name}" for name in ("reference", "evidence", "tags")},
    },
    "responses": {
        "length": "length(r.text)",
        "text_key": _key("r.text"),
        **{
            name: f"r.{name}"
            for name in ("text", "prompt_id", "model", "role", "strategy", "draw", "finish_reason", "tokens", "logprob")
        },
    },
    "pairs": {
        "prompt": TURNS_OF_PROMPT,
        "question": "list_filter(q.messages, lambda m: m.role = 'user')[-1].content",
        "tags": "q.tags",
        "length_ratio": "least(length(c.text), length(j.text)) / greatest(length(c.text), length(j.text), 1)",
        "condition": CONDITION,
        "judges": "coalesce(jury.judges, [])",
        "prompt_key": _key(TURNS_OF_PROMPT),
        "pair_text": f"concat_ws(chr(0), {TURNS_OF_PROMPT}, c.text, j.text, coalesce({CONDITION}, ''), p.aspect)",
        "pair_key": _key(TURNS_OF_PROMPT, "c.text", "j.text", f"coalesce({CONDITION}, '')", "coalesce(p.aspect, '')"),
        **{
            name: f"p.{name}"
            for name in ("prompt_id", "chosen_id", "rejected_id", "score_gap", "p_chosen", "confidence", "rule", "aspect")
        },
        **{
            expression_of: column
            for side, alias in (("chosen", "c"), ("rejected", "j"))
            for expression_of, column in (
                (side, f"{alias}.text"),
                (f"{side}_length", f"length({alias}.text)"),
                *((f"{side}_{name}", f"{alias}.{name}") for name in ("model", "role", "finish_reason", "strategy")),
            )
        },
    },
}
JOINS = {
    "d": DOCUMENT,
    "n": f"JOIN {SCRATCH}.documents n ON n.document_id = l.document_id",
    "q": PROMPT,
    "c": "JOIN (FROM lake.responses WHERE {these}) c ON c.response_id = p.chosen_id",
    "j": "JOIN (FROM lake.responses WHERE {these}) j ON j.response_id = p.rejected_id",
    "o": "LEFT JOIN (FROM lake.outcomes WHERE {these}) o ON o.fingerprint = {own}.fingerprint AND o.unit_id = {own}.unit_id",
}
# Measurements, checks and tags are no models; people are under no licence of ours.
NO_JUDGES = ("measure", "verify", "tag", "human")
OWN_ALIAS: dict[Sifted, str] = {"documents": "d", "passages": "s", "prompts": "q", "responses": "r", "pairs": "p"}
TEXTS = {"text", "prompt", "chosen", "rejected", "question", "reference", "evidence", "pair_text"}

# A signal's number for its pair of responses: the probability that `{chosen}` is the better one, or else its plain value.
FOR_CHOSEN = """coalesce(CASE WHEN s.response_ids[1] = {chosen} THEN {a} ELSE 1 - {a} END, s.value)"""
FOR_A = "coalesce(s.probability, CASE s.vote WHEN 'a' THEN 1.0 WHEN 'tie' THEN 0.5 WHEN 'b' THEN 0.0 END)"
# `about` (row_id, prompt_id, …) are the rows asked about; each judge is one voice, however often it was asked.
MEAN_OF_SIGNALS = """
(SELECT row_id, avg(v) AS v FROM (
    SELECT x.row_id, s.evaluator, avg({number}) AS v FROM ({about}) x
    JOIN (FROM plan.live WHERE tab = 'signals' AND {these}) m ON m.parent_id = x.prompt_id
    JOIN (FROM lake.signals WHERE {these} AND name = {name} AND NOT coalesce(abstained, false)) s ON s.signal_id = m.row_id
    WHERE {where} GROUP BY ALL) GROUP BY row_id)
"""
OF_PAIRS = "SELECT l.row_id, p.prompt_id, p.chosen_id, p.rejected_id FROM {page} l " + BASES["pairs"]
JOINS["jury"] = f"""
LEFT JOIN (SELECT x.row_id, list_sort(list(DISTINCT s.evaluator)) AS judges FROM ({OF_PAIRS}) x
    JOIN (FROM plan.live WHERE tab = 'signals' AND {{these}}) m ON m.parent_id = x.prompt_id
    JOIN (FROM lake.signals WHERE {{these}} AND evaluator NOT IN {NO_JUDGES}) s ON s.signal_id = m.row_id
    WHERE len(s.response_ids) > 0 AND list_has_all([x.chosen_id, x.rejected_id], s.response_ids) GROUP BY 1
) jury ON jury.row_id = l.row_id
"""
NOTED = f"""
(SELECT t.subject_id AS row_id, max(t.value) AS v FROM (FROM {LAKE}.notes WHERE name = {{name}} AND {{these}}) t
    JOIN {SCRATCH}.steps k ON k.fingerprint = t.fingerprint
    JOIN {SCRATCH}.units u ON u.position = k.position AND u.unit_id = t.unit_id GROUP BY 1)
"""


PAIRS_OF_PROMPTS = f"""
(SELECT parent_id AS row_id, count(*) AS v FROM {SCRATCH}.live WHERE tab = 'pairs' AND {{these}} GROUP BY 1)
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """All rows of a table that are in scope (`schemas.columns` says what they have), read with cursors of its own."""

    connection: duckdb.DuckDBPyConnection
    table: Sifted
    folder: Path
    memories: list[Remembered] = field(default_factory=list)

    def read(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Batches of rows, each the columns asked for; raises `ValueError` for one that there is not."""
        at_once = TEXTS_AT_ONCE if TEXTS & set(columns) else NUMBERS_AT_ONCE
        fetched = at_once
        if vectors := [column for column in columns if column.partition(":")[0] == "vector"]:
            at_once, fetched = TEXTS_AT_ONCE, VECTORS_AT_ONCE  # as Python's numbers they take ten times their room
        with self.cursor() as cursor:
            check_models(cursor, vectors)
            for query in self.pages(cursor, columns, at_once):
                cursor.execute(query)
                while rows := cursor.fetchmany(fetched):
                    yield rows

    def repeated(self, key: str, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows alone whose value of `key` others have too, those of one value side by side: (key, *columns).

        The values of all rows wait in the scratch database, not in memory.
        """
        table, first = f"{SCRATCH}.keys_of_{self.table}", True
        with self.cursor() as cursor:
            for query in self.pages(cursor, (key, *columns), NUMBERS_AT_ONCE):
                cursor.execute(f"CREATE OR REPLACE TABLE {table} AS {query}" if first else f"INSERT INTO {table} {query}")
                first = False
            if first:
                return
            again = f"SELECT c0 FROM {table} GROUP BY c0 HAVING count(*) > 1"
            cursor.execute(f"FROM {table} WHERE c0 IN ({again}) ORDER BY c0")
            while rows := cursor.fetchmany(NUMBERS_AT_ONCE):
                yield rows
            cursor.execute(f"DROP TABLE {table}")

    def documents(self, media_type: str) -> Iterator[list[tuple[str, str]]]:
        """Batches of (id, text) of all stored documents of a media type, in scope or not, in the order of their ids."""
        query = f"SELECT document_id, text FROM {LAKE}.documents WHERE media_type = {literal(media_type)} ORDER BY document_id"
        with self.cursor() as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(TEXTS_AT_ONCE):
                yield rows

    def remember(self, likeness: str, key: str, text: str) -> Remembered:
        """What is known of the texts of these rows from earlier builds; of one `likeness` at a time."""
        memory = Remembered(self, likeness, key, text, self.folder)
        self.memories.append(memory)
        return memory

    def close(self) -> None:
        """Be done with what was remembered."""
        for memory in self.memories:
            memory.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """One of our own, so that what it reads is not cut off by the next statement of somebody else."""
        cursor = self.connection.cursor()
        cursor.execute(f"USE {LAKE}")
        return cursor

    def pages(
        self, cursor: duckdb.DuckDBPyConnection, columns: Sequence[str], at_once: int, page: str = "", over: str = ""
    ) -> Iterator[str]:
        """A query for each range of documents, each with about so many rows: of `page`, or all rows in scope.

        `page` is a query in brackets whose rows have a `row_id` and a `document_id`, with the range as `{these}`; `over` is
        where the ranges are from.
        """
        select = self.select(columns)
        page = page or f"(FROM {SCRATCH}.live WHERE tab = '{self.table}' AND {{these}})"
        over = over or f"(FROM {SCRATCH}.live WHERE tab = '{self.table}')"
        ranges = cursor.execute(f"""
            SELECT min(document_id), max(document_id) FROM (
                SELECT document_id, (sum(count(*)) OVER (ORDER BY document_id) - 1) // {at_once} AS page
                FROM {over} GROUP BY document_id
            ) GROUP BY page ORDER BY page
        """).fetchall()
        for first, last in ranges:
            these = f"document_id BETWEEN {literal(first)} AND {literal(last)}"
            yield select.replace("{page}", page).replace("{these}", these)

    def select(self, columns: Sequence[str]) -> str:
        """The query of one page, with `{page}` and `{these}` still to be put in; raises for a column that there is not."""
        for column in columns:
            if column != NUMBER:
                check_column(self.table, column)
        plain = {NUMBER: f"l.{NUMBER}"} | OF_DOCUMENT | EXPRESSIONS[self.table]
        number = itertools.count()
        values, extra = [], []
        for column in columns:
            if column in plain:
                values.append(plain[column])
                continue
            kind, _, name = column.partition(":")
            found = []
            for subquery in self._subqueries(kind, name):
                alias = f"x{next(number)}"
                extra.append(f"LEFT JOIN {subquery} {alias} ON {alias}.row_id = l.row_id")
                found.append(f"{alias}.v")
            values.append(" - ".join(found) if kind == "gap" else f"coalesce({', '.join(found)})")
        needed = [alias for alias in JOINS if alias != OWN_ALIAS[self.table] and any(f"{alias}." in each for each in values)]
        own = OWN_ALIAS[self.table]
        joins = [BASES[self.table], *(JOINS[alias].replace("{own}", own) for alias in needed), *extra]
        named = ", ".join(f"{value} AS c{place}" for place, value in enumerate(values))
        return f"SELECT {named} FROM {{page}} l {' '.join(joins)}"

    def _subqueries(self, kind: str, name: str) -> list[str]:
        """Where a measured column comes from, as queries of `row_id` and `v`: the first that knows, or both of a gap."""
        quoted = literal(name)
        if kind == "note":
            return [NOTED.replace("{name}", quoted)]
        if kind == "pairs":
            return [PAIRS_OF_PROMPTS]
        if kind == "vector":
            whose = vectors_of(name)
            return [f"(SELECT x.row_id, y.v FROM ({OF_PAIRS}) x JOIN {whose} y ON y.row_id = x.prompt_id)"
                    if self.table == "pairs" else whose]
        if self.table == "pairs":
            if kind == "signal":
                both = "list_contains(s.response_ids, x.chosen_id) AND list_contains(s.response_ids, x.rejected_id)"
                return [_mean(FOR_CHOSEN.format(chosen="x.chosen_id", a=FOR_A), OF_PAIRS, quoted, both)]
            sides = ("chosen", "rejected") if kind == "gap" else (kind,)
            return [_mean("s.value", OF_PAIRS, quoted, f"s.response_ids = [x.{side}_id]") for side in sides]
        if self.table == "responses":
            about = "SELECT row_id, parent_id AS prompt_id FROM {page}"
            return [_mean("s.value", about, quoted, "s.response_ids = [x.row_id]")]
        about = "SELECT row_id, row_id AS prompt_id FROM {page}"
        return [_mean("s.value", about, quoted, f"len(s.response_ids) = {count}") for count in (0, 1)]


def _mean(number: str, about: str, name: str, where: str) -> str:
    words = {"{number}": number, "{about}": about, "{name}": name, "{where}": where}
    query = MEAN_OF_SIGNALS
    for placeholder, value in words.items():
        query = query.replace(placeholder, value)
    return query
