"""Every recipe that ships runs from documents to a release: on the rehearsal model, and against a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import builds
import orjson
import pytest

from flows.recipes import shipped_recipes
from pipeline.binding import bind
from pipeline.models.mock_server import MockServer
from pipeline.models.rehearsal.mine import mine_questions
from pipeline.models.rehearsal.options import Dice, Options
from schemas.recipe import read_recipe
from warehouse.address import Address

RECIPES = {name: path for name, path in shipped_recipes().items() if name != "import"}
"""All that begin with documents; `test_importing` has the one that does not."""
PASSAGE = re.compile(r"<passage (\w+)>\n(.*?)\n</passage \1>", re.DOTALL)
METHODS = (
    "rlaif", "d-rlaif", "salmon", "ultrafeedback", "tulu3", "helpsteer", "self-rewarding", "fact-rlhf", "automix",
    "rewardanything", "dmoerm", "rationales", "spin", "knowpat", "micro", "modpo", "temporal-self-rewarding", "fusechat", "wrpo",
)  # fmt: skip
UNJUDGED = ("spin", "knowpat")
"""Labels that rest on where answers come from: nobody is asked."""
CITED = re.compile(r"arXiv \d{4}\.\d{5}")


def test_the_methods_that_are_promised_are_there() -> None:
    assert set(METHODS) <= set(RECIPES)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_names_its_paper_and_what_it_does_otherwise(name: str) -> None:
    recipe = read_recipe(RECIPES[name]).recipe
    assert recipe.recipe == name
    assert recipe.about
    assert CITED.search(recipe.paper), "the paper is named with its number"
    assert "eviation" in recipe.paper, "and what is not as in the paper"
    assert bind(read_recipe(RECIPES[name])).release is not None


@pytest.mark.parametrize("name", RECIPES)
async def test_it_runs_on_the_rehearsal_model(name: str, documents: Path, lake: Address) -> None:
    built = await builds.run(RECIPES[name], documents, lake, engine="rehearsal")
    assert built.landed
    assert built.landed.release.pairs > 0
    assert not any(builds.audits(lake).values())
    assert builds.ask(lake, "SELECT step, detail FROM outcomes WHERE reason = 'crashed'") == []
    again = await builds.run(RECIPES[name], documents, lake, engine="rehearsal")
    assert again.calls == 0
    assert again.landed
    assert not again.landed.is_new


def say(body: dict[str, Any]) -> str | None:
    """Questions with evidence that is there; everything else is invented by the mock server from its schema."""
    found = PASSAGE.search(body["messages"][-1]["content"])
    if found is None or "items" not in orjson.dumps(body.get("response_format") or {}).decode():
        return None
    variables = {"passage": found[2], "count": 1, "heading": "", "title": "Mills"}
    return str(mine_questions(variables, Dice(found[2]), Options(misquote=0)))


@pytest.mark.parametrize("name", RECIPES)
async def test_it_runs_against_a_server(
    name: str, documents: Path, lake: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random verdicts need not make a pair, but every unit has its outcome, and nothing is asked that cannot be answered."""
    async with MockServer(say) as base_url:
        monkeypatch.setenv("OPENAI_BASE_URL", base_url)
        monkeypatch.setenv("PREFMILL_MODEL", "mock")
        built = await builds.run(RECIPES[name], documents, lake, engine="openai")
    assert built.deferred == 0
    assert built.landed
    assert not any(builds.audits(lake).values())
    assert builds.ask(lake, "SELECT step, reason, detail FROM outcomes WHERE status = 'failed'") == []
    assert builds.ask(lake, "SELECT count(*) > 0 FROM signals") == [(name not in UNJUDGED,)]
    judged = builds.ask(lake, "SELECT DISTINCT evaluator FROM signals WHERE evaluator NOT IN ('verify', 'measure')")
    assert judged == ([] if name in UNJUDGED else [("mock",)])
