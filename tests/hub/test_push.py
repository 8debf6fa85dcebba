"""What is at the hub after a push: every byte of the export, nobody else's files touched, one commit, one tag."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.pushes import REPO, commits, edit, files_at, files_in, hash_of, make_export, push
from pipeline.hub.fake import TOKEN, FakeHub
from pipeline.hub.heads import read_head
from pipeline.hub.push import declare_licence
from pipeline.hub.repositories import Account
from pipeline.land.manifest import ExportManifest, unseal
from schemas.errors import RequestError

UPLOADS = r"^PUT /lfs/"
COMMITS = r"/commit/"


def test_every_byte_of_the_export_is_at_the_tag_and_on_main(hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path)
    pushed = push(hub, export)
    assert pushed.outcome == "pushed"
    assert files_at(hub, "night-1") == files_at(hub, "main") == files_in(export)
    assert sorted(pushed.added) == sorted(files_in(export))
    assert commits(hub) == 1


def test_a_second_push_changes_nothing_and_sends_nothing(hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path)
    first = push(hub, export)
    hub.faults.forget()
    second = push(hub, export)
    assert (second.outcome, second.commit) == ("already there", first.commit)
    assert commits(hub) == 1
    assert [call for call in hub.faults.calls() if call.method != "GET"] == hub.faults.calls("/repos/create$")


def test_the_first_push_takes_as_many_calls_as_the_clients_own_upload(hub: FakeHub, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    export = make_export(tmp_path)
    push(hub, export)
    ours = hub.faults.calls("^(?!GET /api/agent)")
    hub.faults.forget()
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo("mill/own", repo_type="dataset")
    made = api.upload_folder(repo_id="mill/own", repo_type="dataset", folder_path=export)
    api.create_tag("mill/own", repo_type="dataset", tag="night-1", revision=made.oid)
    theirs = hub.faults.calls("^(?!GET /api/agent)")
    assert files_at(hub, "night-1", "mill/own") == files_at(hub, "night-1")
    # Its bytes were there already, so the client did not send them again.
    uploads = len(list(export.rglob("*.parquet")))
    assert len(ours) <= len(theirs) + uploads
    assert len(hub.faults.calls(UPLOADS)) == 0


def test_the_next_release_replaces_the_files_of_the_one_before(hub: FakeHub, tmp_path: Path) -> None:
    first, second = make_export(tmp_path, "night-1", 60), make_export(tmp_path, "night-2", 5)
    gone = set(files_in(first)) - set(files_in(second))
    assert gone, "the second release has a split less"
    push(hub, first)
    edit(hub, {"notes/of-ours.txt": b"read me", "conversational/extra.parquet": b"not prefmill's"})
    pushed = push(hub, second)
    assert set(pushed.deleted) == gone
    strangers = {"notes/of-ours.txt": b"read me", "conversational/extra.parquet": b"not prefmill's"}
    assert files_at(hub, "main") == files_at(hub, "night-2") == files_in(second) | strangers
    assert files_at(hub, "night-1") == files_in(first)
    assert pushed.notes == ()


def test_an_earlier_release_does_not_move_main_back(hub: FakeHub, tmp_path: Path) -> None:
    first, second = make_export(tmp_path, "night-1"), make_export(tmp_path, "night-2", 30)
    push(hub, first)
    push(hub, second)
    assert push(hub, first).outcome == "already there"
    assert files_at(hub, "main") == files_in(second)


def test_a_tag_with_other_content_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    push(hub, make_export(tmp_path / "a"))
    with pytest.raises(
        RequestError, match=r"has a tag 'night-1' with other content \(`conversational/.*a name is used once"
    ):
        push(hub, make_export(tmp_path / "b", count=61))
    assert commits(hub) == 1


def test_a_commit_without_its_tag_gets_it(hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path)
    push(hub, export)
    hub.hub.repositories["dataset", REPO].tags.clear()
    hub.faults.forget()
    assert push(hub, export).outcome == "tagged"
    assert (commits(hub), len(hub.faults.calls(UPLOADS)), len(hub.faults.calls(COMMITS))) == (1, 0, 0)
    assert files_at(hub, "night-1") == files_in(export)


def test_a_branch_is_made_and_main_stays(hub: FakeHub, tmp_path: Path) -> None:
    first, second = make_export(tmp_path, "night-1"), make_export(tmp_path, "night-2", 30)
    push(hub, first)
    push(hub, second, branch="try/out")
    assert files_at(hub, "main") == files_in(first)
    assert files_at(hub, "try/out") == files_at(hub, "night-2") == files_in(second)
    push(hub, make_export(tmp_path, "night-3", 20), branch="new", repo="mill/new")
    assert files_at(hub, "main", "mill/new") == {}


def test_large_files_go_in_parts(tmp_path: Path, hub: FakeHub) -> None:
    with FakeHub(part_bytes=4096) as small:
        export = make_export(tmp_path)
        push(small, export)
        assert files_at(small, "night-1") == files_in(export)
        sizes = [path.stat().st_size for path in export.rglob("*.parquet")]
        assert len(small.faults.calls("^POST /lfs/.*/complete")) == sum(size > 4096 for size in sizes) >= 3
        assert len(small.faults.calls(UPLOADS)) == sum(-(-size // 4096) for size in sizes)


# --- who may ------------------------------------------------------------------------------------------------------------


def test_private_makes_it_private_and_never_changes_what_is_there(hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path)
    push(hub, export, private=True)
    assert hub.hub.repositories["dataset", REPO].private
    assert push(hub, export, private=True).outcome == "already there"
    push(hub, export, repo="mill/open")
    with pytest.raises(RequestError, match="'mill/open' is there and public"):
        push(hub, export, repo="mill/open", private=True)
    assert not hub.hub.repositories["dataset", "mill/open"].private


def test_a_token_that_may_not_is_told_so_and_never_shown(tmp_path: Path, hub: FakeHub) -> None:
    accounts = {
        "hf_canaryWriter": Account("writer", ("mill",)),
        "hf_canaryReader": Account("reader", ("mill",), can_write=False),
        "hf_canaryOther": Account("other"),
    }
    export = make_export(tmp_path)
    with FakeHub(accounts) as strict:
        push(strict, export, token="hf_canaryWriter", private=True)
        for token, words in {
            "hf_canaryReader": "this token may not write to 'mill/pairs' on http://127.0.0.1",
            "hf_canaryOther": "this token may not write to 'mill/pairs'",
            "hf_canaryNobody": "does not know this token; set HF_TOKEN",
        }.items():
            with pytest.raises(RequestError, match=words) as refused:
                push(strict, make_export(tmp_path / token, "night-2"), token=token)
            assert "canary" not in str(refused.value)
            assert "canary" not in repr(refused.value.__cause__)
        assert commits(strict) == 1


def test_who_may_write_but_not_create_pushes_to_what_is_there(hub: FakeHub, tmp_path: Path) -> None:
    from pipeline.hub.faults import Fault

    push(hub, make_export(tmp_path, "night-1"))
    hub.faults.plant(Fault("POST /api/repos/create", status=403))
    assert push(hub, make_export(tmp_path, "night-2", 30)).outcome == "pushed"


# --- what people wrote --------------------------------------------------------------------------------------------------

THEIRS = """---
license: cc-by-4.0   # ask Ada
configs:
- config_name: by-hand
  data_files: by-hand.csv
  default: true

