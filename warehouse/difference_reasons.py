"""Why a pair of one release is not in another: what became of its document, its rows and its steps on the way there.

A pair goes through the same list of questions as it went through the recipe, and the first answer counts: is its document
revoked, gone or another one; did a step drop the document; is the step that cut its passages another one; did a step drop a
passage; and so on down to the pair itself. It is asked over all pairs at once, and of a table only where an answer can lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse.connection import LAKE, literal
from warehouse.releases import ReleaseRow
from warehouse.revocations import has_revocations

REASONS = (
    "revoked", "document_absent", "document_changed", "dropped", "step_changed", "pending", "left_out", "superseded", "unknown",
)  # fmt: skip
"""What keeps a pair of one release out of another. The codes say it of that other release: it has revoked the document, does
not have it, has another text under its name; a step of it dropped a row on the way, is another step, had not answered yet
when it landed; no split could take the document; another pair of the prompt took its place; nothing of all that."""

PENDING = "CASE WHEN a.document_id IS NULL THEN {'reason': 'pending', 'step': NULL, 'detail': NULL} END"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the build of a release."""

    position: int
    step: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of two releases, with the steps of its build, how many units that left pending, and whether its sources are known."""

    row: ReleaseRow
    steps: tuple[Step, ...]
    pending: int
    has_listing: bool

    def without(self, other: Side) -> list[Step]:
        """The steps whose fingerprints the other has not, in order; what only splits and gates differ in changes no pair."""
        known = {each.fingerprint for each in other.steps}
        return [each for each in self.steps if each.fingerprint not in known and not each.step.startswith("land/")]


def side_of(cursor: duckdb.DuckDBPyConnection, row: ReleaseRow) -> Side:
    """A release with what is known of its build; of one that no build of this warehouse made, what its row says."""
    build = literal(row.build_id)
    found = cursor.execute(
        f"SELECT DISTINCT position, step, fingerprint FROM {LAKE}.build_steps WHERE build_id = {build} ORDER BY ALL"
    ).fetchall()
    steps = found or [(place, each["step"], each["fingerprint"]) for place, each in enumerate(row.fingerprints)]
    ((pending,),) = cursor.execute(
        f"SELECT coalesce(sum(units), 0) FROM {LAKE}.build_funnel WHERE build_id = {build} AND status = 'pending'"
    ).fetchall()
    listing = (
        f"SELECT 1 FROM {LAKE}.listings l JOIN {LAKE}.builds b USING (listing_id) WHERE b.build_id = {build} LIMIT 1"
    )
    return Side(row, tuple(Step(*each) for each in steps), int(pending), cursor.execute(listing).fetchone() is not None)


def explain(cursor: duckdb.DuckDBPyConnection, table: str, here: Side, there: Side) -> None:
    """Make `{table}_why` (pair_id, reason, step, detail): why each pair of a table, which are of `here`, is not in `there`.

    The table has the ids of a pair's rows and the fingerprint of its step; of a pair that the tables do not hold (they are
    NULL) nothing is known. Where only the label differs, the reason is that of the label.
    """
    _note_documents(cursor, table, here, there)
    _note_drops(cursor, table, here, there)
    changed = here.without(there)
    prompts = (
        f"LEFT JOIN {LAKE}.prompts q ON q.prompt_id = t.prompt_id" if _needs_prompts(cursor, table, changed) else ""
    )
    responses = " ".join(
        f"LEFT JOIN {LAKE}.responses {side} ON {side}.response_id = t.{column}"
        for side, column in (("c", "chosen_id"), ("j", "rejected_id"))
        if _made_by(cursor, "responses", changed)
    )
    passages = "LEFT JOIN spans s ON s.pair_id = t.pair_id" if prompts else ""
    judges = [each for each in changed if each.step.startswith("judge/")]
    answers = [
        "CASE WHEN d.reason IS NOT NULL THEN {'reason': d.reason, 'step': NULL, 'detail': d.detail} END",
        _dropped("t.document_id"),
        *([_first(changed, "s.fingerprints"), "s.dropped"] if prompts else []),
        *([_first(changed, "[q.fingerprint]")] if prompts else []),
        _dropped("t.prompt_id"),
        *([_first(changed, "[c.fingerprint, j.fingerprint]")] if responses else []),
        _dropped("t.chosen_id"),
        _dropped("t.rejected_id"),
        _dropped("t.prompt_id", maker=True),
        *(
            ["CASE WHEN a.document_id IS NULL THEN {'reason': 'pending', 'step': NULL, 'detail': NULL} END"]
            if there.pending
            else []
        ),
        *([_changed(judges[0])] if judges else []),
        _first(changed, "[t.fingerprint]"),
        _dropped("t.pair_id"),
    ]
    spans = f"""
        WITH spans AS (
            SELECT m.pair_id, list(p.fingerprint) AS fingerprints, any_value(x.answer) AS dropped FROM (
                SELECT t.pair_id, unnest(q.passage_ids) AS passage_id FROM {table} t
                JOIN {LAKE}.prompts q ON q.prompt_id = t.prompt_id
            ) m JOIN {LAKE}.passages p ON p.passage_id = m.passage_id
            LEFT JOIN {table}_drops x ON x.subject_id = m.passage_id GROUP BY m.pair_id)
    """
    joins = f"LEFT JOIN {table}_documents d ON d.document_id = t.document_id {prompts} {responses} {passages}"
    joins += " ".join(_joined(table, answers))
    if there.pending:
        joins += f" LEFT JOIN ({_released_documents(there)}) a ON a.document_id = t.document_id"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table}_why AS {spans if passages else ""}
        SELECT pair_id, why.reason, why.step, why.detail FROM (
            SELECT t.pair_id, {_coalesce(answers)} AS why FROM {table} t {joins})
    """)
    _explain_the_rest(cursor, table, here, there)


