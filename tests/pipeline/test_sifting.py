"""Steps that decide which rows stay: one by one or over all of them, of any table, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import builds
import pyarrow.parquet as pq
import pytest
from pydantic import ConfigDict

from pipeline.registry import STRATEGIES
from pipeline.strategy import Answer, Drop, Found, Kept, Note, Nothing, Rows, Said, Table
from schemas.columns import COLUMNS, SIFTED, Sifted
from schemas.errors import RecipeError
from schemas.rows import PassageAnswer, PromptAnswer, ResponseAnswer
from schemas.units import UnitKind
from warehouse.address import Address
from warehouse.guest import guest
from warehouse.lineage import trace

NOUNS: dict[str, Any] = {table: table.removesuffix("s") for table in SIFTED}


def odd(row_id: str) -> bool:
    """About every other row, the same ones in every build."""
    return int(row_id[-1], 16) % 2 == 1


@dataclass(frozen=True, slots=True)
class EveryOther:
    """Keeps the rows with an even id, each with a note, one by one."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    prompts: ClassVar[tuple[str, ...]] = ()
    sifts: ClassVar[bool] = True
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    of: Sifted = "pairs"

    @property
    def unit(self) -> UnitKind:
        return NOUNS[self.of]

    @property
    def makes(self) -> Table:
        return self.of

    def __call__(self, unit: Any) -> Answer:
        if odd(unit.unit_id):
            return Nothing("odd", "an odd id")
        return Kept((Note(unit.unit_id, "flag/even", 1.0),))


@dataclass(frozen=True, slots=True)
class EveryOtherOfAll:
    """The same, over all rows at once."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    of: Sifted = "pairs"

    def sift(self, rows: Rows) -> Iterator[Said]:
        count = 0
        for batch in rows.read("id"):
            for (row_id,) in batch:
                count += 1
                yield Drop(row_id, "odd", "an odd id") if odd(row_id) else Note(row_id, "flag/even", 1.0)
        yield Found({"rows": count})


@dataclass(frozen=True, slots=True)
class Shout:
    """Puts a row with its text in capitals in the place of each."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1
    prompts: ClassVar[tuple[str, ...]] = ()
    sifts: ClassVar[bool] = True
    rewrites: ClassVar[bool] = True
    calls: ClassVar[int] = 0
    yields: ClassVar[int] = 1

    of: Sifted = "responses"

    @property
    def unit(self) -> UnitKind:
        return NOUNS[self.of]

    @property
    def makes(self) -> Table:
        return self.of

    def __call__(self, unit: Any) -> Answer:
        row = getattr(unit, NOUNS[self.of])
        if self.of == "prompts":
            messages = [message | {"content": message["content"].upper()} for message in row.messages]
            values = {**row.model_dump(include=set(PromptAnswer.model_fields)), "messages": messages}
            return [PromptAnswer(**values | {"parent_id": row.prompt_id})]
        kind = ResponseAnswer if self.of == "responses" else PassageAnswer
        return [kind(**row.model_dump(include=set(kind.model_fields)) | {"text": row.text.upper()})]


@pytest.fixture(autouse=True)
def _are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, strategy in (("every_other", EveryOther), ("every_other_of_all", EveryOtherOfAll), ("shout", Shout)):
        monkeypatch.setitem(STRATEGIES, f"select/{key}", strategy)


AT = {"documents": 0, "passages": 1, "prompts": 2, "responses": 4, "pairs": 6}
"""Where in `builds.STEPS` a step can first find rows of a table."""


def steps_with(step: str, table: str, place: int | None = None, **params: Any) -> list[Any]:
    """The usual steps with one more, where its rows have just been made or later."""
    place = AT[table] if place is None else place
    return [*builds.STEPS[:place], {step: {"of": table, **params}}, *builds.STEPS[place:]]


def write_documents(folder: Path, count: int = 12) -> None:
    """Documents enough that some ids are odd and some even."""
    for number in range(count):
        (folder / f"more_{number}.md").write_text(
            f"# Mill {number}\n\nThe mill number {number} has {number + 3} stones. Its wheel is {number + 2} metres wide.\n"
        )


