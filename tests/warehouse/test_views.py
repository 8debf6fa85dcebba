"""The views people ask: their numbers are the tables' numbers, and the audits see what they are there to see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builds
import made
import pytest
import scripted
from mills import MakeCatalog, Mill
from scripted import rehearse

from pipeline.audit.accuracy import wilson
from schemas.errors import Transient, Unanswerable
from schemas.requests import Call, Completion
from schemas.rows import Order, Vote
from warehouse.address import Address
from warehouse.builds import audit
from warehouse.store import Store

# --- the funnel ------------------------------------------------------------------------------------------------------

UNITS = {
    "mine/chunk": "SELECT count(*) FROM documents",
    "mine/qa": "SELECT count(*) FROM passages",
    "sample/grid": "SELECT count(*) FROM prompts",
    "sample/gold": "SELECT count(*) FROM prompts",
    "judge/pairwise": "SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM responses GROUP BY prompt_id)",
    "select/best_worst": "SELECT count(DISTINCT prompt_id) FROM responses",
    "select/exact_duplicates": "SELECT count(*) FROM pairs",
}
ROWS = {"mine/chunk": "passages", "mine/qa": "prompts", "judge/pairwise": "signals", "select/best_worst": "pairs"}


def funnel(address: Address) -> dict[str, dict[str, int]]:
    """The latest build's units by step and status."""
    latest = "build_id = (SELECT build_id FROM builds ORDER BY started_at DESC LIMIT 1)"
    found: dict[str, dict[str, int]] = {}
    query = f"SELECT step, status, sum(units)::BIGINT FROM funnel WHERE {latest} GROUP BY ALL"
    for step, status, units in builds.ask(address, query):
        found.setdefault(step, {})[status] = units
    return found


def test_units_in_are_kept_dropped_failed_or_pending(mill: Mill) -> None:
    found = funnel(mill.address)
    assert found["mine/read"] == {"ok": 3}
    for step, query in UNITS.items():
        assert sum(found[step].values()) == builds.ask(mill.address, query)[0][0], step
    for step, table in ROWS.items():
        made_rows = builds.ask(
            mill.address, "SELECT sum(rows)::BIGINT FROM funnel WHERE step = ? AND status = 'ok'", [step]
        )
        assert made_rows == builds.ask(mill.address, f"SELECT count(*) FROM {table}"), step


def test_the_funnel_is_what_the_build_said_of_itself(mill: Mill) -> None:
    query = "SELECT position, step, status, reason, units, rows FROM funnel ORDER BY ALL"
    said = sorted((row.position, row.step, row.status, row.reason, row.units, row.rows) for row in mill.built.funnel)
    assert builds.ask(mill.address, query) == said