def _note_documents(cursor: duckdb.DuckDBPyConnection, table: str, here: Side, there: Side) -> None:
    """`{table}_documents`: of the documents of these pairs, those that the other release could not have had, and why."""
    then = f"revoked_at <= '{there.row.created_at}' AND (lifted_at IS NULL OR lifted_at > '{there.row.created_at}')"
    revoked = f"""
        SELECT c.document_id, min(r.revocation_id) AS revocation_id FROM (
            SELECT v.revocation_id, d.document_id FROM {LAKE}.revocation_documents v
            JOIN {LAKE}.documents f ON f.document_id = v.document_id JOIN {LAKE}.documents d ON d.sha256 = f.sha256
            UNION SELECT v.revocation_id, d.document_id FROM {LAKE}.revocations v
            JOIN {LAKE}.documents d ON v.kind = 'licence' AND lower(d.licence) = lower(v.value)
        ) c JOIN {LAKE}.revocations r ON r.revocation_id = c.revocation_id
        WHERE {then} GROUP BY c.document_id
    """
    if (
        not has_revocations(cursor)
        or not cursor.execute(f"SELECT 1 FROM {LAKE}.revocations WHERE {then} LIMIT 1").fetchone()
    ):
        revoked = "SELECT NULL::VARCHAR AS document_id, NULL::VARCHAR AS revocation_id WHERE false"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table}_documents AS
        WITH mine AS (SELECT DISTINCT document_id FROM {table} WHERE document_id IS NOT NULL),
        theirs AS ({_documents(there)}), named AS (
            SELECT DISTINCT h.document_id FROM ({_documents(here)}) h JOIN theirs t ON t.uri = h.uri
        )
        SELECT m.document_id, CASE WHEN r.document_id IS NOT NULL THEN 'revoked' WHEN t.document_id IS NOT NULL THEN NULL
            WHEN n.document_id IS NOT NULL THEN 'document_changed' ELSE 'document_absent' END AS reason,
            r.revocation_id AS detail
        FROM mine m LEFT JOIN ({revoked}) r ON r.document_id = m.document_id
        LEFT JOIN (SELECT DISTINCT document_id FROM theirs) t ON t.document_id = m.document_id
        LEFT JOIN named n ON n.document_id = m.document_id
    """)


def _documents(side: Side) -> str:
    """SQL: the documents that the build of a release found, by `uri`; of one without a build, those of its pairs."""
    if not side.has_listing:
        return f"""
            SELECT DISTINCT p.document_id, d.uri FROM {LAKE}.release_rows r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id
            JOIN {LAKE}.documents d ON d.document_id = p.document_id WHERE r.release = {literal(side.row.release)}
        """
    return f"""
        SELECT o.subject_id AS document_id, l.uri FROM {LAKE}.builds b JOIN {LAKE}.listings l ON l.listing_id = b.listing_id
        JOIN {LAKE}.outcomes o ON o.unit_id = l.item_id AND o.step = 'mine/read' AND o.status = 'ok'
        WHERE b.build_id = {literal(side.row.build_id)}
    """


def _released_documents(side: Side) -> str:
    return f"""
        SELECT DISTINCT p.document_id FROM {LAKE}.release_rows r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id
        WHERE r.release = {literal(side.row.release)}
    """


def _note_drops(cursor: duckdb.DuckDBPyConnection, table: str, here: Side, there: Side) -> None:
    """`{table}_drops`: rows that a step of the other release's build let go, with the first of those steps and its reason.

    A step that makes pairs is told apart from one that sifts prompts: the rows that it looks at have to be there first.
    """
    steps = [each for each in there.steps if each.step.startswith("select/")]
    makers = {row[0] for row in cursor.execute(f"SELECT DISTINCT fingerprint FROM {table}").fetchall()}
    labels = {each.step for each in (*here.steps, *there.steps) if each.fingerprint in makers}
    values = ", ".join(
        f"({each.position}, {literal(each.step)}, {literal(each.fingerprint)}, {each.step in labels})" for each in steps
    )
    rows = f"(VALUES {values or '(0, NULL, NULL, false)'}) s(position, step, fingerprint, is_maker)"
    number = there.row.build_id.rpartition("-")[2]
    known = f"AND try_cast(split_part(o.build_id, '-', 2) AS BIGINT) <= {number}" if number.isdigit() else ""
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table}_drops AS
        SELECT o.subject_id, s.is_maker,
            arg_min({{'reason': 'dropped', 'step': s.step, 'detail': o.reason}},
                (o.build_id <> {literal(there.row.build_id)}, s.position)) AS answer
        FROM {LAKE}.outcomes o JOIN {rows} ON s.fingerprint = o.fingerprint
        WHERE o.status IN ('none', 'failed') {known} GROUP BY o.subject_id, s.is_maker
    """)


