"""The command that says what must not be in a release any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import AsJson, Warehouse, address_of, console
from schemas.errors import RequestError

if TYPE_CHECKING:
    from warehouse.revocations import Affected, Revocation

Several = list[str] | None


def revoke(
    document: Annotated[
        Several, typer.Option("--document", help="A document's uri, or the id of one.", show_default=False)
    ] = None,
    licence: Annotated[
        Several, typer.Option("--licence", help="All that is under this licence.", show_default=False)
    ] = None,
    source: Annotated[
        Several,
        typer.Option("--source", help="All that lies under a folder, table, `hf:org/name` or host.", show_default=False),
    ] = None,
    note: Annotated[str | None, typer.Option("--note", help="Why, for those who ask later.", show_default=False)] = None,
    lift: Annotated[
        Several, typer.Option("--lift", help="End a revocation, by its id.", show_default=False)
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List all revocations.")] = False,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Keep documents out of every release from now on; nothing is deleted. Says which earlier releases have rows from them.

    Example: `prefmill revoke --source docs/drafts --note "asked for by the author"`
    """
    import asyncio

    from flows import revoking

    wanted = revoking.wanted_of(document or [], licence or [], source or [])
    if [bool(wanted), bool(lift), listed].count(True) != 1:
        raise RequestError(
            "say what to revoke with --document, --licence or --source, what to --lift, or --list; one of the three"
        )
    if note is not None and not wanted:
        raise RequestError("--note goes with what is revoked: --document, --licence or --source")
    address = address_of(warehouse)
    if listed:
        _show_list(revoking.listed(address), as_json=as_json)
    elif lift:
        _show_lifted(asyncio.run(revoking.lift(address, lift)), as_json=as_json)
    else:
        _show_revoked(*asyncio.run(revoking.revoke(address, wanted, note or "")), as_json=as_json)


def _show_revoked(revoked: list[Revocation], affected: list[Affected], *, as_json: bool) -> None:
    from flows import show
    from flows.sights import as_dicts

    if as_json:
        print(json.dumps({"revoked": as_dicts(revoked), "affected": as_dicts(affected)}, default=str))
        return
    terminal = console()
    for row in revoked:
        _say(f"revoked {row.kind} {row.value}: {show.counted(row.documents, 'document')} ({row.revocation_id})")
    if affected:
        _say("These releases have rows from them. They stay as they are; the next build makes one without:")
        names = ("release", "status", "pairs", "affected_pairs", "affected_documents")
        terminal.print(show.records(names, ([getattr(row, name) for name in names] for row in affected)))
    else:
        _say("No release has a row from them.")


def _show_lifted(lifted: list[Revocation], *, as_json: bool) -> None:
    from flows import show
    from flows.sights import as_dicts

    if as_json:
        print(json.dumps({"lifted": as_dicts(lifted)}, default=str))
        return
    for row in lifted:
        _say(
            f"lifted {row.kind} {row.value} ({row.revocation_id}): the next build has its "
            f"{show.counted(row.documents, 'document')} again, unless another revocation keeps them out"
        )


def _show_list(rows: list[Revocation], *, as_json: bool) -> None:
    from flows import show
    from flows.sights import as_dicts

    if as_json:
        print(json.dumps(as_dicts(rows), default=str))
    elif not rows:
        _say("nothing is revoked")
    else:
        names = ("revocation_id", "kind", "value", "documents", "note", "revoked_at", "lifted_at")
        console().print(show.records(names, ([getattr(row, name) for name in names] for row in rows)))


def _say(text: Any) -> None:
    console().print(text, highlight=False, markup=False, soft_wrap=True)
