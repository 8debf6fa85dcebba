"""`prefmill plan`: what a build would do and what that would take, without calling a model or changing anything.

Where units exist already, their number is exact: they are the same anti-join that a build would ask. Work that hangs on
answers which do not exist yet is counted at its most (every question asked for is mined, nothing is refused), and marked
so. Tokens come from the ledger where a step has run before, else from the size of its prompt and its texts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from flows.build import Job
from pipeline.binding import BoundStep
from pipeline.models.pool import price_of
from pipeline.runner import intake
from pipeline.runner.revoked import forecast_revoked
from pipeline.sources import Item, find_items, identify_document
from pipeline.strategy import Answer, Kept, Nothing, Sieve
from schemas.errors import AttemptError
from schemas.requests import Usage
from schemas.rows import Document, DocumentAnswer
from schemas.tokens import estimate_tokens
from schemas.units import DocumentUnit
from warehouse.plan import Plan
from warehouse.store import Store

ONE_SHARD = 0
AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one step would take: units and calls to come, tokens, money; `is_exact` when all its units exist already."""

    step: str
    units: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float
    is_exact: bool

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def forecast(job: Job) -> list[Forecast]:
    """One row for each step of the recipe."""
    return asyncio.run(_Forecaster(job).run())


def forecast_table(rows: list[Forecast]) -> Table:
    """The forecast for a terminal, with totals."""
    table = Table(title="what a build would do now (≤ is an upper bound)", title_justify="left")
    for name in ("step", "units", "calls", "tokens in", "tokens out", "cost"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for row in rows:
        bound = "" if row.is_exact else "≤ "
        table.add_row(
            escape(row.step),
            f"{bound}{row.units:,}",
            f"{bound}{row.calls:,}" if row.calls else "",
            f"{row.tokens_in:,}" if row.calls else "",
            f"{row.tokens_out:,}" if row.calls else "",
            f"{row.cost:.4f}" if row.cost else "",
        )
    table.add_section()
    total = [sum(getattr(row, name) for row in rows) for name in ("calls", "tokens_in", "tokens_out")]
    table.add_row("all", "", *(f"{value:,}" for value in total), f"{sum(row.cost for row in rows):.4f}")
    return table


class _Forecaster:
    """Walks the steps with the counts of rows that are to be made on the way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.open: Counter[str] = Counter()
        self.passage_tokens: list[int] = []
        self.plan: Plan | None = None
        self.is_sifted = False

    async def run(self) -> list[Forecast]:
        address = self.job.address
        exists = address.is_postgres or (address.root / "catalog.sqlite").exists()
        store = Store.open_to_read(address) if exists else None
        try:
            if store is not None:
                self.plan = Plan(store)
                await self.plan.begin([])
            new = await self._new_documents()
            rows = [Forecast(intake.KEY, new, 0, 0, 0, 0.0, True)]
            if store is not None and self.plan is not None:
                await self.plan.share_out(0, intake.FINGERPRINT, documents_per_shard=2**31, most_shards=1, limit=None)
                await forecast_revoked(store)
            for place, step in enumerate(self.job.recipe.body, start=1):
                if isinstance(step.strategy, Sieve):
                    self.is_sifted = True
                elif not step.is_set_wide:
                    rows.append(await self._step(place, step))
            return rows
        finally:
            if store is not None:
                store.close()

    async def _new_documents(self) -> int:
        """Read what no build has read, cut it up, and count what that would bring."""
        sources = self.job.sources
        seen: set[str] = set()
        batch: list[Item] = []
        count = 0
        for item in find_items(sources.places, text_column=sources.text_column, licence=sources.licence):
            if item.item_id not in seen:
                seen.add(item.item_id)
                batch.append(item)
            if len(batch) == AT_ONCE:
                count += await self._cut(batch)
                batch = []
        return count + await self._cut(batch)

    async def _cut(self, batch: list[Item]) -> int:
        found = [(item.uri, item.item_id, item.licence) for item in batch]
        new = (
            await self.plan.add_items(found, intake.FINGERPRINT)
            if self.plan and batch
            else {item.item_id for item in batch}
        )
        for item in batch:
            if item.item_id in new:
                try:
                    self._count(item.read())
                except AttemptError:
                    continue
        return len(new)

    def _count(self, document: DocumentAnswer) -> None:
        """Run the leading steps that ask no model on a document, in memory."""
        self.open["documents"] += 1
        document_id = identify_document(document)
        unit = DocumentUnit(document_id, Document(**document.model_dump(), document_id=document_id))
        for step in self.job.recipe.body:
            if step.unit == "document" and not step.templates and not step.sifts:
                answer: Answer = step.strategy(unit)
                if not isinstance(answer, Nothing | Kept):
                    self.open[step.strategy.makes] += len(answer)
                    self.passage_tokens += [estimate_tokens(row.text) for row in answer if hasattr(row, "text")]

    async def _step(self, place: int, step: BoundStep) -> Forecast:
        """Exact pending units from the plan, and at most so many more for rows that are still to come."""
        strategy = step.strategy
        to_come = self._units_to_come(step)
        pending = 0
        if self.plan is not None:
            counts = await self.plan.form_units(place, ONE_SHARD, strategy.unit, step.fingerprint)
            pending = counts.pending
            if pending:
                self.open.update(await self.plan.open_rows(place, ONE_SHARD))
            await self.plan.settle(
                place, ONE_SHARD, strategy.makes, step.fingerprint, deferred=pending > 0, sifts=step.sifts
            )
        if strategy.unit != "document" and not step.sifts:
            self.open[strategy.makes] += (pending + to_come) * strategy.yields
        return await self._row(step, pending, to_come)

    def _units_to_come(self, step: BoundStep) -> int:
        match step.strategy.unit:
            case "response_pair" | "categorised_pair":
                prompts, responses = self.open["prompts"], self.open["responses"]
                each = responses / prompts if prompts else 0
                return round(prompts * each * (each - 1) / 2)
            case "candidates" | "responses":
                return self.open["prompts"]
            case kind:
                return self.open[f"{kind}s"]

    async def _row(self, step: BoundStep, pending: int, to_come: int) -> Forecast:
        calls = (pending + to_come) * step.strategy.calls
        usual = await self.plan.usual_tokens(step.fingerprint, step.key) if self.plan and calls else None
        tokens_in, tokens_out = usual or self._guess(step)
        usage = Usage(tokens_in=round(calls * tokens_in), tokens_out=round(calls * tokens_out))
        costs = [price_of(usage, self.job.recipe.models[alias]) for alias in step.models]
        return Forecast(
            step.label,
            pending + to_come,
            calls,
            usage.tokens_in if calls else 0,
            usage.tokens_out if calls else 0,
            sum(costs) / len(costs) if costs else 0.0,
            not self.is_sifted and (to_come == 0 or step.strategy.unit == "document"),
        )

    def _guess(self, step: BoundStep) -> tuple[float, float]:
        """Before the first call: the prompt's own words and an average passage in, the token limit out."""
        words = sum(estimate_tokens(template.path.read_text(encoding="utf-8")) for template in step.templates.values())
        passage = sum(self.passage_tokens) / len(self.passage_tokens) if self.passage_tokens else 0.0
        draws = max(getattr(step.strategy, name, 1) for name in ("draws", "repeats"))
        return words + passage, float(getattr(step.strategy, "max_tokens", 0)) * draws