@pytest.mark.parametrize("table", SIFTED)
async def test_one_by_one_or_over_all_is_the_same(
    tmp_path: Path, documents: Path, make_catalog: Any, table: Sifted
) -> None:
    write_documents(documents)
    left = {}
    for step in ("select/every_other", "select/every_other_of_all"):
        catalog = make_catalog("sqlite", tmp_path / step)
        built = await builds.run(builds.write_recipe(tmp_path, steps=steps_with(step, table)), documents, catalog)
        ends = {row.status: row.units for row in built.funnel if row.step == step}
        assert set(ends) == {"ok", "none"}
        assert ends["ok"] + ends["none"] == builds.ask(catalog, f"SELECT count(*) FROM {table}")[0][0]
        noted = builds.ask(catalog, "SELECT subject_id, name, value FROM notes ORDER BY ALL")
        assert len(noted) == ends["ok"]
        assert not any(odd(subject) for subject, _, _ in noted)
        assert not any(builds.audits(catalog).values())
        of_pair = {"passages": "g.passage_id", "responses": "l.chosen_id"}.get(table, f"l.{NOUNS[table]}_id")
        query = f"SELECT l.chosen || l.rejected, {of_pair} FROM latest_pairs l LEFT JOIN lineage g USING (pair_id)"
        left[step] = sorted(builds.ask(catalog, query))
        assert left[step], "something is left"
        assert not any(odd(each) for _, each in left[step]), "nothing that left is in the release"
    one, other = left.values()
    assert [text for text, _ in one] == [text for text, _ in other]


@pytest.mark.parametrize("step", ["select/every_other", "select/every_other_of_all"])
@pytest.mark.parametrize("table", ["prompts", "responses"])
async def test_what_was_made_of_a_row_leaves_with_it(
    tmp_path: Path, documents: Path, lake: Address, step: str, table: str
) -> None:
    """A filter of prompts or responses after the judging: no verdict about a response that left makes a label."""
    write_documents(documents)
    built = await builds.run(builds.write_recipe(tmp_path, steps=steps_with(step, table, 5)), documents, lake)
    pairs = builds.ask(lake, "SELECT prompt_id, chosen_id, rejected_id FROM pairs")
    assert pairs
    for prompt, chosen, rejected in pairs:
        assert not (odd(prompt) if table == "prompts" else odd(chosen) or odd(rejected))
    kept = next(row.units for row in built.funnel if row.step == step and row.status == "ok")
    units = sum(row.units for row in built.funnel if row.step == "select/best_worst")
    assert 0 < units <= kept


@pytest.mark.parametrize("step", ["select/every_other", "select/every_other_of_all"])
async def test_a_second_build_decides_nothing_anew_and_more_documents_only_theirs(
    tmp_path: Path, documents: Path, lake: Address, step: str
) -> None:
    write_documents(documents, 6)
    recipe = builds.write_recipe(tmp_path, steps=steps_with(step, "prompts"))
    first = await builds.run(recipe, documents, lake)
    again = await builds.run(recipe, documents, lake)
    assert (again.done, again.calls) == (0, 0)
    assert [(row.step, row.status, row.units) for row in again.funnel] == [
        (row.step, row.status, row.units) for row in first.funnel
    ]
    assert again.landed
    assert not again.landed.is_new
    before = dict(builds.ask(lake, f"SELECT unit_id, build_id FROM outcomes WHERE step = '{step}'"))
    write_documents(documents, 9)
    await builds.run(recipe, documents, lake)
    after = dict(builds.ask(lake, f"SELECT unit_id, build_id FROM outcomes WHERE step = '{step}'"))
    assert len(after) > len(before)
    assert {unit: after[unit] for unit in before} == before
    assert not any(builds.audits(lake).values())


