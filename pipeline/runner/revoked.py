"""The step that nobody writes into a recipe: documents that were revoked go no further, and the funnel says so."""

from __future__ import annotations

from pipeline.runner import intake
from pipeline.runner.steps import Progress, StepReport
from schemas.fingerprints import identify
from warehouse.leaving_out import is_anything_revoked, leave_out, note_found
from warehouse.ledger import Ledger
from warehouse.plan import EVERY_SHARD
from warehouse.store import Store

BEFORE_ALL = -1
KEY = "mine/revoked"
IDENTITY = {"strategy": KEY, "version": 1}
FINGERPRINT = identify("steps", IDENTITY)


REASON = {"reason": "revoked"}


async def leave_out_revoked(
    store: Store, ledger: Ledger, position: int, build_id: str, progress: Progress
) -> StepReport:
    """Take revoked documents out of scope; each document has an outcome, `revoked` with the revocations or `ok`.

    A build has this step, right after the sources are read, while some revocation holds.
    """
    counts = await leave_out(store, position, intake.FINGERPRINT, fingerprint=FINGERPRINT, **REASON)
    await note_found(store, intake.FINGERPRINT)
    if counts.pending:
        await ledger.record_sifted(FINGERPRINT, KEY, build_id)
    report = StepReport(KEY, EVERY_SHARD, counts.units, counts.pending, counts.pending)
    progress(report)
    return report


async def forecast_revoked(store: Store) -> None:
    """The same for a plan that is only looked at: nothing is written."""
    if await is_anything_revoked(store):
        await leave_out(store, BEFORE_ALL, intake.FINGERPRINT, fingerprint=FINGERPRINT, **REASON)
