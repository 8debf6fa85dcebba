"""Commands that say what there is: recipes, strategies, and the state of this machine."""

from __future__ import annotations

import json

import typer

from flows.commands.options import (
    AsJson,
    Warehouse,
    address_of,
    console,
)


def recipes(as_json: AsJson = False) -> None:
    """List the recipes that ship."""
    from flows import show
    from flows.recipes import shipped_recipes
    from schemas.recipe import read_recipe

    found = [read_recipe(path).recipe for path in shipped_recipes().values()]
    rows = [
        {
            "recipe": each.recipe,
            "steps": [step.strategy for step in each.steps],
            "about": each.about,
            "paper": each.paper,
        }
        for each in found
    ]
    if as_json:
        print(json.dumps(rows))
    else:
        console().print(
            show.records(("recipe", "about", "paper"), ([row["recipe"], row["about"], row["paper"]] for row in rows))
        )


def strategies(as_json: AsJson = False) -> None:
    """List the strategies a recipe can use, with their parameters."""
    from flows import show
    from flows.sights import strategy_rows

    rows = strategy_rows()
    if as_json:
        print(json.dumps(rows))
    else:
        console().print(
            show.records(
                ("strategy", "works on", "makes", "about", "parameters"),
                ([row[key] for key in ("strategy", "unit", "makes", "about", "parameters")] for row in rows),
            )
        )


def doctor(warehouse: Warehouse = None, as_json: AsJson = False) -> None:
    """Say what is installed, reachable and configured, and what to do about the rest. Exit code 1 if something is broken."""
    from flows.doctor import examine, findings_table

    findings = examine(address_of(warehouse))
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings]))
    else:
        console().print(findings_table(findings))
    raise typer.Exit(1 if any(finding.state == "broken" for finding in findings) else 0)
