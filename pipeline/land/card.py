"""The dataset card of a release: what a stranger on the hub needs to know before training on it.

Everything in it comes from the manifest; what was not recorded is said to be missing, not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.audit.release.catalogue import FIGURES as AUDITED
from pipeline.land.columns import MEANINGS, export_schema
from pipeline.land.licences import name_licence
from pipeline.land.manifest import Manifest
from pipeline.land.markdown import clean, escape, table
from pipeline.land.splits import SPLITS

LAYOUT = "conversational"
LONGEST_TABLE = 50

# By how pyarrow begins to write the type.
TYPES = {"string": "text", "int64": "number", "double": "number", "bool": "true or false", "list<item": "list"}

COUNTED = ("pairs", "documents")  # gates see them as figures; the summary has said them
FIGURES = {
    "position_consistency": "share of judged comparisons with the same verdict in both orders",
    "failed_share": "share of units of work that failed for good",
    "pending_share": "share of units of work that were still to do",
}

TRAINING = f"""```python
from datasets import load_dataset
from trl import DPOConfig, DPOTrainer

pairs = load_dataset("THIS_FOLDER_OR_REPOSITORY")
trainer = DPOTrainer(
    model="Qwen/Qwen3-0.6B",
    args=DPOConfig(output_dir="dpo"),
    train_dataset=pairs["train"],
)
trainer.train()
```

`{LAYOUT}` is TRL's conversational preference format with an explicit prompt; the other columns are left alone.
"""

LIMITS = """- The labels are the verdicts of the recipe's rule and judges, not of people: look at the figures above.
- `p_chosen` and `confidence` are as the judge gave them; unless a figure above says so, nobody checked them.
- prefmill does not remove personal data, and does not check whether what an answer claims is true. A recipe may.
- `uri` and `title` are as the sources gave them, and may name machines and people.
- Not for measuring a model that was trained on the same documents, or whose answers are in it."""


def render_card(manifest: Mapping[str, Any], figures: Mapping[str, float] | None = None) -> str:
    """`README.md` for an export of the release that `manifest` describes; `figures` add to those of the manifest."""
    release = Manifest.model_validate(manifest)
    measured = {name: value for name, value in {**release.figures, **(figures or {})}.items() if name not in COUNTED}
    sections = [
        f"---\n{_head(release)}---", *_warning(release), f"# {escape(release.release)}", _summary(release),
        *_revoked(release),
        "## How it was made", _making(release),
        "## How good the labels are", _judging(release, measured),
        "## What is in it", _structure(release),
        "## Licence", _licences(release),
        "## Limits, and what it is not for", LIMITS,
        "## Train on it", TRAINING.strip(),
        "## Make it again", _reproduction(release),
    ]  # fmt: skip
    return "\n\n".join(sections) + "\n"


def _head(release: Manifest) -> str:
    """The YAML that the hub reads. The language is left out: nobody measured it."""
    splits = [{"split": name, "path": f"{LAYOUT}/{name}.parquet"} for name in SPLITS if release.splits.get(name)]
    head = {
        "pretty_name": clean(release.release),
        **name_licence(release.licences),
        "task_categories": ["text-generation"],
        "size_categories": [_size_category(release.rows)],
        "tags": ["prefmill", "preference", "dpo", "rlhf", *(["rehearsal"] if release.rehearsal_rows else [])],
        "configs": [{"config_name": LAYOUT, "default": True, "data_files": splits}],
    }
    text: str = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return text


def _warning(release: Manifest) -> list[str]:
    """What must be read before anything else: rehearsal rows, and gates that were not passed."""
    warnings = []
    if release.rehearsal_rows:
        warnings.append(
            f"> **Do not train on this.** {release.rehearsal_rows:,} of {release.rows:,} pairs are rehearsal data: a "
            "rule-based stand-in, not a model, wrote or judged them. They show that a recipe runs, and nothing else."
        )
    failed = [escape(gate.name) for gate in release.gates if not gate.passed]
    if failed:
        warnings.append(f"> **Held back.** This release did not pass: {', '.join(failed)}. See the table of gates.")
    return warnings


def _summary(release: Manifest) -> str:
    """What this is, in two sentences."""
    return (
        f"{release.rows:,} preference pairs from {release.documents:,} documents: a prompt, an answer that was "
        f"preferred and one that was not. Made by prefmill {escape(release.code_version)} with the recipe "
        f"{escape(release.recipe)}, which is in `recipe.yaml`."
    )


def _revoked(release: Manifest) -> list[str]:
    """What was left out because it was revoked: how many documents, and for what kind of reason."""
    if not release.revoked:
        return []
    parts = [
        f"{fact.documents:,} under the licence {escape(fact.value)}" for fact in release.revoked if fact.kind == "licence"
    ]
    for kind, words in (("source", "from revoked sources"), ("document", "named one by one")):
        if count := sum(fact.documents for fact in release.revoked if fact.kind == kind):
            parts.append(f"{count:,} {words}")
    total = sum(fact.documents for fact in release.revoked)
    are, they = ("document is", "it was") if total == 1 else ("documents are", "they were")
    return [f"{total:,} {are} left out because {they} revoked: {', '.join(parts)}."]


def _making(release: Manifest) -> str:
    """The recipe's words, its steps, its models, and who wrote the answers."""
    parts = [f"{words}: {escape(text)}" for words, text in (("About", release.about), ("Paper", release.paper)) if text]
    parts.append(table(["step", "fingerprint"], [(step.step, step.fingerprint) for step in release.fingerprints]))
    models = [(alias, *_named(what, "model", "revision")) for alias, what in sorted(release.models.items())]
    parts.append(table(["model in the recipe", "is", "revision"], models))
    authors = [(author.model, author.role, author.chosen, author.rejected) for author in release.authors]
    parts.append("Who wrote the answers:")
    parts.append(_short_table(["model", "role", "chosen", "rejected"], sorted(authors, key=lambda row: (-row[2], row))))
    return "\n\n".join(parts)


