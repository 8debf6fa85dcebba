"""Parts of a manifest: small frozen tables of what was counted, each a list of rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Frozen, and closed to fields it does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFact(Fact):
    """The hash and the size of one file."""

    sha256: str
    bytes: int


class StepFact(Fact):
    """One step of the recipe and the identity it ran under."""

    step: str
    fingerprint: str


class AuthorFact(Fact):
    """How many answers a model wrote in one role, on each side."""

    model: str
    role: str
    chosen: int
    rejected: int


class RevokedFact(Fact):
    """How many documents of the sources were left out for a revocation; one under several is counted under the first.

    `value` is the licence that was revoked. Places are not named: what was revoked may not want to be found.
    """

    revocation_id: str
    kind: str
    value: str
    documents: int


class JudgeFact(Fact):
    """One judge under one criterion: its calls on two answers, and how they came out.

    Of `asked_twice` pairs that were read in both orders `consistent` had one verdict; the others went with the `first` or
    the `second` place. `right` of `checked` verdicts are the gold ones. `error` is the expected calibration error there.
    """

    evaluator: str
    name: str
    calls: int
    verdicts: int
    ties: int
    abstained: int
    pairs: int
    checked: int
    right: int
    asked_twice: int
    consistent: int
    first: int
    second: int
    error: float | None = None


class FunnelFact(Fact):
    """How many units of one step ended in one way, and how many rows they made."""

    position: int
    step: str
    status: str
    reason: str
    units: int
    rows: int


class ShareFact(Fact):
    """`part` of `n`: a share that keeps what it is a share of."""

    part: int
    n: int


class LayoutFact(Fact):
    """The rows of one layout by split, and how many pairs it had no place for, by reason ("12 pairs …")."""

    splits: dict[str, int]
    left_out: dict[str, int] = {}
