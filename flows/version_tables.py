"""One release, and two side by side, as plain values for scripts and as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows import show
from flows.sights import release_as_dict
from pipeline.land.files import read_release, verify_release
from schemas.errors import WarehouseError
from warehouse.difference_matches import LABEL
from warehouse.releases import find_release
from warehouse.revocations import affected_releases
from warehouse.travel import is_there, moments

if TYPE_CHECKING:
    import duckdb

    from warehouse.differences import Difference, Group

STYLES = {"published": "green", "held": "yellow", "withdrawn": "red"}
WORDS = {
    "added": "added",
    "removed": "removed",
    "flipped": "label turned round",
    "relabelled": "label changed",
    "text_changed": "other answers",
    "moved": "in another split",
}
BECAUSE = {
    "revoked": ("no longer revoked: {detail}", "revoked: {detail}"),
    "document_absent": ("new document", "document no longer in the sources"),
    "document_changed": ("document changed", "document changed"),
    "dropped": ("no longer dropped by {step}: {detail}", "dropped by {step}: {detail}"),
    "pending": ("was pending", "pending"),
    "left_out": ("found no split then", "no split could take its document"),
    "superseded": ("took the place of another pair", "another pair took its place"),
    "label": ("{detail}", "{detail}"),
    "unknown": ("not known", "not known"),
}
"""What a reason reads like for pairs that were added, and for all others."""
STEP_WORDS = {"changed": "{step} changed", "added": "{step} was added", "taken_out": "{step} was taken out"}
CUT = 200
SAID = (("prompt", "question", "bold"), ("chosen", "chosen  ", "bold green"), ("rejected", "rejected", "bold red"))


def release_list(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Releases as `release_as_dict` gives them, one below another; with `affected_pairs`, where any has some.

    A name of the usual length stands on one line of 80 columns, to be copied.
    """
    found = list(rows)
    is_affected = any(row["affected_pairs"] for row in found)
    table = Table()
    for name in ("release", "status", "pairs", "splits", "made", *(["affected_pairs"] if is_affected else [])):
        table.add_column(name, overflow="fold")
    for row in found:
        failed = [f"{gate['name']} failed" for gate in row["gates"] if not gate["passed"]]
        below = [] if row["release"].startswith(f"{row['recipe']}-") else [f"recipe {row['recipe']}"]
        cells: list[Text | str] = [
            _lines(row["release"], below),
            _lines(
                row["status"], [*(["rehearsal"] if row["rehearsal"] else []), *failed], STYLES.get(row["status"], "")
            ),
            _lines(f"{row['pairs']:,}", [show.counted(row["documents"], "document")]),
            "\n".join(f"{name} {count:,}" for name, count in row["splits"].items()),
            f"{row['created_at']:%Y-%m-%d\n%H:%M}" if row["created_at"] else "",
        ]
        table.add_row(*cells, *([f"{row['affected_pairs']:,}"] if is_affected else []))
    return table


def release_sight(cursor: duckdb.DuckDBPyConnection, root: Path, name: str) -> dict[str, Any]:
    """All that is known of one release; raises `WarehouseError` for one that is not there.

    `snapshot` is the one in which it became visible, with whether it is still there; `damages` are files that are not as
    they were written, None where its folder is gone; `affected_pairs` are of documents that were revoked since.
    """
    row = find_release(cursor, name)
    visible = next((each.visible for each in moments(cursor) if each.release == row.release), None)
    affected = next((each.affected_pairs for each in affected_releases(cursor) if each.release == row.release), 0)
    folder = root / row.folder
    manifest = _manifest(folder)
    return {
        **release_as_dict(row),
        "about": manifest["about"],
        "paper": manifest["paper"],
        "recipe_text": manifest["recipe_text"],
        "snapshot": {"id": visible, "is_there": visible is not None and is_there(cursor, visible)},
        "damages": [{"file": each.file, "problem": each.problem} for each in verify_release(folder)]
        if folder.is_dir()
        else None,
        "affected_pairs": affected,
    }


