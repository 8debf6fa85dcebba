"""Releases of planted pairs: written files, and the rows of a warehouse that go with them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.audit.release.report import ReleaseReport
from pipeline.land.columns import release_schema
from pipeline.land.files import write_release
from pipeline.runner.measuring import EVERYTHING, measure
from warehouse.address import Address
from warehouse.connection import connect, literal, migrate
from warehouse.traits import Pairs, auditor

WORDS = [f"{a}{b}{c}{d}" for a in "bdgkmp" for b in "aeiou" for c in "lmnrst" for d in "aeo"]
MODELS = ("mill-8b", "stone-9b")
STEP = "stp_judge"


def innocent(count: int = 400, *, seed: int = 0, per_document: int = 5) -> list[dict[str, Any]]:
    """Pairs of random words in which nothing tells chosen from rejected: five a document, every fifth document held out."""
    draw = random.Random(seed)

    def text(least: int = 20, most: int = 40) -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(least, most)))

    return [_row(at, at // per_document, draw, text) for at in range(count)]


def _row(at: int, document: int, draw: random.Random, text: Any) -> dict[str, Any]:
    return dict.fromkeys(release_schema().names) | {
        "pair_id": f"par_{at:08d}",
        "split": "test" if document % 5 == 0 else "train",
        "prompt": [{"role": "user", "content": f"What of {text(8, 12)}?"}],
        "chosen": [{"role": "assistant", "content": text()}],
        "rejected": [{"role": "assistant", "content": text()}],
        "score_gap": 1.0,
        "p_chosen": 0.9,
        "confidence": 0.8,
        "rule": "planted",
        "principles": [],
        "flags": [],
        "chosen_model": draw.choice(MODELS),
        "rejected_model": draw.choice(MODELS),
        "chosen_role": "candidate",
        "rejected_role": "candidate",
        "chosen_id": f"rsp_{at:08d}c",
        "rejected_id": f"rsp_{at:08d}r",
        "prompt_id": f"prm_{at:08d}",
        "passage_ids": [],
        "document_id": f"doc_{document:06d}",
        "uri": f"shelf{document % 4}/{document}.md",
        "rehearsal": False,
    }


def said(row: dict[str, Any], side: str, text: str | None = None) -> str:
    """The answer of a side; with a text, that it is that one from now on."""
    if text is not None:
        row[side] = [{"role": "assistant", "content": text}]
    return str(row[side][0]["content"])


def asked(row: dict[str, Any], text: str) -> None:
    """Ask another question."""
    row["prompt"] = [{"role": "user", "content": text}]


def open_lake(address: Address) -> None:
    """A new warehouse without a row."""
    connection = connect(address)
    migrate(connection)
    connection.close()


def write(folder: Path, rows: list[dict[str, Any]], release: str = "planted", **facts: Any) -> Path:
    """The files of a release of these rows; returns the file of the pairs."""
    known = {
        "release": release,
        "release_id": "rel_0",
        "recipe_text": "recipe: planted\nsteps:\n  - mine/chunk\n",
        "snapshot_id": 0,
        "code_version": "0",
        "fingerprints": [{"step": "judge/pairwise", "fingerprint": STEP}],
        "models": {},
    }
    batches = pa.Table.from_pylist(rows, schema=release_schema()).to_batches(max_chunksize=97)
    write_release(folder, batches, known | facts)
    return folder / "pairs.parquet"


def plant(
    address: Address,
    rows: list[dict[str, Any]],
    release: str = "planted",
    *,
    gates: list[dict[str, Any]] | None = None,
    figures: dict[str, float] | None = None,
) -> None:
    """A release in a warehouse: its files, and its row."""
    if not (address.root / "catalog.sqlite").exists():
        open_lake(address)
    write(address.root / "releases" / release, rows, release)
    connection = connect(address)
    connection.execute(f"""
        INSERT INTO releases BY NAME SELECT {literal(release)} AS release, 'rel_0' AS release_id, 'planted' AS recipe,
            'published' AS status, {len(rows)} AS pairs, 1 AS documents, '{{}}' AS splits,
            {literal(json.dumps(gates or []))} AS gates, {literal(json.dumps(figures or {}))} AS figures,
            'build-1' AS build_id, {literal(f"releases/{release}")} AS folder, '' AS manifest_sha256, '0' AS code_version,
            false AS rehearsal, now()::TIMESTAMP AS created_at
    """)
    connection.close()


def insert(address: Address, table: str, rows: list[dict[str, Any]]) -> None:
    """Put rows into a table past the ledger; what they do not say is missing, ids of units and steps are made up."""
    connection = connect(address)
    schema = connection.execute(f"SELECT * FROM {table} LIMIT 0").to_arrow_table().schema
    filled = [
        {"unit_id": "u", "fingerprint": STEP, "document_id": "doc_000000", **row} for row in rows
    ]
    connection.register("planted", pa.Table.from_pylist(filled, schema))
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM planted")
    connection.close()


def report_on(address: Address, file: Path, parts: Any = EVERYTHING) -> ReleaseReport:
    """What is measured of a written file, with the rows of a warehouse."""
    with auditor(address) as cursor:
        return measure(cursor, Pairs.of_file(file), "planted", [STEP], parts)
