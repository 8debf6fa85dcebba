"""What the hub on loopback answers about files: trees, contents, uploads and commits."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.hub.answers import Answer, Hub, Request
from pipeline.hub.repositories import WHEN, Commit, Entry, Refusal, check_head, git_oid, is_large, lfs_entry

PAGE = 1000


def tree(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """The files (and, unless `recursive`, the folders) below a path, a page of them at a time."""
    commit, folder = hub.readable(request, parts).resolve(parts["rev"]), parts["path"]
    inside = f"{folder}/" if folder else ""
    below = {path: entry for path, entry in commit.files.items() if path.startswith(inside)}
    if folder and not below:
        raise Refusal(404, "Entry not found", "EntryNotFound")
    deep = request.query.get("recursive", "").lower() == "true"
    rows = [entry.shown(path) for path, entry in below.items() if deep or "/" not in path.removeprefix(inside)]
    folders = {path[: path.index("/", len(inside))] for path in below if "/" in path.removeprefix(inside)}
    if deep:
        folders = {str(up) for path in below for up in Path(path).parents if str(up).startswith(inside) and up.name}
    rows += [{"type": "directory", "path": path, "size": 0, "oid": git_oid(path.encode())} for path in folders]
    start = int(request.query.get("cursor", 0))
    page = sorted(rows, key=lambda row: str(row["path"]))[start : start + PAGE]
    query = urlencode({**request.query, "cursor": start + PAGE})
    more = {"Link": f'<{request.endpoint}{quote(request.path, safe="/%")}?{query}>; rel="next"'}
    return Answer(page, headers=more if start + PAGE < len(rows) else {})


def paths(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """What is at some paths; what is not there is left out."""
    commit = hub.readable(request, parts).resolve(parts["rev"])
    wanted = request.content.get("paths", [])
    return Answer([commit.files[path].shown(path) for path in wanted if path in commit.files])


def read(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """A file at a revision."""
    commit, entry = hub.readable(request, parts).entry(parts["rev"], parts["path"])
    etag = f'"{entry.sha256 if entry.is_lfs else entry.oid}"'
    linked = {"X-Linked-Etag": etag, "X-Linked-Size": str(entry.size)} if entry.is_lfs else {}
    headers = {"ETag": etag, "X-Repo-Commit": commit.oid, **linked}
    return Answer(headers=headers, file=hub.objects.path(entry.sha256))


def validate(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """Whether the head of a README is as the hub wants it."""
    errors = [{"message": message} for message in check_head(request.content["content"])]
    return Answer({"errors": errors, "warnings": []}, 400 if errors else 200)


def preupload(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """How each file is to be uploaded, and what is there under its name."""
    head = hub.writable(request, parts).resolve(parts["rev"])
    files = []
    for file in request.content["files"]:
        large = is_large(file["path"], file["size"], base64.b64decode(file["sample"]))
        there = head.files.get(file["path"])
        known = {"oid": there.sha256 if there.is_lfs else there.oid} if there else {}
        mode = {"uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        files.append({"path": file["path"], **mode, **known})
    return Answer({"files": files})


def batch(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """Where to send each large file; nowhere if its bytes are there (git-lfs, `docs/api/batch.md`)."""
    hub.writable(request, parts)
    return Answer(
        {"transfer": "basic", "objects": [_upload(hub, request, each) for each in request.content["objects"]]}
    )


def commit(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """One commit of everything that its lines say, or of nothing."""
    found = hub.writable(request, parts)
    lines = [json.loads(line) for line in request.body.splitlines() if line]
    header = next(line["value"] for line in lines if line["key"] == "header")
    files = dict(found.resolve(parts["rev"]).files)
    for line in lines:
        _change(hub, files, line["key"], line["value"])
    if (readme := files.get("README.md")) and (wrong := check_head(_text(hub, readme))):
        raise Refusal(400, f"invalid metadata in README.md: {wrong[0]}")
    made = found.commit(parts["rev"], files, header["summary"], header.get("parentCommit"))
    where = f"{request.endpoint}/{parts['kinds']}/{found.repo_id}/commit/{made.oid}"
    return Answer({"success": True, "commitOid": made.oid, "commitUrl": where, "pullRequestUrl": None})


def history(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """The commits of a branch, newest first."""
    found = hub.readable(request, parts)
    made: Commit | None = found.resolve(parts["rev"])
    rows = []
    while made:
        rows.append({"id": made.oid, "title": made.title, "message": "", "date": WHEN, "authors": []})
        made = found.commits.get(made.parent)
    return Answer(rows)


def put(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """The bytes of a large file, or of one part of it."""
    sha256, part = parts["sha"], int(request.query.get("part", 0))
    place = hub.objects.part(sha256, part)
    place.write_bytes(request.body)
    if not part:
        hub.objects.adopt([place], sha256)
        place.unlink()
    return Answer(headers={"ETag": f'"{git_oid(request.body)}"'})


def complete(hub: Hub, request: Request, parts: Mapping[str, str]) -> Answer:
    """The end of an upload in parts: each with the ETag that its upload was answered with."""
    sha256 = parts["sha"]
    places = [hub.objects.part(sha256, int(part["partNumber"])) for part in request.content["parts"]]
    for place, part in zip(places, request.content["parts"], strict=True):
        if not place.is_file() or part["etag"].strip('"') != git_oid(place.read_bytes()):
            raise Refusal(400, f"part {part['partNumber']} of {sha256} was not uploaded")
    hub.objects.adopt(places, sha256)
    for place in places:
        place.unlink()
    return Answer({"success": True})


def _upload(hub: Hub, request: Request, wanted: Mapping[str, Any]) -> dict[str, Any]:
    sha256, size = str(wanted["oid"]), int(wanted["size"])
    if hub.objects.has(sha256):
        return {"oid": sha256, "size": size}
    place = f"{request.endpoint}/lfs/{sha256}"
    action: dict[str, Any] = {"href": place}
    if hub.part_bytes and size > hub.part_bytes:
        count = -(-size // hub.part_bytes)
        hrefs = {f"{part:05d}": f"{place}?part={part}" for part in range(1, count + 1)}
        action = {"href": f"{place}/complete", "header": {"chunk_size": str(hub.part_bytes), **hrefs}}
    return {"oid": sha256, "size": size, "actions": {"upload": action}}


def _change(hub: Hub, files: dict[str, Entry], key: str, value: Mapping[str, Any]) -> None:
    """One line of a commit."""
    match key:
        case "file":
            files[value["path"]] = hub.small(base64.b64decode(value["content"]))
        case "lfsFile":
            if not hub.objects.has(value["oid"]):
                raise Refusal(400, f"the content of {value['path']} was not uploaded")
            size = hub.objects.path(value["oid"]).stat().st_size
            files[value["path"]] = lfs_entry(value["oid"], size)
        case "deletedFile":
            if files.pop(value["path"], None) is None:
                raise Refusal(404, f"A file with this name doesn't exist: {value['path']}", "EntryNotFound")
        case "deletedFolder":
            for path in [path for path in files if path.startswith(value["path"].rstrip("/") + "/")]:
                del files[path]


def _text(hub: Hub, entry: Entry) -> str:
    return hub.objects.path(entry.sha256).read_text(encoding="utf-8", errors="replace")
