"""What the card of a release says of how it came about: sources, steps, models, licences, and how to make it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from pipeline.land.manifest import Manifest
from pipeline.land.markdown import clean, escape, short_table, table
from pipeline.licence_names import of_output

AS_DOCUMENT = "document"
LEAST_SHARE = 0.1
CODE = re.compile(r"[a-z]{2}")
NOT_SAID = "not stated"


def languages_of(release: Manifest) -> list[str]:
    """The languages that a tenth or more of the answers seem to be in, the commonest first."""
    total = sum(release.languages.values())
    told = [(count, name) for name, count in release.languages.items() if CODE.fullmatch(name)]
    found = [(count, name) for count, name in told if count >= LEAST_SHARE * total]
    return [name for _, name in sorted(found, key=lambda row: (-row[0], row[1]))]


def details(release: Manifest) -> str:
    """Who, in which language, under which licence: the hub's own list."""
    spoken = ", ".join(languages_of(release)) or "not told"
    named = [escape(name or NOT_SAID) for name in sorted(release.licences)]
    licence = named[0] if len(named) == 1 else f"mixed ({len(named)}), by row in the column `licence`"
    return "\n".join([
        "- **Curated by:** whoever ran the recipe; the hub names who shared it",
        f"- **Made with:** prefmill {escape(release.code_version)}, recipe {escape(release.recipe)}",
        f"- **Languages (guessed from {sum(release.languages.values()):,} answers):** {spoken}",
        f"- **Licence:** {licence}",
    ])  # fmt: skip


def creation(release: Manifest) -> str:
    """The rationale, the source data, the steps with what they kept and dropped, and who wrote and who annotated."""
    about = [f"{words}: {escape(text)}" for words, text in (("About", release.about), ("Paper", release.paper)) if text]
    parts = ["### Curation rationale", *(about or ["The recipe does not say."])]
    parts += ["### Source data", _sources(release)]
    parts.append(table(["step", "fingerprint"], [(step.step, step.fingerprint) for step in release.fingerprints]))
    if release.funnel:
        parts += ["#### The funnel", _funnel(release)]
    parts += ["#### Who are the producers of the texts?", _authors(release)]
    parts += ["### Annotations", _annotations(release)]
    return "\n\n".join(parts)


def _sources(release: Manifest) -> str:
    return (
        f"{release.documents:,} documents, each named in the columns `uri` and `title`. The layout `provenance` has the "
        "characters of the document that each prompt rests on."
    )


def _funnel(release: Manifest) -> str:
    """Each step with what came of its units: kept, and left out by reason."""
    rows = []
    for (_, step), group in groupby(release.funnel, key=lambda each: (each.position, each.step)):
        ends = list(group)
        total = sum(each.units for each in ends)
        kept = sum(each.units for each in ends if each.status == "ok")
        left = ", ".join(f"{each.reason or each.status} {each.units:,}" for each in ends if each.status != "ok")
        rows.append((step, total, kept, left))
    told = short_table(["step", "units", "kept", "left out"], rows)
    if release.left_out:
        left = ", ".join(f"{reason} {count:,}" for reason, count in sorted(release.left_out.items()))
        told += f"\n\nLeft out when the documents were shared out to the splits: {escape(left)} pairs."
    return f"A unit is what a step works on: a document, a prompt, an answer, a pair.\n\n{told}"


def _authors(release: Manifest) -> str:
    models = [(alias, *_named(what, "model", "revision")) for alias, what in sorted(release.models.items())]
    authors = sorted(
        ((each.model, each.role, each.chosen, each.rejected) for each in release.authors), key=lambda row: (-row[2], row)
    )
    return "\n\n".join([
        table(["model in the recipe", "is", "revision"], models),
        "Who wrote the answers:",
        short_table(["model", "role", "chosen", "rejected"], authors),
    ])  # fmt: skip


def _annotations(release: Manifest) -> str:
    """How labels came about, and who annotated."""
    judges = sorted({judge.evaluator for judge in release.judges})
    who = ", ".join(escape(name) for name in judges) or "no judge of two answers; see the steps above"
    return (
        f"Annotated by: {who}. Every verdict, with the order in which the answers were shown and the judge's own words, is in "
        "the layout `votes`. How well they agree is told below."
    )


def _named(identity: Mapping[str, Any], *keys: str) -> list[str]:
    """Some parts of a model's identity as words."""
    return [str(identity.get(key) or "") for key in keys]


def licences(release: Manifest) -> str:
    """The licences of the sources, and those under which the models' output comes."""
    rows = sorted(((name or NOT_SAID, count) for name, count in release.licences.items()), key=lambda row: -row[1])
    writers = sorted({author.model for author in release.authors})
    outputs = [(model, _licence_of(model, release.output_licences)) for model in writers]
    return "\n\n".join([
        "Each pair keeps the licence of its source document in the column `licence`:",
        short_table(["licence of the source", "pairs"], rows),
        "Under which licence each generating model's output comes, as the recipe states it:",
        short_table(["generating model", "licence of its output"], outputs),
    ])  # fmt: skip


def _licence_of(model: str, outputs: Mapping[str, str]) -> str:
    licence = of_output(model, outputs) or NOT_SAID
    return "that of the source document" if licence == AS_DOCUMENT else licence


def reproduction(release: Manifest) -> str:
    """The commands, and the hashes to compare with."""
    name = clean(release.release).replace("`", "'")
    writers = ", ".join(f"{library} {version}" for library, version in sorted(release.written_with.items()))
    return "\n\n".join([
        "`recipe.yaml` is the whole recipe. One command makes the pairs again from the same documents:",
        "```\nprefmill build recipe.yaml YOUR_DOCUMENTS\n```",
        f"and `prefmill export {name} --to FOLDER` this folder. Snapshot {release.snapshot_id} of the warehouse, release "
        f"{escape(release.release_id)}. `manifest.json` holds the SHA-256 of every file; the same release exports to the same "
        f"bytes ({escape(writers)}).",
    ])  # fmt: skip


def citation(release: Manifest) -> str:
    """What to cite: the paper of the recipe, and this release by name and id."""
    paper = f"The method: {escape(release.paper)}. " if release.paper else ""
    return f"{paper}This release: {escape(release.release)} ({escape(release.release_id)}), made with prefmill."