# keep this
tags: [mills]
---
# Our mill

What *we* say of it.
"""


def test_a_readme_that_a_person_edited_stays(hub: FakeHub, tmp_path: Path) -> None:
    first, second = make_export(tmp_path, "night-1"), make_export(tmp_path, "night-2", 61)
    push(hub, first)
    edited = (first / "README.md").read_bytes() + b"\nA word of ours.\r\n"
    edit(hub, {"README.md": edited})
    pushed = push(hub, second)
    there = files_at(hub, "night-2")
    assert there["README.md"].endswith(b"\nA word of ours.\r\n")
    assert there["README.md"] == edited, "its `configs` are as the new card has them"
    assert there["RELEASE_CARD.md"] == (second / "README.md").read_bytes()
    assert {**there, "README.md": b"", "RELEASE_CARD.md": b""} == {
        **files_in(second), "README.md": b"", "RELEASE_CARD.md": b""
    }  # fmt: skip
    assert "has a `README.md` of somebody's own" in pushed.notes[0]
    assert push(hub, second).outcome == "already there"
    edit(hub, {"README.md": (second / "README.md").read_bytes()})
    third = make_export(tmp_path, "night-3", 40)
    assert "RELEASE_CARD.md" in push(hub, third).deleted
    assert files_at(hub, "main") == files_in(third)


def test_a_readme_from_before_the_first_push_gets_the_layouts_and_nothing_else(hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path)
    from huggingface_hub import HfApi

    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(REPO, repo_type="dataset")
    edit(hub, {"README.md": THEIRS.encode()})
    pushed = push(hub, export)
    text = files_at(hub, "night-1")["README.md"].decode()
    head = read_head(text)
    assert head is not None
    assert [config["config_name"] for config in head["configs"]] == ["conversational", "messages", "by-hand"]
    assert [config.get("default") for config in head["configs"]] == [None, None, True]
    kept = THEIRS.split("configs:")[0], THEIRS[THEIRS.index("\n# keep this") :]
    assert text.startswith(kept[0])
    assert text.endswith(kept[1])
    assert len(pushed.notes) == 2


def test_a_file_that_prefmill_did_not_write_is_not_replaced(hub: FakeHub, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(REPO, repo_type="dataset")
    edit(hub, {"recipe.yaml": b"flour: 500 g\n"})
    with pytest.raises(RequestError, match=r"'mill/pairs' holds `recipe\.yaml`, which prefmill did not write"):
        push(hub, make_export(tmp_path))
    assert files_at(hub, "main") == {"recipe.yaml": b"flour: 500 g\n"}


def test_a_declared_licence_is_in_the_head_of_the_card_and_the_manifest_holds(hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path)
    plain = files_in(export)
    declare_licence(export, "CC BY-SA 4.0")
    manifest = unseal(ExportManifest, export)
    declared = files_in(export)
    assert hash_of(declared["README.md"]) == manifest.files["README.md"].sha256
    assert declared["README.md"].decode().splitlines()[2] == "license: cc-by-sa-4.0"
    assert declared["README.md"].splitlines()[3:] == plain["README.md"].splitlines()[3:]
    assert {name for name in plain if plain[name] != declared[name]} == {"README.md", "manifest.json"}
    push(hub, export)
    assert files_at(hub, "night-1") == declared
    assert json.loads(declared["manifest.json"])["release"] == json.loads(plain["manifest.json"])["release"]


def test_a_rehearsal_is_not_pushed_by_any_way(hub: FakeHub, tmp_path: Path) -> None:
    from land.rows import make_batches, make_facts, make_rows

    from pipeline.land.export import export_release
    from pipeline.land.files import write_release

    write_release(tmp_path / "r", make_batches(make_rows(10, rehearsal=True)), make_facts())
    export_release(tmp_path / "r", tmp_path / "e")
    with pytest.raises(RequestError, match="10 of the 10 pairs of 'quickstart-1' are rehearsal data"):
        push(hub, tmp_path / "e")
    assert hub.faults.calls() == []