async def test_flags_of_any_row_are_in_the_release_and_make_it_another(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    plain = await builds.run(builds.write_recipe(tmp_path), documents, lake)
    steps = steps_with("select/every_other_of_all", "prompts")
    flagged = await builds.run(builds.write_recipe(tmp_path, steps=steps), documents, lake)
    assert plain.landed
    assert flagged.landed
    assert flagged.landed.is_new
    folder = lake.root / flagged.landed.release.folder
    rows = pq.read_table(folder / "pairs.parquet", columns=["flags"]).to_pylist()
    assert rows
    assert all(row["flags"] == ["even"] for row in rows)
    ((prompt,),) = builds.ask(lake, "SELECT min(prompt_id) FROM latest_pairs")
    with guest(lake) as cursor:
        (noted,) = trace(cursor, prompt).noted
    assert noted == {"step": "select/every_other_of_all", "name": "flag/even", "value": 1.0, "text": None}


@pytest.mark.parametrize("table", ["passages", "prompts", "responses"])
async def test_a_rewritten_row_takes_the_place_of_the_old_one(
    tmp_path: Path, documents: Path, lake: Address, table: str
) -> None:
    recipe = builds.write_recipe(tmp_path, steps=steps_with("select/shout", table))
    built = await builds.run(recipe, documents, lake)
    (kept,) = [row for row in built.funnel if row.step == "select/shout"]
    assert (kept.status, kept.units) == ("ok", kept.rows)
    noun = NOUNS[table]
    assert builds.ask(lake, f"SELECT count(*) FROM {table}")[0][0] == 2 * kept.units, "nothing is deleted"
    texts = {
        "passages": "SELECT s.text FROM lineage l JOIN passages s USING (passage_id)",
        "prompts": "SELECT prompt FROM latest_pairs",
        "responses": "SELECT unnest([chosen, rejected]) FROM latest_pairs",
    }[table]
    found = [text for (text,) in builds.ask(lake, texts)]
    assert found, noun
    assert all(text == text.upper() for text in found)
    assert not any(builds.audits(lake).values())
    again = await builds.run(recipe, documents, lake)
    assert again.done == 0


async def test_prompts_are_not_rewritten_under_their_responses(
    tmp_path: Path, documents: Path, lake: Address
) -> None:
    recipe = builds.write_recipe(tmp_path, steps=steps_with("select/shout", "prompts", 4))
    with pytest.raises(RecipeError, match="rewrites prompts that have responses by then"):
        await builds.run(recipe, documents, lake)


# --- columns ---------------------------------------------------------------------------------------------------------

SEEN: dict[str, list[tuple[Any, ...]]] = {}


@dataclass(frozen=True, slots=True)
class Look:
    """Drops nothing and remembers what it saw."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    columns: tuple[str, ...]
    of: Sifted = "pairs"

    def sift(self, rows: Rows) -> Iterator[Said]:
        for column in self.columns:
            SEEN[column] = sorted(row for batch in rows.read("id", column) for row in batch)
        SEEN["again"] = [row for batch in rows.repeated("document_id", "id") for row in batch]
        yield from ()


@pytest.mark.parametrize("table", SIFTED)
async def test_every_column_can_be_read(
    tmp_path: Path, documents: Path, lake: Address, table: Sifted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, "select/look", Look)
    params = {"columns": [*COLUMNS[table], "note:flag/even"]}
    steps = steps_with("select/look", table, 6, **params)
    steps.insert(AT[table], {"select/every_other_of_all": {"of": table}})
    write_documents(documents)
    await builds.run(builds.write_recipe(tmp_path, steps=steps), documents, lake)
    ids = [row_id for row_id, _ in SEEN["id"]]
    assert ids
    assert not any(odd(row_id) for row_id in ids), "rows out of scope are not read"
    assert all(value == 1.0 for _, value in SEEN["note:flag/even"])
    assert all([row_id for row_id, _ in SEEN[column]] == ids for column in params["columns"])
    assert {value for _, value in SEEN["source"]} == {str(documents)}
    assert {value for _, value in SEEN["landed"]} == {1}
    repeated = SEEN["again"]
    documents_of = dict(SEEN["document_id"])
    counts = {each: list(documents_of.values()).count(each) for each in documents_of.values()}
    assert sorted(repeated) == sorted((each, row) for row, each in documents_of.items() if counts[each] > 1)
    assert [each for each, _ in repeated] == sorted(each for each, _ in repeated)


async def test_signals_are_means_over_orders_and_then_over_judges(
    tmp_path: Path, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, "select/look", Look)
    columns = ["signal:grounded", "chosen:stars", "rejected:stars", "gap:stars"]
    steps = [*builds.STEPS[:6], {"select/look": {"columns": columns}}, *builds.STEPS[6:]]
    aspect = {"name": "stars", "definition": "How good it is.", "scale": {1: "bad", 2: "so", 3: "good"}}
    steps.insert(4, {"judge/rubric": {"aspect": aspect}})
    await builds.run(builds.write_recipe(tmp_path, steps=steps), documents, lake)
    query = """
        SELECT p.pair_id, avg(CASE WHEN s.response_ids[1] = p.chosen_id THEN s.probability ELSE 1 - s.probability END)
        FROM pairs p JOIN signals s ON list_sort(s.response_ids) = list_sort([p.chosen_id, p.rejected_id])
        WHERE s.name = 'grounded' GROUP BY 1 ORDER BY 1
    """
    assert SEEN["signal:grounded"] == [pytest.approx(row) for row in builds.ask(lake, query)]
    stars = {
        side: dict(builds.ask(lake, f"""
            SELECT p.pair_id, avg(s.value) FROM pairs p JOIN signals s ON s.response_ids = [p.{side}_id]
            WHERE s.name = 'stars' GROUP BY 1"""))
        for side in ("chosen", "rejected")
    }  # fmt: skip
    assert stars["chosen"]
    for side, values in stars.items():
        assert dict(SEEN[f"{side}:stars"]) == pytest.approx(values)
    gaps = {pair: stars["chosen"][pair] - stars["rejected"][pair] for pair in stars["chosen"]}
    assert dict(SEEN["gap:stars"]) == pytest.approx(gaps)
