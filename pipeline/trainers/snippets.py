"""The settings that load an export, as Markdown for its card and for the documentation, made from `LOADERS`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from pipeline.trainers.seen import REFUSALS
from pipeline.trainers.settings import LOADERS, REPO, SHAPES, Loader

# No white space, quote, backtick or backslash: the name stands in code of four languages.
PLACE = re.compile(r"[^\s'\"`\\<>]+")

FATES = {"cut": "cut", "left out": "left out", "not counted": "passed over in the loss"}
# What no row of an export can meet needs no warning on its card.
NEVER_MET = ("never_released", "left_out")


def snippet(loader: Loader, repo: str) -> str:
    """What a user writes to read `repo` with `loader`, in `loader.language`; raises `ValueError` for an odd name."""
    if not PLACE.fullmatch(repo):
        raise ValueError(f"{repo!r} is no name of a dataset")
    if isinstance(loader.settings, str):
        name = json.dumps(repo, ensure_ascii=False) if loader.language == "python" else shlex.quote(repo)
        return loader.settings.replace(REPO, name)
    filled = _fill(loader.settings, repo)
    if loader.language == "json":
        return json.dumps(filled, indent=2, ensure_ascii=False) + "\n"
    text: str = yaml.safe_dump(filled, sort_keys=False, allow_unicode=True)
    return text


def render_snippets(repo: str, layouts: Iterable[str]) -> str:
    """Markdown with the settings of every loader that reads one of `layouts`, folded away by trainer."""
    present = set(layouts)
    trainers: dict[str, list[Loader]] = {}
    for loader in LOADERS:
        if loader.layout in present:
            trainers.setdefault(loader.trainer, []).append(loader)
    parts = []
    for trainer, loaders in trainers.items():
        parts.append(f"<details>\n<summary>{trainer} {loaders[0].version}</summary>")
        parts += [_describe(loader, repo) for loader in loaders]
        parts.append("</details>")
    return "\n\n".join(parts)


def render_table() -> str:
    """A Markdown table: what each loader makes of each shape of a row."""
    names = [name.replace("_", " ") for name in SHAPES]
    lines = [f"| trainer | layout | {' | '.join(names)} |", "|---" * (len(SHAPES) + 2) + "|"]
    for loader in LOADERS:
        cells = [f"`{loader.refuses[shape]}`" if shape in loader.refuses else "✓" for shape in SHAPES]
        lines.append(f"| {loader.trainer}: {loader.purpose} | `{loader.layout}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def render_names() -> str:
    """A Markdown list of the names in that table that some loader has, each with what it means."""
    used = {name for loader in LOADERS for name in loader.refuses.values()}
    return "\n".join(f"- `{name}`: {why}." for name, why in REFUSALS.items() if name in used)


def _describe(loader: Loader, repo: str) -> str:
    """One loader: what for, its settings, and what to know before using them."""
    option, default, fate = loader.longest
    bound = f"`{option}`{f' ({default} unless set)' if default else ''}"
    facts = [f"A row of more tokens than {bound} is {FATES[fate]}.", loader.note]
    reasons: dict[str, list[str]] = {}
    for shape, name in loader.refuses.items():
        if name not in NEVER_MET:
            reasons.setdefault(REFUSALS[name], []).append(SHAPES[shape])
    facts += [f"Not for rows with {' or '.join(shapes)}: {reason}." for reason, shapes in reasons.items()]
    block = f"```{loader.language}\n{snippet(loader, repo)}```"
    return f"**{loader.purpose}**, layout `{loader.layout}`:\n\n{block}\n\n{' '.join(filter(None, facts))}"


def _fill(value: Any, repo: str) -> Any:
    """Settings with the name of the dataset in place of `REPO`."""
    if isinstance(value, Mapping):
        return {key: _fill(part, repo) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, repo) for part in value]
    return repo if value == REPO else value