async def test_failed_and_pending_units_are_in_the_funnel(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document's questions cannot be answered, another's server is busy, the third goes through."""

    async def answer(call: Call) -> Completion:
        if call.request.prompt == "sample/answer":
            if "French burr" in call.request.variables["facts"]:
                raise Unanswerable("too_long")
            if "Tallow" in call.request.variables["facts"]:
                raise Transient("busy")
        return await rehearse(call)

    scripted.install(monkeypatch, answer)
    models = {"default": {"model": "m", "engine": "openai"}}
    await builds.run(builds.write_recipe(tmp_path, models=models), documents, lake)
    found = funnel(lake)
    ((prompts,),) = builds.ask(lake, "SELECT count(*) FROM prompts")
    assert sum(found["sample/grid"].values()) == prompts
    assert found["sample/grid"] == {"ok": prompts - 2, "failed": 1, "pending": 1}
    # The busy document goes no further: its prompts are not units of the steps that come after.
    of_busy = "SELECT count(*) FROM prompts p JOIN documents d USING (document_id) WHERE d.uri LIKE '%gearing.md'"
    assert sum(found["sample/gold"].values()) == prompts - builds.ask(lake, of_busy)[0][0]
    assert set(builds.audits(lake).values()) == {0}


# Rows in scope after each step (position, table, work, done, out), and how the units of each step ended.
SCOPE = [
    (0, "documents", "reads", 9, 9), (0, "pairs", "", 0, 0), (0, "responses", "", 0, 0),
    (1, "documents", "sifts", 7, 6), (1, "pairs", "", 0, 0), (1, "responses", "", 0, 0),
    (2, "documents", "", 6, 6), (2, "pairs", "", 0, 0), (2, "responses", "makes", 12, 12),
    (3, "documents", "", 6, 6), (3, "pairs", "makes", 5, 5), (3, "responses", "", 12, 12),
    (4, "documents", "", 6, 6), (4, "pairs", "", 3, 3), (4, "responses", "sifts", 10, 10),
    (5, "documents", "", 6, 6), (5, "pairs", "sifts", 1, 1), (5, "responses", "", 10, 10),
]  # fmt: skip
ENDED = [
    (0, "ok", "", 11, 11), (0, "none", "empty", 1, 0),
    (1, "ok", "", 6, 6), (1, "none", "revoked", 2, 0), (1, "pending", "", 1, 0),
    (2, "ok", "", 6, 12), (3, "ok", "", 4, 5), (3, "none", "tie", 2, 0),
    (4, "ok", "", 10, 10), (4, "none", "empty", 1, 0), (4, "failed", "crashed", 1, 0),
    (5, "ok", "", 1, 1), (5, "none", "exact_duplicate", 2, 0),
]  # fmt: skip
# position, table, work: in, made, kept, dropped, pending, taken along, set aside, out, difference.
BALANCE = [
    (0, "documents", "reads", 0, 0, None, 0, 0, 0, 0, 9, None),
    (1, "documents", "sifts", 9, 0, 6, 2, 1, 0, 1, 6, 0),
    (2, "responses", "makes", 0, 12, None, 0, 0, 0, 0, 12, 0),
    (3, "pairs", "makes", 0, 5, None, 0, 0, 0, 0, 5, 0),
    (4, "pairs", "", 5, 0, None, 0, 0, 2, 0, 3, 0),
    (4, "responses", "sifts", 12, 0, 10, 2, 0, 0, 0, 10, 0),
    (5, "pairs", "sifts", 3, 0, 1, 2, 0, 0, 0, 1, 0),
    (6, "pairs", "releases", 1, 0, 1, 0, 0, 0, 0, 1, 0),
]
WRONG_BALANCES = {
    "a pair that left without a reason": (("rows", 5, "pairs", 0), [(5, "pairs", 1), (6, "pairs", 1)]),
    "a pair that stayed though it was dropped": (("rows", 5, "pairs", 2), [(5, "pairs", 1), (6, "pairs", 1)]),
    "a row that nobody made": (("rows", 3, "pairs", 6), [(3, "pairs", 1)]),
    "a row that left at a step that sifts nothing": (("rows", 3, "responses", 11), [(3, "responses", 1), (4, "responses", 1)]),
    "a unit that was never formed": (("units", 4, "ok", 9), [(4, "responses", 1)]),
    "a unit too many": (("units", 4, "ok", 11), [(4, "responses", 1)]),
}


async def balance(store: Store, wrong: tuple[str, int, str, int] | None = None) -> list[Any]:
    """The lines of a planted build, with one number wrong."""

    def work(cursor: Any) -> list[Any]:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO builds (build_id, recipe, status) VALUES ('build-1', 'r', 'done')")
        for position, tab, does, done, out in SCOPE:
            if wrong and wrong[:3] == ("rows", position, tab):
                done = out = wrong[3]
            cursor.execute(f"INSERT INTO build_rows VALUES ('build-1', {position}, '{tab}', '{does}', {done}, {out})")
        for position, status, reason, units, rows in ENDED:
            if wrong and wrong[:3] == ("units", position, status):
                units = wrong[3]
            values = f"'build-1', {position}, 's', '{status}', '{reason}', {units}, {rows}"
            cursor.execute(f"INSERT INTO build_funnel VALUES ({values})")
        for position in range(7):
            step = "land/release" if position == 6 else f"step {position}"
            cursor.execute(f"INSERT INTO build_steps VALUES ('build-1', {position}, '{step}', 'f')")
        cursor.execute(
            "INSERT INTO releases (release, release_id, recipe, status, pairs, documents, build_id, folder, manifest_sha256) "
            "VALUES ('r-1', 'rel_1', 'r', 'held', 1, 1, 'build-1', '', '')"
        )
        columns = "position, tab, work, rows_in, made, kept, dropped, pending, taken_along, set_aside, rows_out, difference"
        found = cursor.execute(f"SELECT {columns} FROM funnel_balance ORDER BY position, tab").fetchall()
        audited = cursor.execute("SELECT position, tab, difference FROM audit_rows_unaccounted_for ORDER BY ALL").fetchall()
        cursor.execute("ROLLBACK")
        assert audited == [(row[0], row[1], row[-1]) for row in found if row[-1]]
        return list(found)

    return await store.write(work)


async def test_the_balance_is_the_one_reckoned_by_hand(store: Store) -> None:
    assert await balance(store) == BALANCE


@pytest.mark.parametrize("name", WRONG_BALANCES)
async def test_a_row_too_many_or_too_few_is_seen_where_it_is(store: Store, name: str) -> None:
    wrong, seen = WRONG_BALANCES[name]
    assert [(row[0], row[1], row[-1]) for row in await balance(store, wrong) if row[-1]] == seen


# --- cost, pairs, lineage --------------------------------------------------------------------------------------------


def test_costs_add_up_to_the_outcomes(mill: Mill) -> None:
    totals = "SELECT sum(units)::BIGINT, sum(calls)::BIGINT, sum(tokens_in)::BIGINT, sum(tokens_out)::BIGINT FROM cost_by_step"
    outcomes = "SELECT count(*), sum(calls)::BIGINT, sum(tokens_in)::BIGINT, sum(tokens_out)::BIGINT FROM outcomes"
    assert builds.ask(mill.address, totals) == builds.ask(mill.address, outcomes)
    calls = dict(builds.ask(mill.address, "SELECT step, calls::BIGINT FROM cost_by_step WHERE calls > 0"))
    assert calls == builds.calls_of(mill.built)


def test_the_latest_pairs_are_those_of_the_release(mill: Mill) -> None:
    assert mill.built.landed is not None
    release = mill.built.landed.release
    found = builds.ask(mill.address, "SELECT DISTINCT release FROM latest_pairs")
    assert found == [(release.release,)]
    splits = dict(builds.ask(mill.address, "SELECT split, count(*) FROM latest_pairs GROUP BY 1"))
    assert splits == release.splits
    assert sum(splits.values()) == release.pairs > 0


def test_no_two_splits_share_a_document(mill: Mill) -> None:
    query = "SELECT document_id FROM latest_pairs GROUP BY 1 HAVING count(DISTINCT split) > 1"
    assert builds.ask(mill.address, query) == []


def test_evidence_is_where_lineage_says_it_is(mill: Mill) -> None:
    """In characters, as Python counts them, also after an emoji and in Japanese."""
    columns = "l.evidence_start, l.evidence, l.passage_start, l.passage_end, d.text"
    query = f"SELECT {columns} FROM lineage l JOIN documents d USING (document_id)"
    found = builds.ask(mill.address, query)
    assert found
    for start, evidence, first, last, text in found:
        assert text[start : start + len(evidence)] == evidence
        assert first <= start < last


def test_every_passage_is_where_it_says_it_is(mill: Mill) -> None:
    query = 'SELECT p.start, p."end", p.text, d.text FROM passages p JOIN documents d USING (document_id)'
    for start, end, passage, text in builds.ask(mill.address, query):
        assert text[start:end] == passage


def test_what_a_fingerprint_stands_for_can_be_read(mill: Mill) -> None:
    query = "SELECT f.step, f.identity->>'$.strategy' FROM fingerprints f ORDER BY ALL"
    found = builds.ask(mill.address, query)
    assert all(step.split("#")[0] == strategy for step, strategy in found)
    assert len(found) == 1 + len(builds.STEPS)


# --- the judge -------------------------------------------------------------------------------------------------------

# Votes on the candidates a and b, shown as ab and as ba; primacy is for the one shown first.
CONSISTENT: list[tuple[Vote | None, Vote | None]] = [("a", "a"), ("a", "a"), ("b", "b"), ("tie", "tie"), ("b", "b")]
PRIMACY: list[tuple[Vote | None, Vote | None]] = [("a", "b"), ("a", "tie"), ("tie", "b")]
RECENCY: list[tuple[Vote | None, Vote | None]] = [("b", "a")]
MISSING: list[tuple[Vote | None, Vote | None]] = [("a", None), (None, None)]


@pytest.fixture(scope="module", params=("sqlite", "postgres"))
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_catalog: MakeCatalog
) -> Iterator[Store]:
    """An open warehouse on each catalog; who plants something in it takes it away again."""
    opened = Store.open(make_catalog(request.param, tmp_path_factory.mktemp("views")))
    yield opened
    opened.close()


def signal_row(unit: int, order: Order, vote: Vote | None, evaluator: str) -> dict[str, Any]:
    """One stored verdict."""
    signal = made.signal(
        "rsp_a", "rsp_b", order, vote, signal_id=f"sig_{evaluator}_{unit}_{order}", evaluator=evaluator
    )
    return {**signal.model_dump(), "unit_id": f"grp_{unit}", "fingerprint": "stp_judge"}


def insert(cursor: Any, table: str, rows: list[dict[str, Any]]) -> None:
    """Put rows into a table past the ledger."""
    import pyarrow as pa

    schema = cursor.execute(f"SELECT * FROM {table} LIMIT 0").to_arrow_table().schema
    cursor.register("planted", pa.Table.from_pylist(rows, schema))
    cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM planted")


async def test_consistency_and_fairness_of_a_judge_are_those_reckoned_by_hand(store: Store) -> None:
    """PF = (recency² - primacy²) / ((primacy + recency) · n), arXiv 2406.07791."""
    verdicts = [*CONSISTENT, *PRIMACY, *RECENCY, *MISSING]
    rows = [
        signal_row(unit, order, vote, "biased")
        for unit, votes in enumerate(verdicts)
        for order, vote in zip(("ab", "ba"), votes, strict=True)
    ]
    rows += [signal_row(unit, order, "b", "fair") for unit in range(4) for order in ("ab", "ba")]

    def work(cursor: Any) -> list[Any]:
        insert(cursor, "signals", rows)
        columns = (
            "evaluator, pairs, consistent, primacy, recency, missing, ties, position_consistency, preference_fairness"
        )
        found = list(cursor.execute(f"SELECT {columns} FROM judge_consistency ORDER BY evaluator").fetchall())
        cursor.execute("DELETE FROM signals")
        return found

    biased, fair = await store.write(work)
    assert biased[:7] == ("biased", 11, 5, 3, 1, 2, 1)
    assert biased[7] == pytest.approx(5 / 9)
    assert biased[8] == pytest.approx((1**2 - 3**2) / ((3 + 1) * 9))
    assert fair == ("fair", 4, 4, 0, 0, 0, 0, 1.0, 0.0)


async def test_a_judge_that_always_takes_the_first_is_all_primacy(store: Store) -> None:
    rows = [signal_row(unit, order, vote, "first") for unit in range(3) for order, vote in (("ab", "a"), ("ba", "b"))]

    def work(cursor: Any) -> Any:
        insert(cursor, "signals", rows)
        found = cursor.execute("SELECT position_consistency, preference_fairness FROM judge_consistency").fetchone()
        cursor.execute("DELETE FROM signals")
        return found

    assert await store.write(work) == (0.0, -1.0)


async def test_what_facts_change_is_counted_by_judge_and_principle(store: Store) -> None:
    """Of four verdicts in the same order and draw, one stays, one becomes a tie, two go to the other candidate."""
    spoken: list[tuple[int, Order, Vote, Vote]] = [
        (1, "ab", "a", "a"), (1, "ba", "a", "tie"), (2, "ab", "b", "a"), (2, "ba", "a", "b"),
    ]  # fmt: skip
    rows = []
    for unit, order, vote, control in spoken:
        others = {"prompt_id": f"prm_{unit}"}
        rows.append(signal_row(unit, order, vote, "judge") | others)
        rows.append(signal_row(unit, order, control, "judge") | others)
        rows[-1] |= {"name": "control/helpful", "signal_id": f"sig_c{unit}{order}", "fingerprint": "stp_control"}
    # Neither another judge's control, nor one of another draw, nor one without a vote is a comparison.
    rows.append(rows[1] | {"evaluator": "other", "signal_id": "sig_x1", "vote": "b"})
    rows.append(rows[1] | {"draw": 1, "signal_id": "sig_x2", "vote": "b"})
    rows.append(rows[1] | {"prompt_id": "prm_9", "signal_id": "sig_x3", "vote": "b"})

    def work(cursor: Any) -> Any:
        cursor.execute("BEGIN")
        insert(cursor, "signals", rows)
        found = cursor.execute("FROM judge_facts_effect").fetchall()
        cursor.execute("ROLLBACK")
        return found

    assert await store.write(work) == [
        ("judge", "helpful", "stp_judge", "stp_control", 4, 3, 2, 0.75, (0 + 0.5 + 1 + 1) / 4)
    ]


async def test_votes_that_were_not_asked_are_saved(store: Store) -> None:
    """Of twelve votes for each of two pairs, one was settled by four and the other took all twelve."""
    rows = [
        signal_row(unit, order, "a", "judge") | {"draw": draw, "signal_id": f"sig_{unit}_{order}_{draw}"}
        for unit, draws in ((1, 2), (2, 6))
        for draw in range(draws)
        for order in ("ab", "ba")
    ]
    rows.append(signal_row(1, "ab", "a", "judge") | {"fingerprint": "stp_other", "signal_id": "sig_other"})
    steps = {
        "stp_judge": '{"strategy": "judge/pairwise", "params": {"votes": 6, "stop_at": 0.95}}',
        "stp_other": '{"strategy": "judge/pairwise", "params": {"votes": null, "stop_at": null}}',
    }

    def work(cursor: Any) -> Any:
        cursor.execute("BEGIN")
        for fingerprint, identity in steps.items():
            cursor.execute("INSERT INTO fingerprints VALUES (?, 'judge/pairwise', ?)", [fingerprint, identity])
        insert(cursor, "signals", rows)
        found = cursor.execute("FROM judge_votes_saved").fetchall()
        cursor.execute("ROLLBACK")
        return found

    ((*names, pairs, asked, saved, share),) = await store.write(work)
    assert (names, pairs, asked, saved) == (["judge", "helpful", "stp_judge"], 2, 16, 8)
    assert share == pytest.approx(8 / 24)


# --- releases --------------------------------------------------------------------------------------------------------

# Lengths of chosen and rejected, their models and splits; documents by the tens. Release v1 has all six, v2 the first.
RELEASED = [
    ("I'm sorry, but I can't do that.", "The river.", "m", "n", "train", "shelf/a.md"),
    ("b" * 60, "c" * 55, "m", "n", "train", "shelf/a.md"),
    ("d" * 19, "e" * 20, "n", "m", "test", "t.jsonl#row=3"),
    ("As an AI, I grind.", "f" * 18, "m", "m", "test", "t.jsonl#row=4"),
    ("B" * 30 + "\n" + "b" * 30, "g" * 10, "m", "n", "test", "c.md"),
    ("h" * 20, "i" * 10, "m", "o", "validation", "shelf/b.md"),
]


RELEASE_ROW = {
    "release_id": "rel_1", "recipe": "planted", "status": "published", "pairs": 7, "documents": 7, "build_id": "build-1",
    "folder": "releases/v1", "manifest_sha256": "",
}  # fmt: skip


@pytest.fixture
async def released(store: Store) -> list[tuple[str, list[Any]]]:
    """The rows of every view of releases, on planted ones."""

    def work(cursor: Any) -> list[tuple[str, list[Any]]]:
        cursor.execute("BEGIN")
        stamp = {"unit_id": "u", "fingerprint": "f"}
        tables = ("pairs", "prompts", "responses", "documents", "release_rows")
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
        for at, (chosen, rejected, winner, loser, split, uri) in enumerate(RELEASED):
            ids = {"document_id": f"doc_{at}", "prompt_id": f"prm_{at}"}
            asked = "What  turns?" if at == 5 else "what TURNS?" if at == 0 else f"Question {at}"
            tags = ["category:water"] if at < 3 else ["item:1"]
            rows["prompts"].append(stamp | ids | {"messages": [{"role": "user", "content": asked}], "tags": tags})
            known = {"document_id": f"doc_{at}", "uri": uri, "text": "t", "sha256": "s", "licence": "MIT"}
            rows["documents"].append(stamp | known)
            for side, text, model in (("c", chosen, winner), ("r", rejected, loser)):
                answer = {"response_id": f"rsp_{at}{side}", "text": text, "model": model, "role": "candidate"}
                rows["responses"].append(stamp | ids | answer)
            rows["pairs"].append(
                stamp | ids | {"pair_id": f"par_{at}", "chosen_id": f"rsp_{at}c", "rejected_id": f"rsp_{at}r"}
            )
            for release in ("v1", "v2")[: 2 if at == 0 else 1]:
                rows["release_rows"].append({"release": release, "pair_id": f"par_{at}", "split": split})
        rows["releases"] = [RELEASE_ROW | {"release": release} for release in ("v1", "v2")]
        for table, planted in rows.items():
            insert(cursor, table, planted)
        names = ("length", "sides", "models", "coverage", "leakage")
        found = [(name, cursor.execute(f"FROM release_{name} ORDER BY ALL").fetchall()) for name in names]
        cursor.execute("ROLLBACK")
        return found

    return await store.write(work)


async def test_what_a_release_holds_is_counted_by_hand(released: list[tuple[str, list[Any]]]) -> None:
    views = dict(released)
    # Of v1's lengths (31:10, 60:55, 19:20, 18:18, 61:10, 20:10) four have a longer one chosen and one a shorter one.
    assert [row[:5] for row in views["length"]] == [
        ("v1", "0 to 0.5", 2, 2, 1.0), ("v1", "0.5 to 0.9", 1, 1, 1.0), ("v1", "0.9 to 1", 3, 1, 0.5),
        ("v1", "all", 6, 4, 0.8), ("v2", "0 to 0.5", 1, 1, 1.0), ("v2", "all", 1, 1, 1.0),
    ]  # fmt: skip
    assert [row[5:] for row in views["length"][-1:]] == [(31.0, 10.0)]
    assert [row for row in views["sides"] if row[0] == "v1"] == [
        ("v1", "chosen", "m", 5, 1, 0.2, 1, 0.2), ("v1", "chosen", "n", 1, 0, 0.0, 0, 0.0),
        ("v1", "rejected", "m", 2, 0, 0.0, 0, 0.0), ("v1", "rejected", "n", 3, 0, 0.0, 0, 0.0),
        ("v1", "rejected", "o", 1, 0, 0.0, 0, 0.0),
    ]  # fmt: skip
    models = [row for row in views["models"] if row[0] == "v1"]
    assert [row[:5] for row in models] == [("v1", "m", 5, 4, 0.8), ("v1", "n", 4, 1, 0.25), ("v1", "o", 1, 0, 0.0)]
    assert [row[5:] for row in models] == [pytest.approx(wilson(wins, pairs)) for _, _, pairs, wins, *_ in models]
    assert [row for row in views["coverage"] if row[0] == "v1"] == [
        ("v1", "licence", "MIT", 6, 1.0), ("v1", "source", ".", 1, pytest.approx(1 / 6)),
        ("v1", "source", "shelf", 3, 0.5), ("v1", "source", "t.jsonl", 2, pytest.approx(1 / 3)),
        ("v1", "topic", "water", 3, 0.5), ("v1", "topic", None, 3, 0.5),
    ]  # fmt: skip
    # validation asks what train asks; test has an answer of train in other case, broken by a line.
    assert views["leakage"] == [("v1", "test", 3, 0, 0, 1, 1, pytest.approx(1 / 3)), ("v1", "validation", 1, 1, 0, 0, 1, 1.0)]


# --- audits ----------------------------------------------------------------------------------------------------------

STAMP = "unit_id, fingerprint, document_id"
OUTCOME = "INSERT INTO outcomes (fingerprint, unit_id, step, subject_id, status, reason) VALUES ('{}', 'u', 's', 'u', 'ok', '')"
DOCUMENT = f"INSERT INTO documents ({STAMP}, uri, text, sha256) VALUES ('u', 'f', 'doc_1', 'a', 't', 's')"
PASSAGE = (
    f"""INSERT INTO passages ({STAMP}, passage_id, start, "end", text) VALUES ('u', 'f', 'doc_1', 'psg_1', 0, 1, 't')"""
)
RESPONSE = (
    f"INSERT INTO responses ({STAMP}, response_id, prompt_id, text, model, role) "
    "VALUES ('u', 'f', 'd', '{}', 'p', 't', 'm', 'r')"
)
PAIR = (
    f"INSERT INTO pairs ({STAMP}, pair_id, prompt_id, chosen_id, rejected_id) "
    "VALUES ('u', 'f', 'd', 'par_1', 'p', 'rsp_1', 'rsp_2')"
)
UNACCOUNTED = [
    "INSERT INTO builds (build_id, recipe, status) VALUES ('b', 'r', 'running')",
    "INSERT INTO build_steps VALUES ('b', 1, 's', 'f')",
    "INSERT INTO build_rows VALUES ('b', 1, 'pairs', 'makes', 1, 1)",
]
PLANTED = {
    "audit_rows_unaccounted_for": UNACCOUNTED,
    "audit_units_with_two_outcomes": [OUTCOME.format("f"), OUTCOME.format("f")],
    "audit_rows_stored_twice": [DOCUMENT, DOCUMENT],
    "audit_rows_without_outcome": [DOCUMENT, PASSAGE],
    "audit_orphans": [OUTCOME.format("nobody")],
    "audit_pairs_that_prefer_nothing": [RESPONSE.format("rsp_1"), RESPONSE.format("rsp_2"), PAIR],
}


async def test_every_audit_finds_what_must_not_exist(store: Store) -> None:
    assert set((await audit(store)).values()) == {0}

    def plant(cursor: Any, statements: list[str]) -> dict[str, int]:
        cursor.execute("BEGIN")
        for statement in statements:
            cursor.execute(statement)
        found = {view: cursor.execute(f"SELECT count(*) FROM {view}").fetchone()[0] for view in PLANTED}
        cursor.execute("ROLLBACK")
        return found

    for view, statements in PLANTED.items():
        assert (await store.write(plant, statements))[view] > 0, view
    assert set(await audit(store)) == set(PLANTED), "an audit without a planted violation is untested"


def test_a_finished_build_leaves_every_audit_empty(mill: Mill) -> None:
    assert set(builds.audits(mill.address).values()) == {0}


async def test_a_build_whose_audit_finds_something_says_so(tmp_path: Path, documents: Path, lake: Address) -> None:
    from schemas.errors import PrefmillError

    store = Store.open(lake)
    await store.write(lambda cursor: [cursor.execute(statement) for statement in PLANTED["audit_orphans"]])
    store.close()
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    with pytest.raises(PrefmillError, match="audit_orphans"):
        await builds.run(recipe, documents, lake)
