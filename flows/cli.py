"""The command line: one `typer` app over the commands, and how errors meet people."""

from __future__ import annotations

import gc
import sys

import typer

from flows.commands import (
    asking,
    audit,
    building,
    importing,
    knowing,
    publishing,
    reporting,
    revoking,
    spending,
    versions,
)
from schemas.errors import PrefmillError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Turn documents into versioned preference pairs.

Start with `prefmill build quickstart docs/`, then ask `prefmill sql "FROM latest_pairs"` what came out and `prefmill explain ID`
where a pair comes from. Exit codes: 0 done, 1 a build or a gate failed, 2 the request itself was wrong.""",
)

for command in (
    building.build,
    building.check,
    building.plan,
    building.preview,
    asking.sql,
    asking.explain,
    asking.releases,
    versions.show,
    versions.diff,
    asking.export,
    publishing.push,
    reporting.report,
    revoking.revoke,
    versions.withdraw,
    versions.tidy,
    building.schedule,
    knowing.recipes,
    knowing.strategies,
    knowing.doctor,
):
    app.command()(command)
app.command("import")(importing.import_)
audit.app.command()(spending.selective)
audit.app.command()(spending.cascade)
app.add_typer(audit.app, name="audit")

COLLECT_AFTER = (20_000, 20, 20)
"""Builds make few cycles of objects and many objects: looking for cycles as often as usual is 6% of their CPU."""


def main() -> None:
    """The entry point: errors made for people are shown as their one sentence."""
    gc.set_threshold(*COLLECT_AFTER)
    try:
        app(standalone_mode=True)
    except PrefmillError as problem:
        print(f"prefmill: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        print("prefmill: stopped; what was finished is kept", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `prefmill sql … | head`
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
