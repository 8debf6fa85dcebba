"""Whole builds on rehearsal with planted rows: what was planted does not reach the release, and the funnel says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builds
import pytest

from schemas.errors import RecipeError
from warehouse.address import Address

CANARIES = ["ada.lovelace@analytical-mill.org", "+49 170 1234567", "DE89 3704 0044 0532 0130 00"]
PLANTED = {
    "mit": "# The clean mill\n\nThe clean mill has four sails of oak. Its runner stone weighs eleven hundred kilograms.\n",
    "cc-by-nc-4.0": "# The closed mill\n\nThe closed mill has nine sails of pine. Its wheel is older than the bridge.\n",
    "apache-2.0": (
        f"# The miller\n\nThe miller of Greetsiel answers letters at {CANARIES[0]} on Sundays. "
        f"She answers calls at {CANARIES[1]} in summer. The mill is paid through {CANARIES[2]} every spring.\n"
    ),
}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A table of documents, each under its own licence, and one under none."""
    path = tmp_path / "mills.jsonl"
    rows = [{"text": text, "licence": licence} for licence, text in PLANTED.items()]
    rows.append({"text": "# The old mill\n\nThe old mill grinds rye and barley. Its bed stone came from the Eifel.\n"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def reasons(built: Any, step: str) -> dict[str, int]:
    """How many units of a step ended how; what stayed is under ""."""
    return {row.reason: row.units for row in built.funnel if row.step == step}


async def test_planted_rows_do_not_reach_the_release(tmp_path: Path, sources: Path, lake: Address) -> None:
    outputs = {"reference": "document", "*": "apache-2.0"}
    steps: list[Any] = [
        {"select/licences": {"of": "documents", "deny": ["non-commercial"], "unknown": "keep"}},
        "mine/chunk",
        {"select/private_data": {"of": "passages", "do": "mask"}},
        "mine/qa",
        {"sample/grid": {"draws": 6, "show": "passage"}},
        {"select/hygiene": {"of": "responses", "checks": ["abstention", "truncated"], "strict_endings": True}},
        "sample/gold",
        {"judge/pairwise": {"principle": "grounded"}},
        "select/best_worst",
        {"select/grounded": {"min_overlap": 0.3}},
        {"select/licences": {"allow": ["permissive"], "outputs": outputs}},
        "land/release",
    ]
    built = await builds.run(builds.write_recipe(tmp_path, steps=steps), sources, lake)
    assert built.landed
    assert reasons(built, "select/licences") == {"": 3, "licence_denied": 1}
    assert reasons(built, "select/private_data")[""] == 3
    assert builds.ask(lake, "SELECT text FROM passages WHERE text LIKE '%<EMAIL>%<PHONE>%<IBAN>%'"), "a masked row was made"
    hygiene = reasons(built, "select/hygiene")
    assert set(hygiene) == {"", "abstention", "truncated"}
    counts = builds.ask(lake, "SELECT count(*) FROM responses WHERE role <> 'gold'")
    assert sum(hygiene.values()) == counts[0][0], "in = out + every reason"
    assert reasons(built, "select/licences#2").keys() == {"", "licence_unknown"}
    released = builds.ask(lake, "SELECT licence, chosen, rejected, evidence FROM latest_pairs")
    assert {row[0] for row in released} <= {"mit", "apache-2.0"}
    texts = " ".join(str(value) for row in released for value in row)
    shown = builds.ask(lake, "SELECT messages, context, reference FROM prompts")
    assert not any(canary in texts + str(shown) for canary in CANARIES)
    assert "I do not know the answer" not in texts
    assert not any(builds.audits(lake).values())
    again = await builds.run(builds.write_recipe(tmp_path, steps=steps), sources, lake)
    assert (again.done, again.calls) == (0, 0)


async def test_judges_count_and_another_licence_is_decided_anew(tmp_path: Path, sources: Path, lake: Address) -> None:
    def steps(judge: str) -> list[Any]:
        policy = {"deny": ["non-commercial"], "unknown": "keep", "parts": ["judge"], "outputs": {"*": judge}}
        return [*builds.STEPS[:6], {"select/licences": policy}, "land/release"]

    free = await builds.run(builds.write_recipe(tmp_path, steps=steps("mit")), sources, lake)
    kept = reasons(free, "select/licences")
    assert set(kept) == {""}
    bound = await builds.run(builds.write_recipe(tmp_path, steps=steps("cc-by-nc-4.0")), sources, lake)
    assert reasons(bound, "select/licences") == {"licence_denied": kept[""]}
    ((detail,),) = builds.ask(lake, "SELECT DISTINCT detail FROM outcomes WHERE reason = 'licence_denied'")
    ((judge,),) = builds.ask(lake, "SELECT DISTINCT evaluator FROM signals")
    assert detail == f"judge {judge}: cc-by-nc-4.0"


@pytest.mark.parametrize(
    ("of", "place", "after"), [("passages", 2, "mine/qa"), ("prompts", 3, "sample/grid"), ("responses", 5, "judge/pairwise")]
)
async def test_nothing_is_masked_under_what_was_made_of_it(
    tmp_path: Path, sources: Path, lake: Address, of: str, place: int, after: str
) -> None:
    steps = [*builds.STEPS[:place], {"select/private_data": {"of": of, "do": "mask"}}, *builds.STEPS[place:]]
    with pytest.raises(RecipeError, match=f"rewrites {of} that have .* by then, which would be lost; put it before `{after}`"):
        await builds.run(builds.write_recipe(tmp_path, steps=steps), sources, lake)
