"""Pushes that meet a busy hub, a cut line, another push, or their own end: afterwards everything is there, once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from hub.pushes import commits, edit, files_at, files_in, make_export, push, start
from pipeline.hub.fake import FakeHub
from pipeline.hub.faults import Fault
from schemas.errors import BuildError, RequestError

PATIENCE_SECONDS = 120
NEW, HELD = "night-2", "night-1"


def refused(calls: str, status: int = 500, **more: Any) -> Fault:
    return Fault(calls, "refuse", status, retry_after=0, **more)


TROUBLES = {
    "no repository is made at first": refused("/repos/create", 503),
    "it is made, and nobody hears of it": Fault("/repos/create", "drop", when="after"),
    "the refs are slow to come": Fault("GET .*/refs", "slow", seconds=0.2),
    "no refs at first": refused("GET .*/refs", 429),
    "the card is not looked at": refused("/validate-yaml", 500),
    "no plan of the upload": refused("/preupload/", 429),
    "no places for large files": refused("/objects/batch", 500),
    "an upload fails": refused("^PUT /lfs/", 500, skip=1),
    "an upload is cut": Fault("^PUT /lfs/", "drop", skip=1),
    "the commit is refused": refused("/commit/", 502),
    "the commit is cut before": Fault("/commit/", "drop"),
    "the commit is made and nobody hears of it": Fault("/commit/", "drop", when="after"),
    "too many commits": refused("/commit/", 429, times=2),
    "the tag is refused": refused("/tag/", 500),
    "the tag is made and nobody hears of it": Fault("/tag/", "drop", when="after"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_push_goes_on_when_the_hub_does(trouble: str, hub: FakeHub, tmp_path: Path) -> None:
    export = make_export(tmp_path, NEW, 30)
    hub.faults.plant(TROUBLES[trouble])
    push(hub, export)
    assert files_at(hub, NEW) == files_at(hub, "main") == files_in(export)
    assert commits(hub) == 1
    sent = [call.path for call in hub.faults.calls("^PUT /lfs/") if call.status == 200]
    assert len(sent) == len(set(sent)) == len(list(export.rglob("*.parquet")))


def test_a_hub_that_stays_busy_is_left_with_a_sentence(hub: FakeHub, tmp_path: Path) -> None:
    hub.faults.plant(refused("/commit/", 503, times=99))
    with pytest.raises(BuildError, match="answered 503 again and again; run it again later"):
        push(hub, make_export(tmp_path), said=(said := []))
    assert said == [f"{hub.endpoint} answered 503; trying again in 0 s"] * 7
    assert len(hub.faults.calls("/commit/")) == 8
    assert commits(hub) == 0


def test_nobody_there_is_told_soon(tmp_path: Path, hub: FakeHub) -> None:
    with FakeHub() as gone:
        pass
    with pytest.raises(RequestError, match=rf"nobody answers at {gone.endpoint}; check the network and HF_ENDPOINT"):
        push(gone, make_export(tmp_path))


def test_offline_is_told(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RequestError, match="HF_HUB_OFFLINE is set"):
        push(hub, make_export(tmp_path))


def test_a_hub_without_xet_is_told(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    pytest.importorskip("hf_xet")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    with pytest.raises(RequestError, match="does not take uploads by Xet; set HF_HUB_DISABLE_XET=1"):
        push(hub, make_export(tmp_path))


def test_somebody_commits_in_between_and_loses_nothing(hub: FakeHub, tmp_path: Path) -> None:
    push(hub, make_export(tmp_path, HELD))
    export = make_export(tmp_path, NEW, 30)
    hub.faults.plant(Fault("/commit/", "stall"))
    pushing = threading.Thread(target=push, args=(hub, export))
    pushing.start()
    assert hub.faults.stalled.wait(PATIENCE_SECONDS)
    edit(hub, {"notes.txt": b"by hand"})
    hub.faults.lift()
    pushing.join(PATIENCE_SECONDS)
    assert [call.status for call in hub.faults.calls("/commit/")] == [200, 412, 200]
    assert files_at(hub, NEW) == files_at(hub, "main") == files_in(export) | {"notes.txt": b"by hand"}


@pytest.mark.parametrize("releases", [(NEW, NEW), (HELD, NEW)], ids=["the same", "two"])
def test_two_pushes_at_once(releases: tuple[str, str], hub: FakeHub, tmp_path: Path) -> None:
    push(hub, make_export(tmp_path, "night-0", 10))
    exports = {name: make_export(tmp_path, name, 40 + at) for at, name in enumerate(dict.fromkeys(releases))}
    hub.faults.plant(Fault("/commit/", "slow", seconds=0.2, times=2))
    pushing = [threading.Thread(target=push, args=(hub, exports[name])) for name in releases]
    for each in pushing:
        each.start()
    for each in pushing:
        each.join(PATIENCE_SECONDS)
    assert commits(hub) == 1 + len(exports)
    for name, export in exports.items():
        assert files_at(hub, name) == files_in(export)


MOMENTS = {
    "before a large file": Fault("^PUT /lfs/", "stall", skip=1),
    "after a large file": Fault("^PUT /lfs/", "stall", skip=1, when="after"),
    "before the commit": Fault("/commit/", "stall"),
    "after the commit": Fault("/commit/", "stall", when="after"),
    "after the tag": Fault("/tag/", "stall", when="after"),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_push_that_is_killed_is_finished_by_the_next_one(moment: str, hub: FakeHub, tmp_path: Path) -> None:
    push(hub, make_export(tmp_path, HELD))
    export = make_export(tmp_path, NEW, 30)
    hub.faults.plant(MOMENTS[moment])
    pushing = start(export, hub.endpoint)
    assert hub.faults.stalled.wait(PATIENCE_SECONDS), pushing.communicate()
    pushing.kill()
    pushing.wait()
    done = {call.path for call in hub.faults.calls("^PUT /lfs/") if call.status == 200}
    hub.faults.forget()
    hub.faults.lift()
    outcome = push(hub, export).outcome
    assert outcome == {"after the commit": "tagged", "after the tag": "already there"}.get(moment, "pushed")
    assert files_at(hub, NEW) == files_at(hub, "main") == files_in(export)
    assert commits(hub) == 2
    again = {call.path for call in hub.faults.calls("^PUT /lfs/")}
    assert not done & again