def _needs_prompts(cursor: duckdb.DuckDBPyConnection, table: str, changed: Sequence[Step]) -> bool:
    """Whether prompts and passages can be the reason: one of the steps that could have made them differs, or one was dropped."""
    if _made_by(cursor, "passages", changed) or _made_by(cursor, "prompts", changed):
        return True
    query = f"SELECT 1 FROM {table}_drops WHERE starts_with(subject_id, 'psg_') LIMIT 1"
    return cursor.execute(query).fetchone() is not None


def _made_by(cursor: duckdb.DuckDBPyConnection, made: str, steps: Sequence[Step]) -> bool:
    """Whether some row of a table was made by one of these steps; a step of any stage may make rows of any table."""
    names = ", ".join(literal(each.fingerprint) for each in steps if not each.step.startswith("judge/"))
    query = f"SELECT 1 FROM {LAKE}.{made} WHERE fingerprint IN ({names}) LIMIT 1"
    return bool(names) and cursor.execute(query).fetchone() is not None


def _explain_the_rest(cursor: duckdb.DuckDBPyConnection, table: str, here: Side, there: Side) -> None:
    """What is left: its document found no split, some other step differs, or another pair of its prompt is there."""
    nothing = cursor.execute(f"SELECT 1 FROM {table}_why WHERE reason IS NULL LIMIT 1").fetchone() is None
    if nothing:
        return
    differing = sorted([*here.without(there), *there.without(here)], key=lambda each: (each.position, each.step))
    step = literal(differing[0].step) if differing else "NULL"
    left_out = "true" if there.row.left_out else "false"
    otherwise = (
        "'step_changed'" if differing else "CASE WHEN o.prompt_id IS NOT NULL THEN 'superseded' ELSE 'unknown' END"
    )
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table}_why AS
        WITH others AS (
            SELECT DISTINCT p.prompt_id, p.document_id FROM {LAKE}.release_rows r JOIN {LAKE}.pairs p ON p.pair_id = r.pair_id
            WHERE r.release = {literal(there.row.release)}
        ), rest AS (
            SELECT w.pair_id, CASE WHEN t.document_id IS NULL THEN 'unknown'
                WHEN {left_out} AND a.document_id IS NULL THEN 'left_out' ELSE {otherwise} END AS reason
            FROM {table}_why w JOIN {table} t ON t.pair_id = w.pair_id
            LEFT JOIN (SELECT DISTINCT document_id FROM others) a ON a.document_id = t.document_id
            LEFT JOIN (SELECT DISTINCT prompt_id FROM others) o ON o.prompt_id = t.prompt_id WHERE w.reason IS NULL
        )
        SELECT * FROM {table}_why WHERE reason IS NOT NULL
        UNION ALL SELECT pair_id, reason, CASE WHEN reason = 'step_changed' THEN {step} END, NULL FROM rest
    """)


def _first(changed: Sequence[Step], fingerprints: str) -> str:
    """SQL: the first of the steps that differ among those that made a row."""
    cases = " ".join(
        f"WHEN list_contains({fingerprints}, {literal(each.fingerprint)}) THEN {_changed(each)}" for each in changed
    )
    return f"CASE {cases} END" if cases else ""


def _changed(step: Step) -> str:
    return f"{{'reason': 'step_changed', 'step': {literal(step.step)}, 'detail': NULL}}"


def _dropped(column: str, *, maker: bool = False) -> str:
    """SQL: the drop of one of a pair's rows; the join is named after the column."""
    return f"{_alias(column, maker)}.answer"


