"""What the verdicts on single claims say of a whole response, when labels are made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from schemas.rows import SignalAnswer


def supported_share(signals: Iterable[SignalAnswer], name: Literal["claim", "checklist"] = "claim") -> float | None:
    """The share of the claims with a verdict that are supported, in [0, 1]; None where no claim has one.

    Over `claim` signals of one response it is the precision of what it says (Search Arena counts support, contradict
    and irrelevant, arXiv 2506.05334); over `checklist` signals the recall of what it ought to say (arXiv 2509.23765).
    """
    values = [signal.value for signal in signals if signal.name == name and signal.value is not None]
    return sum(value > 0 for value in values) / len(values) if values else None
