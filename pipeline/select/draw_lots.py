"""A lot for every row: what it draws rests on the seed and its id alone, so the same rows win when others come."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field

MOST = 2**53
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""Other seeds draw other lots."""


def lot(seed: int, row_id: str) -> float:
    """The row's number in [0, 1): uniform over ids, another one under another seed."""
    key = seed.to_bytes(8, "big")
    digest = hashlib.blake2b(row_id.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return (int.from_bytes(digest, "big") >> 11) / MOST
