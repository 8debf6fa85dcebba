"""A release of 100,000 pairs pushed to a hub on loopback: its calls beside those of the client's own ways to upload.

The same folder goes three ways, each to a hub of its own: `prefmill push`; `create_repo`, `upload_folder` and
`create_tag` of `huggingface_hub`; and `push_to_hub` of `datasets`, once for each layout, with `create_tag`. What matters
is how often a hub is asked, for it counts calls: uploads of large files are among them, calls that only say who asks
(`/api/agent-harnesses`) are not. `upload_large_folder` is gone from `huggingface_hub` 2, which has `upload_folder` for all.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Setting, at_most, exactly, told
from benchmarks.processes import Ended, apart, must, prefmill, run
from pipeline.hub.fake import TOKEN, FakeHub
from pipeline.land.columns import release_schema
from pipeline.land.export import export_release
from pipeline.land.files import write_release
from warehouse.address import resolve_address
from warehouse.connection import connect, literal, migrate

RELEASE, REPO = "planted", "mill/pairs"
PAIRS, QUICK = 100_000, 500
PER_DOCUMENT, HELD_OUT, BATCH, WORDS = 20, 10, 5000, 4000
COUNTED = "^(?!GET /api/agent-harnesses)"

UPLOAD_FOLDER = """
import sys
from huggingface_hub import HfApi
folder, repo, release = sys.argv[1:]
api = HfApi()
api.create_repo(repo, repo_type="dataset", exist_ok=True)
made = api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=folder)
api.create_tag(repo, repo_type="dataset", tag=release, revision=made.oid)
"""
PUSH_TO_HUB = """
import sys
from pathlib import Path
import datasets, yaml
from huggingface_hub import HfApi
folder, repo, release = Path(sys.argv[1]), *sys.argv[2:]
head = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---")[1])
for config in head["configs"]:
    files = {each["split"]: str(folder / each["path"]) for each in config["data_files"]}
    datasets.load_dataset("parquet", data_files=files).push_to_hub(repo, config["config_name"])
HfApi().create_tag(repo, repo_type="dataset", tag=release)
"""


def measure(setting: Setting) -> Iterator[Figure]:
    """Calls of each way, of a second push, and what the push took."""
    room, count = setting.room("push"), setting.sized(PAIRS, QUICK)
    release = apart(_release, room, count, setting.seed)
    export = room / "export"
    apart(export_release, release, export)
    files = [path for path in export.rglob("*") if path.is_file()]
    yield told(f"{count:,} pairs exported, files", len(files))
    yield told("… bytes", sum(path.stat().st_size for path in files) / 1e6, "MB")
    ways = {}
    for name, script in (("upload_folder", UPLOAD_FOLDER), ("push_to_hub", PUSH_TO_HUB)):
        with FakeHub() as hub:
            must(_run([sys.executable, "-c", script, str(export), REPO, RELEASE], room, hub, name))
            ways[name] = len(hub.faults.calls(COUNTED))
    with FakeHub() as hub:
        pushing = prefmill("push", RELEASE, REPO, "-w", "lake", "--json")
        done = must(_run(pushing, room, hub, "prefmill"))
        calls = len(hub.faults.calls(COUNTED))
        for name, theirs in ways.items():
            yield at_most(f"calls of the first push, beside {name}", calls, 1.0, floor=theirs)
        yield told("… CPU, with the export", done.cpu_seconds, "s")
        yield told("… peak memory", done.peak_mb, "MB")
        hub.faults.forget()
        again = must(_run(pushing, room, hub, "again"))
        assert json.loads(again.out)["outcome"] == "already there"
        yield exactly("second push, bytes of files sent", sum(call.received for call in hub.faults.calls("^PUT ")), 0)
        yield exactly("… commits", len(hub.faults.calls("/commit/")), 0)
        yield told("… calls", len(hub.faults.calls(COUNTED)))


def _run(command: list[str], room: Path, hub: FakeHub, name: str) -> Ended:
    """A command with the token of a hub, and caches of its own."""
    known = {
        "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0",
        "HF_DATASETS_OFFLINE": "0", "HF_HOME": str(room / f"hf-{name}"),
    }  # fmt: skip
    return run(command, room, **known)


def _release(room: Path, count: int, seed: int) -> Path:
    """A release in a warehouse: its files, and its row."""
    facts = {
        "release": RELEASE, "release_id": "rel_0", "snapshot_id": 0, "code_version": "0", "fingerprints": [],
        "models": {}, "recipe_text": "recipe: planted\nsteps:\n  - mine/chunk\n",
    }  # fmt: skip
    folder = room / "lake" / "releases" / RELEASE
    connection = connect(resolve_address(str(room / "lake")))
    migrate(connection)
    write_release(folder, _batches(count, seed), facts)
    connection.execute(f"""
        INSERT INTO releases BY NAME SELECT {literal(RELEASE)} AS release, 'rel_0' AS release_id, 'planted' AS recipe,
            'published' AS status, {count} AS pairs, 1 AS documents, '{{}}' AS splits, '[]' AS gates, '{{}}' AS figures,
            'b' AS build_id, {literal(f"releases/{RELEASE}")} AS folder, '' AS manifest_sha256, false AS rehearsal,
            now()::TIMESTAMP AS created_at
    """)
    connection.close()
    return folder


def _batches(count: int, seed: int) -> Iterator[Any]:
    """Record batches of pairs: answers of 40 to 120 words, 20 pairs a document."""
    import pyarrow as pa

    draw = random.Random(seed)
    words = [f"{draw.randrange(16**6):06x}" for _ in range(WORDS)]
    for start in range(0, count, BATCH):
        rows = [_row(at, draw, words) for at in range(start, min(count, start + BATCH))]
        yield from pa.Table.from_pylist(rows, schema=release_schema()).to_batches()


def _row(at: int, draw: random.Random, words: list[str]) -> dict[str, Any]:
    document = at // PER_DOCUMENT

    def said(role: str, least: int, most: int) -> list[dict[str, str]]:
        return [{"role": role, "content": " ".join(draw.choices(words, k=draw.randint(least, most)))}]

    return dict.fromkeys(release_schema().names) | {
        "pair_id": f"par_{at:08d}", "split": "test" if document % HELD_OUT == 0 else "train",
        "prompt": said("user", 10, 30), "chosen": said("assistant", 40, 120), "rejected": said("assistant", 40, 120),
        "score_gap": 1.0, "p_chosen": 0.9, "confidence": 0.8, "rule": "planted", "principles": [], "flags": [],
        "chosen_model": "mill-8b", "rejected_model": "stone-9b", "chosen_role": "candidate", "rejected_role": "candidate",
        "chosen_id": f"rsp_{at:08d}c", "rejected_id": f"rsp_{at:08d}r", "prompt_id": f"prm_{at:08d}", "passage_ids": [],
        "document_id": f"doc_{document:06d}", "uri": f"shelf{document % 4}/{document}.md", "licence": "MIT",
        "rehearsal": False,
    }  # fmt: skip
