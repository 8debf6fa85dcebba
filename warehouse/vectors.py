"""Vectors in scope as SQL: those of one model, by the row that they are of."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from schemas.errors import RequestError
from warehouse.connection import LAKE, literal
from warehouse.store import SCRATCH

# A model's name as a recipe may say it: without where it was rehearsed, the hash of a local folder's files, or its owner.
PLAIN = "regexp_replace(regexp_replace(model, '^rehearsal:', ''), '@[0-9a-f]{{8}}$', '')"
IS_NAMED = f"{{name}} IN (model, {PLAIN}, split_part({PLAIN}, '/', -1))"
MODELS = f"""
SELECT DISTINCT v.model FROM (FROM {SCRATCH}.live WHERE tab = 'vectors') m
JOIN {LAKE}.vectors v ON v.vector_id = m.row_id AND v.document_id = m.document_id ORDER BY 1
"""


def vectors_of(name: str) -> str:
    """A query of `row_id` and `v`: the vectors of the model of this name, or of any; `{these}` is still to be put in."""
    named = IS_NAMED.format(name=literal(name)) if name else "true"
    return f"""
(SELECT v.subject_id AS row_id, v.vector AS v FROM (FROM {SCRATCH}.live WHERE tab = 'vectors' AND {{these}}) m
    JOIN (FROM {LAKE}.vectors WHERE {{these}} AND {named}) v ON v.vector_id = m.row_id)
"""


def check_models(cursor: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
    """Raise `RequestError` unless each of these columns (`vector`, `vector:NAME`) is the vectors of one model in scope."""
    for column in columns:
        name = column.partition(":")[2]
        models = [row[0] for row in cursor.execute(MODELS).fetchall()]
        if not models:
            continue
        values = ", ".join(f"({literal(model)})" for model in models)
        query = f"SELECT model FROM (VALUES {values}) t(model) WHERE {IS_NAMED.format(name=literal(name))}"
        found = [row[0] for row in cursor.execute(query).fetchall()] if name else models
        if len(found) != 1:
            what = f"{' and '.join(map(repr, found))} made vectors" if found else f"no model {name!r} made vectors"
            raise RequestError(f"{what}; name one of {', '.join(map(repr, models))} as the model whose `vectors` count")
