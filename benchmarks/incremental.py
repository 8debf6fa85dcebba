"""What a change costs: the calls that a build made after it, beside those that the change requires.

Seven changes, one after another, to a finished build of 100 documents. Calls made are what the builds note in the
ledger. Calls required are counted from the rows alone: one for each passage of a document that was not there, one for
each cell of the grid of a prompt that is new or is asked of another model, two for each pair of answers with different
texts of which one is new or whose judge reads another prompt.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.contents import ask
from benchmarks.documents import text_of, write_folder
from benchmarks.figures import Figure, Setting
from benchmarks.processes import ROOT, build, must, run

Calls = dict[str, int]
CELLS, ORDERS = 2, 2
RECIPE = """\
recipe: incremental
models:
  writer: {model: rehearsal}
  sampler: {model: "SAMPLER"}
steps:
  - mine/chunk: {tokens: 300}
  - mine/qa: {per_passage: 2, model: writer}
  - sample/grid: {models: [sampler], draws: 2, temperatures: [0.7, 0.9], show: passage}
  - sample/gold
  - judge/pairwise: {principle: grounded, model: writerPROMPT}
  - select/best_worst
  - select/exact_duplicates
  - land/release
"""


@dataclass(frozen=True)
class Bench:
    """A folder with documents and a recipe: the sampling model, and the judge's own prompt if it has one."""

    room: Path
    count: int
    seed: int = 0
    sampler: str = "rehearsal"
    judge_prompt: str = ""

    def path(self, index: int) -> Path:
        """The file of one document."""
        return self.room / "documents" / f"entry {index:05d}.md"

    def new_text(self, index: int) -> str:
        """A text that no document has."""
        return text_of(self.seed, self.count * 12 + index)


def add(bench: Bench) -> Bench:
    """Add a document."""
    bench.path(bench.count).write_text(bench.new_text(0))
    return bench


def insert_first(bench: Bench) -> Bench:
    """Insert one that is read before all others."""
    (bench.room / "documents" / "a first entry.md").write_text(bench.new_text(1))
    return bench


def edit(bench: Bench) -> Bench:
    """Edit a document."""
    bench.path(3).write_text(bench.path(3).read_text() + "\nThe sack hoist number 1 was added by the owner in 1851.\n")
    return bench


def delete(bench: Bench) -> Bench:
    """Delete a document."""
    bench.path(5).unlink()
    return bench


def rename(bench: Bench) -> Bench:
    """Rename a document."""
    bench.path(7).rename(bench.room / "documents" / "entry renamed.md")
    return bench


def change_judge_prompt(bench: Bench) -> Bench:
    """Change the judge's prompt."""
    text = (ROOT / "prompts" / "judge" / "pairwise.md").read_text()
    (bench.room / "judge.md").write_text(text.replace("You compare two answers", "You weigh two answers"))
    return replace(bench, judge_prompt="judge.md")


def change_sampler(bench: Bench) -> Bench:
    """Change the sampling model."""
    return replace(bench, sampler="rehearsal:another")


CHANGES: tuple[Callable[[Bench], Bench], ...] = (
    add,
    insert_first,
    edit,
    delete,
    rename,
    change_judge_prompt,
    change_sampler,
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What is in scope of the newest build: passages and prompts with their document, texts of answers by prompt and id."""

    documents: frozenset[str] = frozenset()
    passages: tuple[tuple[str, str], ...] = ()
    prompts: tuple[tuple[str, str], ...] = ()
    answers: tuple[tuple[str, str, str], ...] = ()


def measure(setting: Setting) -> Iterator[Figure]:
    """The table of seven lines, and the first build before it."""
    bench = Bench(setting.room("incremental"), setting.sized(100, 12), setting.seed)
    write_folder(bench.room / "documents", bench.count, seed=bench.seed)
    before, rows = bench, Rows()
    for change in (lambda bench: bench, *CHANGES):
        bench = change(before)
        made = run_build(bench)
        found = read_rows(bench.room / "lake")
        wanted = required(
            rows,
            found,
            new_sampler=bench.sampler != before.sampler,
            new_judge=bench.judge_prompt != before.judge_prompt,
        )
        yield compare((change.__doc__ or f"build {bench.count} documents").rstrip(".").lower(), made, wanted)
        before, rows = bench, found


def compare(change: str, made: Calls, wanted: Calls) -> Figure:
    """One line of the table: calls by step, made and required."""
    name = f"{change}: calls of {', '.join(step.partition('/')[2] for step in wanted)}"
    calls, goal = (", ".join(f"{each.get(step, 0):,}" for step in wanted) for each in (made, wanted))
    return Figure(
        name, calls, goal=f"= {goal}", is_met=made == {step: count for step, count in wanted.items() if count}
    )


def run_build(bench: Bench) -> Calls:
    """Build, and what the build says it called, by step."""
    prompt = f", prompt: {bench.judge_prompt}" if bench.judge_prompt else ""
    (bench.room / "recipe.yaml").write_text(RECIPE.replace("SAMPLER", bench.sampler).replace("PROMPT", prompt))
    told = json.loads(must(run(build("recipe.yaml", "documents", "lake", "--json"), bench.room)).out)
    query = (
        f"SELECT step, sum(calls)::INTEGER FROM outcomes WHERE calls > 0 AND build_id = '{told['build']}' GROUP BY step"
    )
    made: Calls = dict(ask(bench.room / "lake", query))
    if sum(made.values()) != told["calls"]:
        raise RuntimeError(f"the build says it made {told['calls']} calls, its outcomes say {made}")
    return made


def read_rows(lake: Path) -> Rows:
    """The rows in scope, found without the plan: what the newest build's steps made of the files it was given."""
    scope = """
        WITH newest AS (FROM builds ORDER BY started_at DESC LIMIT 1),
        steps AS (SELECT fingerprint FROM build_steps SEMI JOIN newest USING (build_id)),
        found AS (
            SELECT DISTINCT o.subject_id AS document_id FROM listings l JOIN newest n USING (listing_id)
            JOIN outcomes o ON o.unit_id = l.item_id AND o.step = 'mine/read' AND o.status = 'ok'
        )
    """

    def rows(columns: str, table: str) -> tuple[Any, ...]:
        in_scope = f"{table} SEMI JOIN steps USING (fingerprint) SEMI JOIN found USING (document_id)"
        return tuple(ask(lake, f"{scope} SELECT {columns} FROM {in_scope}"))

    documents = ask(lake, f"{scope} FROM found")
    return Rows(
        frozenset(row[0] for row in documents),
        rows("passage_id, document_id", "passages"),
        rows("prompt_id, document_id", "prompts"),
        rows("prompt_id, response_id, text", "responses"),
    )


def required(before: Rows, after: Rows, *, new_sampler: bool = False, new_judge: bool = False) -> Calls:
    """The calls without which `after` cannot be had, given all there was before."""
    new_documents = after.documents - before.documents
    known_prompts, known_answers = {row[0] for row in before.prompts}, {row[1] for row in before.answers}
    by_prompt: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for prompt, answer, text in after.answers:
        by_prompt[prompt].append((answer, text.strip()))
    pairs = [pair for answers in by_prompt.values() for pair in itertools.combinations(answers, 2)]
    unjudged = [
        (a, b) for (a, a_text), (b, b_text) in pairs if a_text != b_text and (new_judge or not {a, b} <= known_answers)
    ]
    return {
        "mine/qa": sum(document in new_documents for _, document in after.passages),
        "sample/grid": CELLS * sum(new_sampler or prompt not in known_prompts for prompt, _ in after.prompts),
        "judge/pairwise": ORDERS * len(unjudged),
    }