def _alias(column: str, maker: bool) -> str:
    return f"drop_{column.removeprefix('t.')}{'_made' if maker else ''}"


def _joined(table: str, answers: Sequence[str]) -> list[str]:
    """The joins that `_dropped` speaks of."""
    joins = []
    for column in ("t.document_id", "t.prompt_id", "t.chosen_id", "t.rejected_id", "t.pair_id"):
        for maker in (False, True):
            name = _alias(column, maker)
            if f"{name}.answer" in answers:
                made = f"AND {name}.is_maker = {maker}" if column == "t.prompt_id" else ""
                joins.append(f" LEFT JOIN {table}_drops {name} ON {name}.subject_id = {column} {made}")
    return joins


def _coalesce(answers: Sequence[str]) -> str:
    kind = "STRUCT(reason VARCHAR, step VARCHAR, detail VARCHAR)"
    return f"coalesce({', '.join(f'({each})::{kind}' for each in answers if each)})"


def differing(a: Side, b: Side) -> list[dict[str, Any]]:
    """The steps that two releases do not share, in order: `step`, and its fingerprint in either (None where it has none)."""
    only = {side: {each.step: each for each in one.without(other)} for side, one, other in (("a", a, b), ("b", b, a))}
    names = sorted({*only["a"], *only["b"]}, key=lambda name: min(
        (only[side][name].position, name) for side in only if name in only[side]))  # fmt: skip
    return [
        {"step": name, **{side: only[side][name].fingerprint if name in only[side] else None for side in ("a", "b")}}
        for name in names
    ]
