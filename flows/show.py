"""What people see: tables, pairs and lineage in the terminal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from flows.build import Built
    from pipeline.runner.steps import StepReport
    from warehouse.lineage import Node, Trace

REDRAW_SECONDS = 0.1
WIDE = 96
"""Texts are cut to about this many characters in tables."""
SECTIONS = {"ok": "green", "none": "yellow", "failed": "red", "pending": "magenta"}


def summary(built: Built) -> Table:
    """What every step kept and dropped and why."""
    table = Table(title=f"{built.build_id}: what was kept, dropped and why", title_justify="left")
    for name, justify in (
        ("step", "left"),
        ("ended", "left"),
        ("reason", "left"),
        ("units", "right"),
        ("rows made", "right"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    last = None
    for row in built.funnel:
        word = {"ok": "kept", "none": "dropped"}.get(row.status, row.status)
        table.add_row(
            escape(row.step) if row.step != last else "",
            Text(word, style=SECTIONS[row.status]),
            row.reason,
            f"{row.units:,}",
            f"{row.rows:,}" if row.status == "ok" else "",
        )
        last = row.step
    return table


def counted(number: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number:,} {noun}" + "s" * (number != 1)


def example_pair(row: Mapping[str, Any], number: int) -> Panel:
    """One pair with where it comes from."""
    return Panel(
        Group(
            Text.assemble(("question  ", "bold"), cut(row["prompt"], 300)),
            Text.assemble(("chosen    ", "bold green"), cut(row["chosen"], 300)),
            Text.assemble(("rejected  ", "bold red"), cut(row["rejected"], 300)),
            Text(
                f"from {row['uri']}, {row['chosen_role']} over {row['rejected_role']}, gap {row['score_gap']:.2f}",
                style="dim",
            ),
        ),
        title=f"pair {number}: {row['pair_id']}",
        title_align="left",
    )


def records(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A query's rows as a table."""
    table = Table()
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        table.add_row(*(escape(cut("" if value is None else str(value), WIDE * 3)) for value in row))
    return table


def cards(rows: Iterable[Mapping[str, Any]]) -> Group:
    """Rows one below another, a line for each column: readable where a table would be all folds."""
    rows = list(rows)
    width = max((len(name) for row in rows for name in row), default=0)
    return Group(
        *(
            Panel(
                Group(
                    *(
                        Text.assemble((f"{name:<{width}}  ", "bold"), cut("" if value is None else str(value), 300))
                        for name, value in row.items()
                    )
                )
            )
            for row in rows
        )
    )


def lineage(trace: Trace) -> Tree:
    """A trace as a tree: the way down from the document, the row itself, what came of it, what was refused."""
    root = Tree(Text("where it comes from", style="bold"), guide_style="dim")
    place = root
    for node in trace.above:
        branch = place.add(_node(node))
        if node.table in ("documents", "passages", "prompts"):
            place = branch
    here = place.add(_node(trace.node, style="bold cyan"))
    _hang(here, trace.node)
    for refusal in trace.refused:
        here.add(
            Text(
                f"{refusal['step']}: {refusal['status']}, {refusal['reason']} {refusal['detail']}".rstrip(),
                style="yellow",
            )
        )
    for noted in trace.noted:
        value = "" if noted["value"] is None else f" {noted['value']:g}"
        here.add(Text(f"{noted['step']}: noted {noted['name']}{value} {noted['text'] or ''}".rstrip(), style="magenta"))
    for revocation in trace.revoked:
        note = f": {revocation['note']}" if revocation["note"] else ""
        what = f"its document is revoked by {revocation['kind']} {revocation['value']} ({revocation['revocation_id']}){note}"
        here.add(Text(what, style="red"))
    for release in trace.releases:
        here.add(
            Text(
                f"in release {release['release']} ({release['status']}): {release['pairs']} in split {release['split']}",
                style="green",
            )
        )
    return root


def _hang(tree: Tree, node: Node) -> None:
    for child in node.children:
        _hang(tree.add(_node(child)), child)
    if node.left_out:
        tree.add(Text(f"… and {node.left_out} more", style="dim"))


def _said(row: Mapping[str, Any]) -> str:
    """What a signal says: a vote with how likely it is, or a value, or that the judge declined."""
    if row["vote"]:
        p = row["probability"]
        return f"{row['vote']} (P(a) {p:.2f})" if p is not None and p not in (0, 0.5, 1) else str(row["vote"])
    if row["value"] is not None:
        return f"{row['value']:g}"
    return "declined" if row["abstained"] else "no verdict"


def _node(node: Node, style: str = "") -> Text:
    """One row in a few words, with the step that made it and what that cost."""
    row = node.row
    match node.table:
        case "documents":
            what = f"{row['uri']} ({len(row['text']):,} characters)"
        case "passages":
            what = f"characters {row['start']}-{row['end']} [{row['heading'] or 'no heading'}] {row['text']}"
        case "prompts":
            what = f"{row['messages'][-1]['content']}  evidence: {row['evidence'] or '-'}"
        case "responses":
            what = f"{row['role']} by {row['model']}: {row['text']}"
        case "signals":
            about = f" of {row['response_ids'][0]}" if len(row["response_ids"]) == 1 else ""
            shown = f", shown {row['order']}" if row["order"] else ""
            what = f"{row['name']}{about}{shown}: {_said(row)} by {row['evaluator']}: {row['rationale'] or row['raw'] or ''}"
        case _:
            what = f"{row['rule']}, gap {row['score_gap']:.2f}, p {row['p_chosen']:.2f}, confidence {row['confidence']:.2f}"
    made = ""
    if node.outcome:
        calls = f", {counted(node.outcome['calls'], 'call')}" if node.outcome["calls"] else ""
        made = f"  ({node.outcome['step']} in {node.outcome['build_id']}{calls})"
    return Text.assemble(
        (f"{node.table[:-1]} ", "bold"), (node.id, style or "cyan"), "  ", cut(what, WIDE * 2), (made, "dim")
    )


def cut(text: str, length: int) -> str:
    """A text on one line, cut at its end with an ellipsis when it is longer than `length`."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"


@contextmanager
def progress_bars(console: Console, *, shown: bool) -> Iterator[Any]:
    """A callback for step reports that draws one bar for each step; steps with nothing to do draw none."""
    reports: dict[str, dict[int, StepReport]] = defaultdict(dict)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("units"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not shown,
    )
    ids: dict[str, Any] = {}
    drawn = [0.0]

    def note(report: StepReport) -> None:
        reports[report.step][report.shard] = report
        is_last = report.done + report.deferred >= report.pending
        if not shown or (time.monotonic() - drawn[0] < REDRAW_SECONDS and not is_last):
            return
        drawn[0] = time.monotonic()
        shards = reports[report.step].values()
        total, done = sum(each.pending for each in shards), sum(each.done + each.deferred for each in shards)
        if not total:
            return
        if report.step not in ids:
            ids[report.step] = bars.add_task(escape(report.step), total=total)
        bars.update(ids[report.step], total=total, completed=done)

    with bars:
        yield note
