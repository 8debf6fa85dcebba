"""The hub on loopback is strict where the hub is: what it takes, keeps and shows."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pipeline.hub.fake import TOKEN, FakeHub
from pipeline.hub.faults import Fault

CONTENT = b"grain " * 4000
SHA = hashlib.sha256(CONTENT).hexdigest()


def ask(
    hub: FakeHub, method: str, path: str, body: Any = None, token: str = TOKEN, **headers: str
) -> tuple[int, bytes, Any]:
    """One call: the status, the body and the headers that came back."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    known = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(hub.endpoint + path, data, {**known, **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read(), problem.headers


@pytest.fixture
def dataset(hub: FakeHub) -> FakeHub:
    """A hub with one dataset of one large and one small file."""
    ask(
        hub, "POST", "/api/repos/create", {"name": "n", "organization": "o", "type": "dataset", "visibility": "private"}
    )
    assert ask(hub, "PUT", f"/lfs/{SHA}", CONTENT)[0] == 200
    lines = [
        {"key": "header", "value": {"summary": "two files"}},
        {"key": "lfsFile", "value": {"path": "a/b.parquet", "algo": "sha256", "oid": SHA, "size": len(CONTENT)}},
        {"key": "file", "value": {"path": "c.txt", "content": "ZmxvdXI=", "encoding": "base64"}},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    assert ask(hub, "POST", "/api/datasets/o/n/commit/main", body)[0] == 200
    return hub


def test_a_file_is_read_whole_in_part_and_by_its_head(dataset: FakeHub) -> None:
    place = "/datasets/o/n/resolve/main/a/b.parquet"
    status, content, headers = ask(dataset, "GET", place)
    assert (status, content, headers["ETag"], headers["X-Linked-Size"]) == (200, CONTENT, f'"{SHA}"', str(len(CONTENT)))
    status, content, headers = ask(dataset, "GET", place, Range="bytes=6-11")
    assert (status, content, headers["Content-Range"]) == (206, CONTENT[6:12], f"bytes 6-11/{len(CONTENT)}")
    status, content, headers = ask(dataset, "HEAD", place)
    assert (status, content, headers["Content-Length"]) == (200, b"", str(len(CONTENT)))
    assert ask(dataset, "GET", "/datasets/o/n/resolve/main/c.txt")[1] == b"flour"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/datasets/o/none", None, 404, "RepoNotFound"),
        ("GET", "/api/datasets/o/n/revision/none", None, 404, "RevisionNotFound"),
        ("GET", "/datasets/o/n/resolve/main/none", None, 404, "EntryNotFound"),
        ("GET", "/api/models/o/n", None, 404, "RepoNotFound"),
        ("GET", "/api/datasets/o/n/tree/main/none", None, 404, "EntryNotFound"),
        ("PUT", f"/lfs/{'0' * 64}", b"other content", 400, None),
        ("POST", "/api/datasets/o/n/tag/main", {"tag": "t"}, 409, None),
        ("POST", "/api/datasets/o/n/branch/main", {}, 409, None),
        ("POST", "/api/validate-yaml", {"content": "---\nlicense: no-such\n---\n"}, 400, None),
        ("POST", "/api/validate-yaml", {"content": "---\na: [\n---\n"}, 400, None),
        ("POST", "/api/validate-yaml", {"content": "---\nlicense: mit\n---\n"}, 200, None),
        ("PUT", f"/lfs/{SHA}?part=../x", b"", 400, None),
        ("POST", "/api/repos/create", {}, 400, None),
        ("GET", "/api/no-such-call", None, 404, None),
    ],
)
def test_what_is_wrong_is_refused(
    method: str, path: str, body: Any, status: int, code: str | None, dataset: FakeHub
) -> None:
    assert ask(dataset, "POST", "/api/datasets/o/n/tag/main", {"tag": "t"})[0] == 200
    found, _, headers = ask(dataset, method, path, body)
    assert (found, headers["X-Error-Code"]) == (status, code)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ({"key": "lfsFile", "value": {"path": "x", "algo": "sha256", "oid": "1" * 64, "size": 3}}, 400),
        ({"key": "lfsFile", "value": {"path": "x", "algo": "sha256", "oid": "../../etc/passwd", "size": 3}}, 422),
        ({"key": "file", "value": {"path": "x"}}, 400),
        ({"key": "deletedFile", "value": {"path": "none.txt"}}, 404),
        ({"key": "deletedFile", "value": {"path": "none\r\nX-Injected: 1"}}, 404),
        ({"key": "deletedFile", "value": {"path": "c.txt"}}, 200),
        ({"key": "deletedFolder", "value": {"path": "a/"}}, 200),
    ],
)
def test_a_commit_is_made_whole_or_not_at_all(line: Any, status: int, dataset: FakeHub) -> None:
    before = ask(dataset, "GET", "/api/datasets/o/n/tree/main?recursive=true")[1]
    added = {"key": "file", "value": {"path": "new.txt", "content": "", "encoding": "base64"}}
    lines = [{"key": "header", "value": {"summary": "s"}}, added, line]
    body = "\n".join(map(json.dumps, lines)).encode()
    found, _, headers = ask(dataset, "POST", "/api/datasets/o/n/commit/main", body)
    assert (found, headers["X-Injected"]) == (status, None)
    assert (ask(dataset, "GET", "/api/datasets/o/n/tree/main?recursive=true")[1] == before) == (status != 200)
    lines[0]["value"]["parentCommit"] = "0" * 40  # type: ignore[index]
    body = "\n".join(map(json.dumps, lines[:2])).encode()
    assert ask(dataset, "POST", "/api/datasets/o/n/commit/main", body)[0] == 412


