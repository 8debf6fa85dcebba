"""Identity: which values could change an answer, and the hash that stands for them.

A fingerprint covers everything that could change an answer and nothing else. What is left out on purpose:

| left out                       | because                                                              |
|--------------------------------|----------------------------------------------------------------------|
| engine, base_url, api key      | where a model runs is machinery; which model it is, is identity      |
| concurrency, timeouts, retries | they change when an answer comes, not which                          |
| price                          | it changes the bill                                                  |
| the alias of a model           | `writer` and `judge` may name the same model: what they name counts  |
| file names of recipes, prompts | the text counts, not where it is kept                                |
| build, date, machine           | the same work on another day is the same work                        |

All parameters are hashed, defaults included: otherwise a changed default would keep its old identity. Code changes are
invisible to a hash, so every strategy carries a `version`. `SCHEME` is part of every hash: changing how we hash
changes every identity, deliberately and at once.

There is no fallback serialiser: a value that JSON cannot express raises `TypeError` instead of hashing a memory address.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

SCHEME = 1
DIGEST_BYTES = 10  # 80 bits: a chance collision among 10^9 rows has probability 4e-7

PREFIXES = {
    "documents": "doc",
    "passages": "psg",
    "prompts": "prm",
    "responses": "rsp",
    "signals": "sig",
    "pairs": "par",
    "labels": "lbl",
    "vectors": "vec",
    "notes": "nte",
    "fits": "fit",
    "steps": "stp",
    "items": "itm",
    "groups": "grp",
    "likeness": "lik",
    "listings": "lst",
    "releases": "rel",
    "revocations": "rev",
    "requests": "req",
}


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, no spaces, text as UTF-8; NaN and foreign types raise."""
    return _ENCODER.encode(value)


def identify(kind: str, *parts: Any) -> str:
    """An id such as `doc_5f3c…` for what `parts` say; `kind` is a table's name or another key of `PREFIXES`."""
    text = canonical_json([SCHEME, kind, *parts])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()
    return f"{PREFIXES[kind]}_{digest}"


def derive_seed(*parts: Any) -> int:
    """A sampling seed in [0, 2^31) for what `parts` say.

    Seeds are hashed rather than counted because vLLM gives draw i of a request the seed s+i: neighbouring seeds on one
    prompt would repeat each other's draws.
    """
    digest = hashlib.blake2b(canonical_json(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 2**31