def _manifest(folder: Path) -> dict[str, str]:
    """What the recipe said of itself, as its release keeps it; empty where the folder is gone or damaged."""
    try:
        known = read_release(folder)
        recipe = (folder / "recipe.yaml").read_text(encoding="utf-8")
    except (WarehouseError, OSError, ValueError):
        return dict.fromkeys(("about", "paper", "recipe_text"), "")
    return {"about": known.about, "paper": known.paper, "recipe_text": recipe}


def release_tables(sight: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One release: what it is, its gates, the steps and models it was made with, and what can be done with it."""
    name = sight["release"]
    yield Text.assemble((name, "bold"), "  ", (sight["status"], STYLES.get(sight["status"], "")))
    yield _facts(sight)
    if sight["gates"]:
        table = _table("gates", "gate", "wanted", "value", "")
        for gate in sight["gates"]:
            word = Text("passed", style="green") if gate["passed"] else Text("failed", style="red")
            table.add_row(*(escape(_number(gate.get(key))) for key in ("name", "wanted", "value")), word)
        yield table
    if sight["fingerprints"]:
        table = _table("steps", "step", "fingerprint")
        for step in sight["fingerprints"]:
            table.add_row(escape(step["step"]), step["fingerprint"])
        yield table
    if sight["models"]:
        table = _table("models", "alias", "model", "engine")
        for alias, model in sight["models"].items():
            table.add_row(*(escape(str(each)) for each in (alias, model.get("model", ""), model.get("engine", ""))))
        yield table
    if sight["recipe_text"]:
        yield Panel(Text(sight["recipe_text"].rstrip()), title="recipe", title_align="left")
    yield Text(
        f"  prefmill export {name} --to DIR\n  prefmill push {name} ORG/NAME\n  prefmill diff {name} latest",
        style="dim",
    )


def _facts(sight: Mapping[str, Any]) -> RenderableType:
    """What is known of a release, a line for each."""
    snapshot, damages = sight["snapshot"], sight["damages"]
    intact = "the folder is gone" if damages is None else "intact" if not damages else "damaged: " + "; ".join(
        f"{each['file']} {each['problem']}" for each in damages)  # fmt: skip
    lines = {
        "recipe": sight["recipe"] + (f": {sight['about']}" if sight["about"] else ""),
        "paper": sight["paper"],
        "withdrawn": f"{sight['withdrawn_at']:%Y-%m-%d %H:%M}: {sight['withdrawn_note']}"
        if sight["withdrawn_at"]
        else "",
        "pairs": f"{sight['pairs']:,} from {show.counted(sight['documents'], 'document')}",
        "splits": ", ".join(f"{split} {count:,}" for split, count in sight["splits"].items()),
        "left out": ", ".join(f"{count:,} {reason}" for reason, count in sight["left_out"].items()),
        "revoked since": show.counted(sight["affected_pairs"], "pair") if sight["affected_pairs"] else "",
        "rehearsal": "yes: rule-based stand-ins wrote or judged it" if sight["rehearsal"] else "",
        "build": f"{sight['build_id']}, prefmill {sight['code_version']}, {sight['created_at']:%Y-%m-%d %H:%M} UTC",
        "snapshot": f"{snapshot['id']}" + ("" if snapshot["is_there"] else " (expired; the files are what is left)"),
        "files": f"{sight['folder']}: {intact}",
        "manifest": f"sha256 {sight['manifest_sha256']}" if sight["manifest_sha256"] else "",
    }
    width = max(map(len, lines))
    return Lines(*(Text.assemble((f"{name:<{width}}  ", "bold"), str(value)) for name, value in lines.items() if value))


def difference_tables(found: Difference) -> Iterator[RenderableType]:
    """Two releases: what changed by reason, with examples; recipes, steps, figures and gates that differ."""
    table = _table(f"from {found.a.release} to {found.b.release}", "what", "pairs", "why")
    table.add_row("kept", f"{found.kept:,}", "")
    last = ""
    for group in found.groups:
        word = WORDS[group.kind] if group.kind != last else ""
        table.add_row(
            Text(word, style="red" if group.kind == "moved" else ""), f"{group.pairs:,}", escape(_because(group))
        )
        last = group.kind
    yield table
    for group in found.groups:
        for example in group.examples:
            yield _example(group, example)
    if found.recipe:
        yield Panel(Text(found.recipe), title="recipe", title_align="left")
    if found.steps:
        table = _table("steps that differ", "step", found.a.release, found.b.release)
        for step in found.steps:
            table.add_row(escape(step["step"]), *(step[side] or "not there" for side in ("a", "b")))
        yield table
    if found.figures:
        table = _table("figures that differ", "figure", found.a.release, found.b.release)
        for figure in found.figures:
            table.add_row(*(escape(_number(figure[key])) for key in ("name", "a", "b")))
        yield table
    if found.gates:
        table = _table("gates that differ", "gate", found.a.release, found.b.release)
        for gate in found.gates:
            table.add_row(escape(gate["name"]), *(_gate(gate[side]) for side in ("a", "b")))
        yield table


def _because(group: Group) -> str:
    """A reason as people say it."""
    if group.reason == "step_changed":
        how = STEP_WORDS.get(group.detail or "", STEP_WORDS["changed"]).format(step=group.step)
        return how if group.detail in STEP_WORDS else f"{how} ({group.detail})" if group.detail else how
    words = BECAUSE[group.reason][group.kind != "added"].format(step=group.step, detail=group.detail or "")
    return (
        f"{words} ({group.detail})"
        if group.kind == "relabelled" and group.reason != "label" and group.detail
        else words
    )


def _example(group: Group, example: Mapping[str, Any]) -> RenderableType:
    """One pair, or the two that stand for it, with their texts."""
    lines: list[Text] = []
    texts: Any = None
    for side in ("a", "b"):
        pair = example[side]
        if pair is None or (side == "b" and example["a"] == pair):
            continue
        lines.append(Text(pair["pair_id"] + (f"  {pair['uri']}" if pair.get("uri") else ""), style="dim"))
        if texts != (texts := [pair.get(name) for name, _, _ in SAID]):
            lines += [
                Text.assemble((f"{word}  ", style), show.cut(pair[name], CUT))
                for name, word, style in SAID
                if pair.get(name) is not None
            ]
        if group.kind in ("flipped", "relabelled") and "rule" in pair:
            label = ", ".join(f"{name} {_number(pair[name])}" for name in LABEL if pair[name] is not None)
            lines.append(Text.assemble(("label     ", "bold"), label))
    return Panel(Lines(*lines), title=escape(f"{WORDS[group.kind]}: {_because(group)}"), title_align="left")


def _gate(gate: Mapping[str, Any] | None) -> Text:
    if gate is None:
        return Text("not there", style="dim")
    word = "passed" if gate["passed"] else "failed"
    return Text(
        f"{_number(gate.get('value'))}, {_number(gate.get('wanted'))} wanted: {word}",
        style="" if gate["passed"] else "red",
    )


def _lines(first: str, below: Iterable[str], style: str = "") -> Text:
    """A cell: what counts, and what more there is to say of it."""
    return Text("\n").join([Text(first, style=style), *(Text(each, style="dim") for each in below)])


def _number(value: Any) -> str:
    """A value as people read it: whole numbers whole, others with four digits that matter."""
    if isinstance(value, float):
        return f"{int(value):,}" if value == int(value) else f"{value:,.4g}"
    return "" if value is None else str(value)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for name in columns:
        table.add_column(
            escape(name), overflow="fold", justify="right" if name in ("pairs", "wanted", "value") else "left"
        )
    return table
