"""The figures of a release as questions to its traits (`warehouse.traits`) and to the verdicts on its pairs.

Everything here is counted exactly, so that neither the order of the rows nor the number of threads shows in a figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from warehouse.connection import LAKE, literal
from warehouse.store import SCRATCH
from warehouse.traits import MATCHED, TRAITS, Pairs

VERDICTS = f"{SCRATCH}.verdicts"
QUESTIONS = f"{SCRATCH}.questions"
CHUNK = 5000
RANK = "CASE split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END"
MATCHED_PAIRS = f"least(chosen_chars, rejected_chars) >= {MATCHED} * greatest(chosen_chars, rejected_chars)"

# The relative difference of two lengths orders pairs just as the difference of their logarithms does, and unlike that one it
# changes its sign exactly when the two change places.
LENGTH_GAP = "(chosen_chars - rejected_chars) / (chosen_chars + rejected_chars)"
DENSITY = "({side}_headers + {side}_lists + {side}_bold) / {side}_chars"
MARKDOWN_GAP = f"{DENSITY.format(side='chosen')} - {DENSITY.format(side='rejected')}"

# How many of all leads are above the mirrored lead of a pair, equal ones counting one half: its part in the area.
PARTS = f"""
WITH g AS (SELECT document_id, {{gap}} AS gap FROM {TRAITS} WHERE {{where}}),
c AS (SELECT gap, count(*) AS n FROM g GROUP BY gap),
u AS (SELECT gap, n, sum(n) OVER (ORDER BY gap ROWS UNBOUNDED PRECEDING) AS upto, sum(n) OVER () AS total FROM c),
h AS (
    SELECT x.gap, x.n, x.total,
        (x.total - coalesce(y.upto, 0) + CASE WHEN y.gap = -x.gap THEN y.n / 2 ELSE 0 END)::DOUBLE AS above
    FROM u x ASOF LEFT JOIN u y ON y.gap <= -x.gap
),
a AS (SELECT sum(n * above) / any_value(total) / any_value(total) AS area, any_value(total) AS total FROM h),
d AS (SELECT sum(h.above) AS above, count(*) AS n FROM g JOIN h ON h.gap = g.gap GROUP BY g.document_id)
SELECT any_value(area), any_value(total)::BIGINT, count(*), sum(pow(above / total - n * area, 2)) FROM d, a
"""


@dataclass(frozen=True, slots=True)
class Area:
    """The area under a curve over `pairs` of `documents`; `squares` sums the squared influence of each document."""

    value: float
    pairs: int
    documents: int
    squares: float


def area(cursor: duckdb.DuckDBPyConnection, gap: str, *, matched: bool = False) -> Area | None:
    """How well a lead tells chosen from rejected, each pair standing once from either side; None without pairs."""
    query = PARTS.format(gap=gap, where=MATCHED_PAIRS if matched else "true")
    found = cursor.execute(query).fetchone()
    return Area(*found) if found and found[1] else None


def counts(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many pairs are so: `pairs`, `unequal` lengths, `longer` chosen, one side with a list and which, phrases by side."""
    query = f"""
        SELECT count(*) AS pairs, count_if(chosen_chars <> rejected_chars) AS unequal,
            count_if(chosen_chars > rejected_chars) AS longer,
            count_if((chosen_lists > 0) <> (rejected_lists > 0)) AS one_list,
            count_if(chosen_lists > 0 AND rejected_lists = 0) AS chosen_list,
            count_if(chosen_refuses) AS refusal_chosen, count_if(rejected_refuses) AS refusal_rejected,
            count_if(chosen_names_itself) AS identity_chosen, count_if(rejected_names_itself) AS identity_rejected
        FROM {TRAITS}
    """
    return _counted(cursor, query)


def _counted(cursor: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    """The one row of a query of counts by name; `count_if` of nothing is missing, and stands for 0 here."""
    row = cursor.execute(query).fetchone() or ()
    return {column[0]: int(value or 0) for column, value in zip(cursor.description or (), row, strict=True)}


def wins(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int]]:
    """Each model with how often it was chosen, and in how many pairs, over pairs of two models; the most pairs first."""
    query = f"""
        SELECT model, sum(won)::BIGINT AS wins, count(*) AS pairs FROM (
            SELECT chosen_model AS model, 1 AS won FROM {TRAITS} WHERE chosen_model <> rejected_model
            UNION ALL SELECT rejected_model, 0 FROM {TRAITS} WHERE chosen_model <> rejected_model
        ) GROUP BY model ORDER BY pairs DESC, model
    """
    return cursor.execute(query).fetchall()


