"""The dataset card of a release: what a stranger on the hub needs to know before training on it.

Everything in it comes from the manifest; what was not recorded is said to be missing, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from pipeline.land.card_making import citation, creation, details, languages_of, licences, reproduction
from pipeline.land.card_quality import quality
from pipeline.land.facts import LayoutFact
from pipeline.land.layouts import DEFAULT as LAYOUT
from pipeline.land.licences import name_licence
from pipeline.land.manifest import Manifest
from pipeline.land.markdown import clean, escape
from pipeline.land.plots import markdown_of
from pipeline.land.structure import configurations, structure
from pipeline.trainers.snippets import render_snippets

TRAINING = """What each trainer is told to read this dataset; put its name in place of `ORGANISATION/NAME`, or the folder of an
export."""
PLACE = "ORGANISATION/NAME"

USES = """For training that learns from comparisons: DPO and its kin, reward models, KTO, ranking losses. `confidence`,
`p_chosen` and `score_gap` are there to filter by or to weigh with.

### Out-of-scope use

- Not for measuring a model that was trained on the same documents, or whose answers are in it.
- Not a source of facts: an answer that was preferred to another one may still be wrong.
- The labels are the verdicts of a rule and of models. They are no statement of what people want, unless people were asked."""

PRIVACY = """prefmill does not remove personal data unless a step of the recipe does (`select/private_data`). `uri` and
`title` are as the sources gave them, and may name machines and people. What must not be used any more can be revoked
(`prefmill revoke`); the next release is then without it, and this one is withdrawn by whoever published it."""

LIMITS = """- A judge that sees the place, the length or the style of an answer puts them into the labels: see the figures.
- `p_chosen` and `confidence` are as the judge gave them; unless a figure above says so, nobody checked them.
- Nothing checks whether what an answer claims is true, unless a step of the recipe does.
- The language is guessed from the words.

### Recommendations

Train on `train` alone and keep the other splits for measuring. Look at pairs of low confidence before you trust a figure
that rests on them. If length or form tells the label (above), balance or residualise before you train."""


def render_card(
    manifest: Mapping[str, Any],
    figures: Mapping[str, float] | None = None,
    *,
    layouts: Mapping[str, LayoutFact] | None = None,
    jsonl: bool = False,
    images: Iterable[str] = (),
) -> str:
    """`README.md` for an export of the release that `manifest` describes; `figures` add to those of the manifest.

    `layouts` are what the export holds, the conversational one alone if nothing is said; `images` the paths of its plots.
    """
    release = Manifest.model_validate(manifest)
    if layouts is None:
        layouts = {LAYOUT: LayoutFact(splits=release.splits)}
    shown = markdown_of(images)
    head = _head(release, configurations(layouts, jsonl=jsonl))
    measured = {**release.figures, **(figures or {})}
    sections = [
        f"---\n{head}---", *_warning(release), f"# {escape(release.release)}", _summary(release),
        *_revoked(release),
        "## Dataset details", details(release),
        "## Uses", USES,
        "## Dataset structure", structure(release, layouts), *_plots(shown, "splits"),
        "## Dataset creation", creation(release),
        "## How good the labels are", quality(release, measured),
        *_plots(shown, "score_gaps", "lengths", "judge_order", "judge_agreement"),
        "## Licences", licences(release), *_plots(shown, "licences"),
        "## Privacy considerations", PRIVACY,
        "## Bias, risks and limitations", LIMITS,
        *_training(layouts),
        "## Make it again", reproduction(release),
        "## Citation", citation(release),
    ]  # fmt: skip
    return "\n\n".join(sections) + "\n"


def _training(layouts: Mapping[str, LayoutFact]) -> list[str]:
    """Settings for the trainers that read one of the layouts, if any has rows to train on."""
    trained = [name for name, fact in layouts.items() if fact.splits.get("train")]
    return ["## Train on it", TRAINING, render_snippets(PLACE, trained)] if trained else []


def _plots(shown: Mapping[str, str], *names: str) -> list[str]:
    """The lines that show these plots, of those that there are."""
    return [shown[name] for name in names if name in shown]


def _head(release: Manifest, configs: list[dict[str, Any]]) -> str:
    """The YAML that the hub reads. A language is named if a tenth of the answers seem to be in it."""
    head = {
        "pretty_name": clean(release.release),
        **name_licence(release.licences),
        **({"language": spoken} if (spoken := languages_of(release)) else {}),
        "task_categories": ["text-generation"],
        "size_categories": [_size_category(release.rows)],
        "tags": ["prefmill", "preference", "dpo", "rlhf", *(["rehearsal"] if release.rehearsal_rows else [])],
        "configs": configs,
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
        f"{fact.documents:,} under the licence {escape(fact.value)}"
        for fact in release.revoked
        if fact.kind == "licence"
    ]
    for kind, words in (("source", "from revoked sources"), ("document", "named one by one")):
        if count := sum(fact.documents for fact in release.revoked if fact.kind == kind):
            parts.append(f"{count:,} {words}")
    total = sum(fact.documents for fact in release.revoked)
    are, they = ("document is", "it was") if total == 1 else ("documents are", "they were")
    return [f"{total:,} {are} left out because {they} revoked: {', '.join(parts)}."]


def _size_category(rows: int) -> str:
    """The hub's word for so many rows."""
    edges = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
    edges += [(10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B")]
    return next((name for edge, name in edges if rows < edge), "1B<n<10B")
