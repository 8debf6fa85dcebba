"""The step that nobody writes into a recipe: documents that were revoked go no further, and the funnel says so."""

from __future__ import annotations

from pipeline.runner import intake
from pipeline.runner.steps import Progress, StepReport
from schemas.fingerprints import identify
from warehouse.leaving_out import leave_out, note_left_out
from warehouse.plan import EVERY_SHARD
from warehouse.store import Store

KEY = "mine/revoked"
IDENTITY = {"strategy": KEY, "version": 1}
FINGERPRINT = identify("steps", IDENTITY)


async def leave_out_revoked(store: Store, position: int, build_id: str, progress: Progress) -> StepReport:
    """Take revoked documents out of scope; each document has an outcome, `revoked` with the revocations or `ok`.

    A build has this step, right after the sources are read, while some revocation holds.
    """
    counts = await leave_out(store, position, intake.FINGERPRINT)
    reason = "revoked"
    new = await note_left_out(
        store, position, intake.FINGERPRINT, step=KEY, fingerprint=FINGERPRINT, build_id=build_id, reason=reason
    )
    report = StepReport(KEY, EVERY_SHARD, counts.units, new, new)
    progress(report)
    return report
