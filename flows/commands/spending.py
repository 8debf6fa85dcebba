"""Commands that say where to spend: from which confidence on a judge is believed, and when a dearer one is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from flows.commands.options import AsJson, console
from schemas.errors import RequestError, nearest

if TYPE_CHECKING:
    from pipeline.audit.cascade import CascadeRow, Fit, Worth
    from pipeline.audit.selective import Judged

Made = TypeVar("Made")
VERDICTS = ("a", "b", "tie", "split")


def selective(
    verdicts: Annotated[
        Path,
        typer.Option(
            "--verdicts",
            help="JSONL: `confidence` (0 to 1) and `correct`, or `p` (of a) and `gold` (a or b).",
            show_default=False,
        ),
    ],
    alpha: Annotated[float, typer.Option("--alpha", help="At most this share of kept verdicts may be wrong …")] = 0.1,
    delta: Annotated[float, typer.Option("--delta", help="… but for this probability.")] = 0.1,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write what was found as JSON.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """From which confidence on a judge may be believed: P(wrong | kept) <= alpha with probability 1 - delta.

    Exit code 1 when no threshold is safe.
    """
    from pipeline.audit.selective import select_threshold

    found = select_threshold([*read_rows(verdicts, _judged)], alpha=alpha, delta=delta)
    told = json.dumps(found.as_dict())
    if save is not None:
        _write(save, told + "\n")
    if as_json:
        print(told)
    elif found.threshold is None:
        _say(
            f"no threshold is safe on these {found.gold} gold pairs: abstain from everything, take a better judge, or label "
            f"more (the first threshold that is tested keeps {found.least} pairs)"
        )
    else:
        _say(
            f"keep verdicts from confidence {found.threshold:g} on: {found.kept} of {found.gold} gold pairs "
            f"({found.coverage:.0%}), {found.wrong} of them wrong\n"
            f"with probability {1 - delta:g} at most {found.bound:.3f} of what is kept is wrong (asked for: {alpha:g})"
        )
    if found.threshold is None:
        raise typer.Exit(1)


def cascade(
    rows: Annotated[
        Path,
        typer.Option(
            "--rows",
            help="JSONL: `v` (0 to 1), `small` and `large` (how well each judge did: 1 right, 0 wrong); `verdict` if known.",
            show_default=False,
        ),
    ],
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write the policy as YAML, for `policy:` in a recipe.", show_default=False),
    ] = None,
    family: Annotated[
        str, typer.Option("--family", help="threshold, double, triple, pomdp, greedy, or union of all but triple.")
    ] = "union",
    cost_small: Annotated[
        float, typer.Option("--cost-small", min=0, help="The cheap judge's verdict on a pair.")
    ] = 1.0,
    cost_verify: Annotated[float, typer.Option("--cost-verify", min=0, help="Verifying it.")] = 1.0,
    cost_large: Annotated[float, typer.Option("--cost-large", min=0, help="The dear judge's verdict.")] = 50.0,
    cost_at_most: Annotated[
        float | None,
        typer.Option("--cost-at-most", help="Only policies that cost this a pair, or less.", show_default=False),
    ] = None,
    always: Annotated[
        list[str] | None,
        typer.Option("--always", help="Verdicts escalated whatever v is: tie, split.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a cascade's policy on pairs where both judges' performance is known, and say what it is worth.

    A row may carry `cost_small`, `cost_verify` and `cost_large` of its own. The policy with the highest incremental
    benefit per cost (AutoMix, arXiv 2310.12963) is taken; hold it against other rows before you rely on it.
    """
    from pipeline.audit.cascade import FAMILIES, fit

    if family not in FAMILIES:
        raise RequestError(f"`--family {family}` is no family of policies{nearest(family, FAMILIES)}")
    if wrong := [each for each in always or () if each not in ("tie", "split")]:
        raise RequestError(f"`--always {wrong[0]}` is no such verdict{nearest(wrong[0], ('tie', 'split'))}")
    costs = {"cost_small": cost_small, "cost_verify": cost_verify, "cost_large": cost_large}
    given = [*read_rows(rows, lambda row: _cascade_row(row, costs))]
    if not given:
        raise RequestError(f"{rows} has no rows; give pairs with v, small and large")
    between = None if cost_at_most is None else (0.0, cost_at_most)
    found = fit(given, family, always=tuple(always or ()), cost_between=between, name=save.stem if save else "fitted")  # type: ignore[arg-type]
    _tell_fit(found, save, as_json=as_json)