def _named(identity: Mapping[str, Any], *keys: str) -> list[str]:
    """Some parts of a model's identity as words."""
    return [str(identity.get(key) or "") for key in keys]


def _judging(release: Manifest, measured: Mapping[str, float | None]) -> str:
    """The judge's figures, the rules, the gates, and the oldest shortcut of all: length."""
    meanings = {name: spec.meaning for name, spec in AUDITED.items()} | FIGURES
    figures = [(name, value, meanings.get(name, "")) for name, value in sorted(measured.items()) if value is not None]
    parts = [table(["figure", "value", "what it is"], figures) if figures else "No figures of the judge were recorded."]
    share = release.longer_chosen_rows / release.rows if release.rows else 0.0
    parts.append(f"In {share:.1%} of the pairs the chosen answer is the longer one.")
    parts.append(_short_table(["rule behind the label", "pairs"], sorted(release.rules.items())))
    gates = [gate for gate in release.gates if gate.value is not None or not gate.passed]
    if gates:
        rows = [(gate.name, gate.sentence, "passed" if gate.passed else "failed") for gate in gates]
        parts.append(table(["gate", "what it found", "verdict"], rows))
    return "\n\n".join(parts)


def _structure(release: Manifest) -> str:
    """The splits and the columns."""
    splits = [(name, release.splits[name]) for name in SPLITS if release.splits.get(name)]
    types = {field.name: TYPES[str(field.type).partition(":")[0]] for field in export_schema()}
    columns = [(name, words, MEANINGS[name]) for name, words in types.items()]
    return "\n\n".join([
        table(["split", "pairs"], splits),
        "Documents, not pairs, were shared out, so no document is in two splits. Rows are sorted by `pair_id`.",
        table(["column", "type", "what it is"], columns),
    ])  # fmt: skip


def _licences(release: Manifest) -> str:
    """The licences of the sources, and a word on those of the models."""
    rows = sorted(((name or "not stated", count) for name, count in release.licences.items()), key=lambda row: -row[1])
    return "\n\n".join([
        "Each pair keeps the licence of its source document in the column `licence`:",
        _short_table(["licence of the source", "pairs"], rows),
        "The answers were written by the models above; the terms of those models are not recorded here.",
    ])  # fmt: skip


def _reproduction(release: Manifest) -> str:
    """The commands, and the hashes to compare with."""
    name = clean(release.release).replace("`", "'")
    writers = ", ".join(f"{library} {version}" for library, version in sorted(release.written_with.items()))
    return "\n\n".join([
        f"```\nprefmill build recipe.yaml YOUR_DOCUMENTS\nprefmill export {name} --to FOLDER\n```",
        f"Snapshot {release.snapshot_id} of the warehouse, release {escape(release.release_id)}. `manifest.json` holds "
        f"the SHA-256 of every file; the same release exports to the same bytes ({escape(writers)}).",
    ])  # fmt: skip


def _short_table(header: list[str], rows: list[Any]) -> str:
    """A table cut to a length that people read; the manifest has all of it."""
    cut = table(header, rows[:LONGEST_TABLE])
    left_out = len(rows) - LONGEST_TABLE
    return f"{cut}\n\n{left_out:,} more are in `manifest.json`." if left_out > 0 else cut


def _size_category(rows: int) -> str:
    """The hub's word for so many rows."""
    edges = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
    edges += [(10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B")]
    return next((name for edge, name in edges if rows < edge), "1B<n<10B")
