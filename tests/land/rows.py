"""Rows, facts and folders of small releases, the same in every process."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.land.columns import release_schema
from pipeline.land.files import write_release
from pipeline.land.gates import Gates, check
from pipeline.land.manifest import Manifest
from pipeline.land.splits import assign_split

RECIPE = "recipe: quickstart\nabout: Pairs from documents.\npaper: arXiv 2311.10614\nsteps:\n  - mine/chunk\n"
WORDS = ["mill", "grain", "stone", "wheel", "water", "Mühle", "粉", "🌾"]
SIZES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def make_rows(count: int, *, seed: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """`count` rows of about five a document; `changes` overwrite columns of every row."""
    draw = random.Random(seed)

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(3, 30)))

    return [_make_row(index, text) | changes for index in range(count)]


def _make_row(index: int, text: Any) -> dict[str, Any]:
    document = f"doc_{index // 5:06d}"
    system = [{"role": "system", "content": ""}] if index % 4 == 0 else []
    return {
        "pair_id": f"par_{index:08d}",
        "split": assign_split(document, SIZES, 0),
        "prompt": [*system, {"role": "user", "content": text()}],
        "chosen": [{"role": "assistant", "content": f"yes {text()}"}],
        "rejected": [{"role": "assistant", "content": f"no {text()}"}],
        "score_gap": 0.5 + index % 7,
        "p_chosen": 0.9,
        "confidence": 0.8,
        "rule": "agreement",
        "rationale": text() if index % 2 else None,
        "aspect": "helpful" if index % 5 == 1 else None,
        "aspect_scores": [{"name": "true", "chosen": 3.0, "rejected": None}] if index % 5 == 1 else None,
        "also_chosen": [[{"role": "assistant", "content": f"also {text()}"}]] if index % 5 == 2 else None,
        "principles": ["helpful", "true"][: index % 3],
        "flags": [],
        "weight": None,
        "curriculum_rank": None,
        "chosen_model": "Qwen/Qwen3-32B",
        "rejected_model": "Qwen/Qwen3-0.6B",
        "chosen_role": "gold",
        "rejected_role": "student",
        "chosen_id": f"rsp_{index:08d}",
        "rejected_id": f"rsp_{index:08d}x",
        "prompt_id": f"prm_{index:08d}",
        "passage_ids": [f"psg_{index // 5:06d}"],
        "evidence": None,
        "document_id": document,
        "uri": f"file:///documents/{index // 5}.md",
        "title": "The mill",
        "licence": "CC-BY-4.0",
        "rehearsal": False,
    }


def make_batches(rows: list[dict[str, Any]], size: int = 1000) -> list[pa.RecordBatch]:
    """`rows` as batches of `size`."""
    batches: list[pa.RecordBatch] = pa.Table.from_pylist(rows, schema=release_schema()).to_batches(max_chunksize=size)
    return batches


def as_stored(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` as they come back from a file: with every column, and every key of a message."""
    stored: list[dict[str, Any]] = pa.Table.from_pylist(rows, schema=release_schema()).to_pylist()
    return stored


def make_facts(**changes: Any) -> dict[str, Any]:
    """What a build would say of its release."""
    figures = {"pairs": 300.0, "documents": 60.0, "pending_share": 0.0, "position_consistency": 0.91}
    return {
        "release": "quickstart-1",
        "release_id": "rel_0123456789",
        "recipe_text": RECIPE,
        "snapshot_id": 7,
        "code_version": "0.1.0",
        "fingerprints": [{"step": "judge/pairwise", "fingerprint": "stp_0123456789"}],
        "models": {"default": {"model": "Qwen/Qwen3-8B", "revision": None, "options": {}}},
        "gates": check(Gates(), figures),
        "figures": {"position_consistency": 0.91},
    } | changes


def make_release(folder: Path, count: int = 300, *, batch: int = 1000, **changes: Any) -> Manifest:
    """Write a small release; `changes` go to its facts."""
    return write_release(folder, make_batches(make_rows(count), batch), make_facts(**changes))


def hash_tree(folder: Path) -> dict[str, str]:
    """The hash of every file below a folder, hidden ones included."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip
