"""What the rows of each table are called, and by which beginning of an id a table is known."""

from __future__ import annotations

from schemas.fingerprints import PREFIXES

NOUNS = {
    "documents": "document",
    "passages": "passage",
    "prompts": "prompt",
    "responses": "response",
    "signals": "signal",
    "pairs": "pair",
}
TABLES = {PREFIXES[table]: table for table in NOUNS}