def held_out(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Of the pairs outside `train`: how many there are, and how many share a text or a document with a split before theirs.

    The order is train, validation, test. An answer is shared by an answer of either side with at least 50 characters.
    """
    query = f"""
        WITH t AS (SELECT *, {RANK} AS rank FROM {TRAITS}),
        later AS (SELECT * FROM t WHERE rank > 0),
        p AS (SELECT prompt_key AS key, min(rank) AS first FROM t GROUP BY ALL),
        d AS (SELECT document_id AS key, min(rank) AS first FROM t GROUP BY ALL),
        a AS (
            SELECT key, min(rank) AS first FROM (
                SELECT chosen_key AS key, rank FROM t UNION ALL SELECT rejected_key, rank FROM t
            ) WHERE key IS NOT NULL GROUP BY ALL
        ),
        found AS (
            SELECT p.first < rank AS prompts, d.first < rank AS documents,
                coalesce(c.first < rank, false) OR coalesce(r.first < rank, false) AS answers
            FROM later JOIN p ON p.key = prompt_key JOIN d ON d.key = document_id
            LEFT JOIN a c ON c.key = chosen_key LEFT JOIN a r ON r.key = rejected_key
        )
        SELECT count(*) AS pairs, count_if(prompts) AS prompts, count_if(documents) AS documents,
            count_if(answers) AS answers, count_if(prompts OR documents OR answers) AS any FROM found
    """
    return _counted(cursor, query)


def sizes(cursor: duckdb.DuckDBPyConnection, column: str) -> list[tuple[str, int]]:
    """Every value of a column of the traits with the number of its pairs, the most frequent first."""
    return cursor.execute(
        f"SELECT {column}, count(*) AS n FROM {TRAITS} GROUP BY ALL ORDER BY n DESC, {column}"
    ).fetchall()


def topics(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """The `category:` tags of the prompts with the number of their pairs; empty where the warehouse knows none."""
    query = f"""
        WITH tagged AS (
            SELECT prompt_id, list_filter(tags, lambda t: starts_with(t, 'category:'))[1][10:] AS topic
            FROM {LAKE}.prompts WHERE list_bool_or(list_transform(tags, lambda t: starts_with(t, 'category:')))
        )
        SELECT topic, count(*) AS n FROM {TRAITS} JOIN tagged USING (prompt_id) GROUP BY ALL ORDER BY n DESC, topic
    """
    return cursor.execute(query).fetchall()


def make_questions(cursor: duckdb.DuckDBPyConnection, pairs: Pairs) -> tuple[list[int], list[int]]:
    """Number the prompts, those of earlier splits first; returns each one's split (0 is `train`) and number of pairs."""
    cursor.execute(f"""
        CREATE OR REPLACE TABLE {QUESTIONS} AS
        WITH found AS (
            SELECT prompt_id, min({RANK}) AS rank, count(*) AS pairs,
                any_value(array_to_string(list_transform(prompt, lambda m: m.content), chr(10) || chr(10))) AS text
            FROM ({pairs.query}) GROUP BY prompt_id
        )
        SELECT row_number() OVER (ORDER BY rank, prompt_id) - 1 AS row, rank, pairs, text FROM found
    """)
    rows = cursor.execute(f"SELECT rank, pairs FROM {QUESTIONS} ORDER BY row").fetchall()
    return [rank for rank, _ in rows], [count for _, count in rows]


def all_questions(cursor: duckdb.DuckDBPyConnection) -> Iterator[list[str]]:
    """The texts of the prompts in the order of their numbers, some thousands at a time."""
    cursor.execute(f"SELECT text FROM {QUESTIONS} ORDER BY row")
    while rows := cursor.fetchmany(CHUNK):
        yield [text for (text,) in rows]


def questions_at(cursor: duckdb.DuckDBPyConnection, rows: Sequence[int]) -> list[str]:
    """The texts of the prompts with these numbers, which ascend."""
    wanted = f"SELECT unnest([{', '.join(map(str, rows))}]::BIGINT[]) AS row"
    found = cursor.execute(f"SELECT text FROM {QUESTIONS} SEMI JOIN ({wanted}) USING (row) ORDER BY row").fetchall()
    return [text for (text,) in found]


def sample(
    cursor: duckdb.DuckDBPyConnection, pairs: Pairs, size: int, seed: int, *, start: int, end: int
) -> Iterator[tuple[str, str, str]]:
    """`document_id, chosen, rejected` of `size` pairs, drawn by a hash of their ids, in the order of their ids.

    Of a text longer than `start + end` characters, so many from its two ends are given.
    """
    cursor.execute(f"""
        CREATE OR REPLACE TABLE {SCRATCH}.sampled AS
        SELECT pair_id FROM {TRAITS} ORDER BY md5(pair_id || {literal(f"|{seed}")}), pair_id LIMIT {size}
    """)
    cut = f"CASE WHEN length({{0}}) <= {start + end} THEN {{0}} ELSE left({{0}}, {start}) || chr(10) || right({{0}}, {end}) END"
    chosen, rejected = (cut.format(f"{side}[1].content") for side in ("chosen", "rejected"))
    cursor.execute(f"""
        SELECT document_id, {chosen}, {rejected} FROM ({pairs.query}) SEMI JOIN {SCRATCH}.sampled USING (pair_id)
        ORDER BY pair_id
    """)
    while rows := cursor.fetchmany(CHUNK):
        yield from rows


# A vote without a probability is no judgement: its judge was told it (judge/rationale).
MAKE_VERDICTS = f"""
CREATE OR REPLACE TABLE {VERDICTS} AS
WITH ours AS (SELECT pair_id, prompt_id, chosen_id, rejected_id FROM ({{source}})),
calls AS (
    SELECT o.pair_id, s.name AS principle, s.evaluator || ' ' || s.fingerprint || ' ' || coalesce(s.draw, 0) AS voter,
        s."order", s.response_ids[1] = o.chosen_id AS chosen_is_a,
        coalesce(s.probability, CASE s.vote WHEN 'a' THEN 1.0 WHEN 'tie' THEN 0.5 WHEN 'b' THEN 0.0 END) AS p
    FROM {LAKE}.signals s JOIN ours o ON o.prompt_id = s.prompt_id
        AND list_has_all(s.response_ids, [o.chosen_id, o.rejected_id])
    WHERE s.fingerprint IN ({{steps}}) AND len(s.response_ids) = 2 AND s.probability IS NOT NULL
        AND NOT starts_with(s.name, 'control/') AND NOT starts_with(s.name, 'cascade/')
)
SELECT pair_id, principle, voter, "order", CASE WHEN chosen_is_a THEN p ELSE 1 - p END AS p,
    CASE WHEN "order" IS NULL THEN NULL WHEN ("order" = 'ab') = chosen_is_a THEN 1 ELSE 0 END AS chosen_first
FROM calls
"""
SAME = 1e-9


def make_verdicts(cursor: duckdb.DuckDBPyConnection, pairs: Pairs, steps: Sequence[str]) -> int:
    """Fill the table of what the judges of these steps (fingerprints) said of the pairs; returns how many calls there are."""
    named = ", ".join(map(literal, steps)) or "NULL"
    cursor.execute(MAKE_VERDICTS.format(source=pairs.query, steps=named))
    row = cursor.execute(f"SELECT count(*) FROM {VERDICTS}").fetchone()
    return int(row[0]) if row else 0


def positions(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Decided calls and those for the answer shown first; questions asked in both orders and those answered differently."""
    query = f"""
        WITH calls AS (
            SELECT *, CASE WHEN abs(p - 0.5) < {SAME} THEN 0 WHEN p > 0.5 THEN 1 ELSE -1 END AS choice FROM {VERDICTS}
        ), asked AS (
            SELECT max(choice) FILTER ("order" = 'ab') AS ab, max(choice) FILTER ("order" = 'ba') AS ba FROM calls
            GROUP BY pair_id, principle, voter HAVING ab IS NOT NULL AND ba IS NOT NULL
        )
        SELECT count_if(choice <> 0 AND chosen_first IS NOT NULL) AS decided,
            count_if(choice <> 0 AND (choice = 1) = (chosen_first = 1)) AS first,
            (SELECT count(*) FROM asked) AS asked, (SELECT count_if(ab <> ba) FROM asked) AS flipped
        FROM calls
    """
    return _counted(cursor, query)


def juries(cursor: duckdb.DuckDBPyConnection) -> dict[tuple[int, int], int]:
    """How many pairs have so many voters for the label and so many against it, each pair once for each principle.

    A voter is one draw of one judge in one step, over both orders; one that comes out even has not voted.
    """
    query = f"""
        WITH votes AS (SELECT pair_id, principle, voter, avg(p) AS p FROM {VERDICTS} GROUP BY ALL),
        cells AS (
            SELECT count_if(p > 0.5 + {SAME}) AS pro, count_if(p < 0.5 - {SAME}) AS contra
            FROM votes GROUP BY pair_id, principle
        )
        SELECT pro, contra, count(*) FROM cells GROUP BY ALL ORDER BY ALL
    """
    return {(pro, contra): n for pro, contra, n in cursor.execute(query).fetchall()}


def gold(cursor: duckdb.DuckDBPyConnection, pairs: Pairs) -> dict[str, float]:
    """The pairs of which people, or the set they are from, say which answer is better; those where it is the chosen one,
    and those where it is the longer one (equal lengths count one half)."""
    query = f"""
        WITH ours AS (SELECT pair_id, prompt_id, chosen_id, rejected_id FROM ({pairs.query})),
        said AS (
            SELECT o.pair_id, (g.gold = 'a') = (g.response_ids[1] = o.chosen_id) AS right
            FROM {LAKE}.gold_labels g JOIN ours o ON o.prompt_id = g.prompt_id
                AND list_has_all(g.response_ids, [o.chosen_id, o.rejected_id]) WHERE g.gold IN ('a', 'b')
        )
        SELECT count(*), count_if("right"),
            sum(CASE WHEN chosen_chars = rejected_chars THEN 0.5 WHEN (chosen_chars > rejected_chars) = "right" THEN 1 ELSE 0 END)
        FROM said JOIN {TRAITS} USING (pair_id)
    """
    found, right, longest = cursor.execute(query).fetchone() or (0, 0, 0)
    return {"pairs": float(found), "right": float(right or 0), "longest": float(longest or 0)}