def _tell_fit(found: Fit, save: Path | None, *, as_json: bool) -> None:
    """The policy as a file for `policy:`, if asked for, and its worth for the terminal or for scripts."""
    worth, rule = found.worth, found.policy.rule
    given = found.policy.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    policy = {"name": found.policy.name, **given}
    if save is not None:
        import yaml

        about = f"Fitted on {worth.rows} rows: lift {worth.lift:.1f}%, {worth.escalated:.0%} escalated, {worth.cost:.4g} a pair."
        _write(save, yaml.safe_dump({**policy, "about": about}, sort_keys=False, width=1000))
    if as_json:
        print(json.dumps({"policy": policy, "rule": rule, "candidates": found.candidates, **worth.as_dict()}))
    else:
        console().print(_table(rule, found.candidates, worth))


def read_rows(path: Path, make: Callable[[Mapping[str, Any]], Made]) -> Iterator[Made]:
    """What `make` makes of each line of a JSONL file; raises `RequestError` that names the line and what is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise RequestError(f"{str(path)!r} cannot be read ({problem}); give a JSONL file") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"a row is an object, not {line[:40]}")
            yield make(row)
        except ValueError as problem:
            raise RequestError(f"{path}:{number}: {problem}") from None


def _judged(row: Mapping[str, Any]) -> Judged:
    """A gold pair from `confidence` and `correct`, or from `p` and `gold`; a verdict of one half is never correct."""
    from pipeline.audit.selective import Judged, confidence_of

    if "confidence" in row:
        correct = row.get("correct")
        if correct not in (0, 1):  # true and false are 1 and 0
            raise ValueError(f"`correct` is {correct!r}; it is true or false")
        return Judged(_share(row, "confidence"), bool(correct))
    p, gold = _share(row, "p"), row.get("gold")
    if gold not in ("a", "b"):
        raise ValueError(f"`gold` is {gold!r}; it is a or b, and pairs that people call a tie are left out")
    return Judged(confidence_of(p), p != 0.5 and (p > 0.5) == (gold == "a"))


def _cascade_row(row: Mapping[str, Any], costs: Mapping[str, float]) -> CascadeRow:
    from pipeline.audit.cascade import CascadeRow

    verdict = row.get("verdict", "a")
    if verdict not in VERDICTS:
        raise ValueError(f"`verdict` is {verdict!r}; it is one of {', '.join(VERDICTS)}")
    own = {name: _number(row, name) if name in row else cost for name, cost in costs.items()}
    if below := [name for name, cost in own.items() if cost < 0]:
        raise ValueError(f"`{below[0]}` is {own[below[0]]:g}; a cost is not below 0")
    return CascadeRow(_share(row, "v"), _number(row, "small"), _number(row, "large"), verdict, **own)


def _number(row: Mapping[str, Any], name: str) -> float:
    """A finite number of a row."""
    value = row.get(name)
    if not isinstance(value, int | float) or not abs(value) < float("inf"):
        there = f"`{name}` is {value!r}" if name in row else f"`{name}` is missing{nearest(name, row)}"
        raise ValueError(f"{there}; a number is needed")
    return float(value)


def _share(row: Mapping[str, Any], name: str) -> float:
    value = _number(row, name)
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` is {value:g}; it lies between 0 and 1")
    return value


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise RequestError(f"{str(path)!r} cannot be written ({problem.strerror}); give another path") from None


def _say(text: str) -> None:
    console().print(text, highlight=False, markup=False, soft_wrap=True)


def _table(rule: str, candidates: int, worth: Worth) -> Any:
    """The policy and its worth, a line for each figure."""
    from flows import show

    def of(value: float | None, form: str) -> str:
        return "none" if value is None else format(value, form)

    lines = [
        ("escalated when", rule, f"the best of {candidates} candidates"),
        (
            "lift",
            of(worth.lift, ".1f"),
            "percent more benefit for each unit of money than asking the dear judge always",
        ),
        ("escalated", f"{worth.escalated:.3f}", f"share of {worth.rows} rows"),
        (
            "performance",
            f"{worth.performance:.3f}",
            f"cheap {worth.performance_small:.3f}, dear {worth.performance_large:.3f}",
        ),
        ("cost", f"{worth.cost:.4g}", f"a pair; cheap {worth.cost_small:.4g}, dear {worth.cost_large:.4g}"),
        ("benefit per cost", of(worth.ibc, ".5f"), f"dear judge always: {of(worth.ibc_base, '.5f')}"),
    ]
    return show.records(("figure", "value", "meaning"), lines)
