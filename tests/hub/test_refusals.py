"""What is not pushed: each with the value, the place and the way out, and before a word with the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import releases

from flows.pushing import Wish, push
from pipeline.hub.licensing import find_conflict
from pipeline.hub.push import Destination
from pipeline.hub.refusals import check_licences
from pipeline.land.files import read_release
from schemas.errors import RequestError, WarehouseError
from warehouse.address import Address
from warehouse.connection import connect, literal

CANARY = "hf_canaryThatNobodyMaySee"


@pytest.fixture(autouse=True)
def _a_hub_that_nobody_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)


def plant(address: Address, licences: list[str | None], **changes: Any) -> None:
    """A release of one pair under each licence."""
    rows = releases.innocent(len(licences))
    releases.plant(address, [row | {"licence": licence} | changes for row, licence in zip(rows, licences, strict=True)])


def set_status(address: Address, status: str) -> None:
    connection = connect(address)
    connection.execute(f"UPDATE releases SET status = {literal(status)}")
    connection.close()


def refusal(address: Address, wish: Wish | None = None, to: Destination | None = None) -> str:
    with pytest.raises(RequestError) as refused:
        push(address, wish or Wish("planted", "mill/pairs"), to or Destination())
    assert CANARY not in str(refused.value)
    assert list(address.root.glob("push-*")) + list(address.root.glob(".prefmill-*")) == []
    return str(refused.value)


def test_rehearsal_rows_have_no_way_round(lake: Address) -> None:
    plant(lake, ["mit"] * 3, rehearsal=True)
    wish = Wish("planted", "mill/pairs", held=True, licence="mit")
    assert refusal(lake, wish).startswith("3 of the 3 pairs of 'planted' are rehearsal data, which is never pushed")


def test_a_held_release_goes_only_as_such_and_a_withdrawn_one_never(lake: Address) -> None:
    plant(lake, [None] * 2)
    set_status(lake, "held")
    assert "'planted' is held back: it failed a gate" in refusal(lake)
    # The next thing that is wrong is told, so the first one was let pass.
    assert "which state no licence" in refusal(lake, Wish("planted", "mill/pairs", held=True))
    set_status(lake, "withdrawn")
    assert "'planted' was withdrawn" in refusal(lake, Wish("planted", "mill/pairs", held=True))


def test_rows_of_revoked_documents_stay(lake: Address) -> None:
    plant(lake, ["mit"] * 3)
    text = {"uri": "shelf0/0.md", "text": "Flour.", "sha256": "0", "licence": "mit"}
    releases.insert(lake, "documents", [text])
    answers = {"prompt_id": "p", "chosen_id": "c", "rejected_id": "r"}
    releases.insert(lake, "pairs", [{"pair_id": f"par_{at:08d}", **answers} for at in range(3)])
    connection = connect(lake)
    connection.execute("INSERT INTO release_rows SELECT 'planted', pair_id, 'train' FROM pairs")
    connection.execute(
        "INSERT INTO revocations BY NAME SELECT 'rvk_0' AS revocation_id, 'licence' AS kind, 'mit' AS value, "
        "'' AS note, now()::TIMESTAMP AS revoked_at"
    )
    connection.close()
    assert refusal(lake).startswith("3 of the 3 pairs of 'planted' are from documents that were revoked since")


@pytest.mark.parametrize(
    ("repo_id", "words"),
    [
        ("pairs", "'pairs' cannot name a dataset on the hub; take ORG/NAME"),
        ("mill/pairs/x", "cannot name a dataset"),
        ("mill/../pairs", "cannot name a dataset"),
        ("mill/-pairs", "cannot name a dataset"),
        ("mill/pa--irs", "cannot name a dataset"),
        ("mill/pairs.git", "cannot name a dataset"),
        ("datasets/mill/pairs", "give it as ORG/NAME"),
        ("https://huggingface.co/mill/pairs", "give it as ORG/NAME"),
        ("models/mill/pairs", "give it as ORG/NAME"),
    ],
)
def test_names_that_the_hub_does_not_take(repo_id: str, words: str, lake: Address) -> None:
    assert words in refusal(lake, Wish("planted", repo_id))


@pytest.mark.parametrize("branch", ["refs/pr/1", "a..b", "-x", "x.lock", "a b", "x/"])
def test_branches_that_git_does_not_take(branch: str, lake: Address) -> None:
    assert f"`--revision {branch}` cannot name a branch" in refusal(lake, to=Destination(branch))


def test_a_release_that_is_not_there_and_no_token(
    lake: Address, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    plant(lake, ["mit"])
    with pytest.raises(WarehouseError, match="did you mean `planted`"):
        push(lake, Wish("plantet", "mill/pairs"), Destination())
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert refusal(lake) == "there is no token for the hub; set HF_TOKEN, or log in with `hf auth login`"


def test_a_damaged_release_stays(lake: Address) -> None:
    from schemas.errors import BuildError

    plant(lake, ["mit"] * 2)
    (lake.root / "releases" / "planted" / "recipe.yaml").write_text("recipe: another\n")
    with pytest.raises(BuildError, match=r"'planted' is damaged: `recipe\.yaml`"):
        push(lake, Wish("planted", "mill/pairs"), Destination())


def test_licences_that_do_not_go_together_are_told_with_their_rows(lake: Address) -> None:
    plant(lake, ["CC BY-SA 4.0", "mit", None, "mit", None, None, None, "GPL-3.0"])
    assert refusal(lake) == (
        "'planted' has 4 pairs which state no licence: par_00000002, par_00000004, par_00000005, and 1 more; say "
        "`--licence NAME` if you may publish them under it, or leave them out with the step `select/licences` (unknown: drop)"
    )
    assert refusal(lake, Wish("planted", "mill/pairs", licence="cc-by-sa-4.0")) == (
        "'planted' has 1 pairs under 'GPL-3.0' which cannot be published under 'cc-by-sa-4.0': par_00000007; declare the "
        "licence that they ask for, or leave them out with the step `select/licences` (allow: [permissive])"
    )
    assert "`--licence unknown` declares no licence" in refusal(lake, Wish("planted", "mill/pairs", licence="unknown"))


def test_licences_of_answers_count_where_the_recipe_states_them(lake: Address) -> None:
    rows = [row | {"licence": "mit", "chosen_model": "mill-8b"} for row in releases.innocent(4)]
    rows[2]["rejected_model"] = "stone-9b"
    rows[0]["rejected_model"] = rows[1]["rejected_model"] = rows[3]["rejected_model"] = "mill-8b"
    releases.open_lake(lake)
    releases.write(lake.root / "releases" / "x", rows, output_licences={"stone-*": "llama3.1", "mill-8b": "document"})
    manifest = read_release(lake.root / "releases" / "x")
    with pytest.raises(
        RequestError, match=r"1 pairs under 'llama3\.1' .*3 under mit, 1 under mit and llama3\.1.*: par_00000002;"
    ):
        check_licences(manifest, lake.root / "releases" / "x", None)
    check_licences(manifest, lake.root / "releases" / "x", "llama3.1")


@pytest.mark.parametrize(
    ("rows", "declared", "at_fault"),
    [
        (["mit"], None, []),
        (["mit", "Apache 2.0", "CC BY 4.0", "cc0-1.0"], None, []),
        (["mit", "apache-2.0"], "cc-by-nc-4.0", []),
        (["cc-by-sa-4.0"], None, []),
        (["CC-BY-SA-4.0", "cc by sa 4.0"], None, []),
        (["cc-by-nc-4.0"], None, []),
        (["llama3.1"], None, []),
        (["The Miller's Licence"], None, []),
        ([""], None, [""]),
        (["unknown", "mit"], None, ["unknown"]),
        (["", "mit"], "mit", []),
        (["cc-by-nd-4.0"], None, ["cc-by-nd-4.0"]),
        (["cc-by-nd-4.0", "mit"], "cc-by-nd-4.0", ["cc-by-nd-4.0"]),
        (["cc-by-nc-nd-4.0", ""], None, ["cc-by-nc-nd-4.0"]),
        (["cc-by-sa-4.0", "mit"], None, ["cc-by-sa-4.0"]),
        (["cc-by-sa-4.0", "mit"], "CC BY-SA 4.0", []),
        (["cc-by-sa-4.0", "gpl-3.0"], "cc-by-sa-4.0", ["gpl-3.0"]),
        (["cc-by-nc-4.0", "mit"], None, ["cc-by-nc-4.0"]),
        (["cc-by-nc-4.0", "mit"], "mit", ["cc-by-nc-4.0"]),
        (["cc-by-nc-4.0", "mit"], "cc-by-nc-sa-4.0", []),
        (["cc-by-nc-sa-4.0", "mit"], "cc-by-nc-4.0", ["cc-by-nc-sa-4.0"]),
        (["llama3.1", "mit"], "apache-2.0", ["llama3.1"]),
        (["The Miller's Licence", "mit"], None, ["The Miller's Licence"]),
        (["MIT or GPL-3.0", "apache-2.0"], None, []),
        (["MIT and GPL-3.0", "apache-2.0"], None, ["MIT and GPL-3.0"]),
        (["mit, cc-by-nd-4.0"], None, ["mit, cc-by-nd-4.0"]),
        (["mit + apache-2.0", "mit"], None, []),
        (["mit + llama3.1", "mit + llama3.1"], None, ["mit + llama3.1"]),
        (["mit + llama3.1", "mit"], "llama3.1", []),
        (["llama3.1 + mit", "llama3.1"], None, []),
        (["cc-by-sa-4.0 + llama3.1"], None, ["cc-by-sa-4.0 + llama3.1"]),
        (["cc-by-sa-4.0 + llama3.1"], "cc-by-sa-4.0", ["cc-by-sa-4.0 + llama3.1"]),
        (["mit + cc-by-nd-4.0", "mit"], "mit", ["mit + cc-by-nd-4.0"]),
    ],
)  # fmt: skip
def test_which_licences_go_together(rows: list[str], declared: str | None, at_fault: list[str]) -> None:
    conflict = find_conflict({tuple(row.split(" + ")): 2 for row in rows}, declared)
    assert sorted(conflict.rows if conflict else []) == [tuple(row.split(" + ")) for row in at_fault]


def test_a_licence_without_rows_is_no_conflict() -> None:
    assert find_conflict({("mit",): 3, ("cc-by-nd-4.0",): 0}) is None