def test_what_is_private_is_for_those_who_have_a_token(dataset: FakeHub) -> None:
    for path in ("/api/datasets/o/n", "/datasets/o/n/resolve/main/c.txt", "/api/datasets/o/n/refs"):
        assert ask(dataset, "GET", path)[0] == 200
        assert ask(dataset, "GET", path, token="")[0] == 401
        assert ask(dataset, "GET", path, token="hf_other")[0] == 401
    assert json.loads(ask(dataset, "GET", "/api/whoami-v2")[1])["name"] == "rehearser"
    assert ask(dataset, "PUT", "/api/datasets/o/n/settings", {"visibility": "public"})[0] == 200
    assert ask(dataset, "GET", "/api/datasets/o/n", token="")[0] == 200


def test_a_long_tree_comes_in_pages(dataset: FakeHub) -> None:
    from huggingface_hub import HfApi

    found = dataset.hub.repositories["dataset", "o/n"]
    files = {f"many/{at:04d}.txt": found.resolve("main").files["c.txt"] for at in range(2100)}
    found.commit("main", files, "many", None)
    api = HfApi(endpoint=dataset.endpoint, token=TOKEN)
    there = [each.path for each in api.list_repo_tree("o/n", repo_type="dataset", recursive=True)]
    assert there == ["many", *files]
    assert len(dataset.faults.calls("/tree/")) == 3


def test_it_runs_as_a_process_and_faults_are_planted_from_outside(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "pipeline.hub.fake"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        endpoint = process.stdout.readline().strip()
        faults = json.dumps([{"calls": "whoami", "status": 429, "retry_after": 7}]).encode()
        request = urllib.request.Request(f"{endpoint}/fake/faults", faults, method="POST")
        urllib.request.urlopen(request, timeout=30).close()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{endpoint}/api/whoami-v2", timeout=30)
        assert (refused.value.code, refused.value.headers["Retry-After"]) == (429, "7")
        with urllib.request.urlopen(f"{endpoint}/fake/calls", timeout=30) as answer:
            assert [call["status"] for call in json.load(answer)] == [429]
    finally:
        process.terminate()
        process.wait(30)


def test_faults_come_when_they_are_due(hub: FakeHub) -> None:
    hub.faults.plant(Fault("GET /api/whoami", status=503, skip=1, times=2))
    statuses = [ask(hub, "GET", "/api/whoami-v2")[0] for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    hub.faults.plant(Fault("whoami", status=503, times=9))
    hub.faults.lift()
    assert ask(hub, "GET", "/api/whoami-v2")[0] == 200
