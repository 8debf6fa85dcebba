"""The YAML head of a README, changed key by key while every other byte stays as somebody wrote it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml

HEAD = re.compile(r"---[ \t]*(\r?\n)(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
CONFIGS = "configs"


def read_head(text: str) -> dict[str, Any] | None:
    """The head of a README; empty where there is none, None where it is no YAML that a hub could read."""
    if not (found := HEAD.match(text.removeprefix("\ufeff"))):
        return {}
    try:
        head = yaml.safe_load(found[2])
    except yaml.YAMLError:
        return None
    return {} if head is None else head if isinstance(head, dict) else None


def put(text: str, key: str, value: Any) -> str:
    """The README with `key` of its head set to `value` (None: without it). The head must be readable, or not there."""
    block = "" if value is None else yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True)
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    found = HEAD.match(text)
    if not found:
        return mark + (f"---\n{block}---\n\n{text}" if block else text)
    block = block.replace("\n", found[1])
    lines = found[2].splitlines(keepends=True)
    start, stop = _span(lines, key)
    lines[start:stop] = [block]
    return mark + text[: found.start(2)] + "".join(lines) + text[found.end(2) :]


def merge_configs(text: str, ours: str, gone: Collection[str]) -> str | None:
    """Somebody's README with the `configs` of our card, so that each layout still loads by its name.

    Configurations of theirs stay, and one that is `default` stays the default; those that read nothing but files in
    `gone`, which a former release had, go with them. None where the head is not readable.
    """
    head, wanted = read_head(text), (read_head(ours) or {}).get(CONFIGS) or []
    if head is None:
        return None
    there = head.get(CONFIGS)
    present: list[Any] = there if isinstance(there, list) else []
    names = {config["config_name"] for config in wanted}
    theirs = [
        config
        for config in present
        if not isinstance(config, dict) or (config.get("config_name") not in names and not _is_gone(config, gone))
    ]
    if any(isinstance(config, dict) and config.get("default") for config in theirs):
        wanted = [{key: value for key, value in config.items() if key != "default"} for config in wanted]
    merged = [*wanted, *theirs]
    return text if merged == present else put(text, CONFIGS, merged)


def _span(lines: list[str], key: str) -> tuple[int, int]:
    """The lines of a key at the top level, without the comments before the next one; the end where there is none."""
    start = next((at for at, line in enumerate(lines) if re.match(rf"{re.escape(key)}[ \t]*:", line)), len(lines))
    stop = start + 1
    while stop < len(lines) and re.match(r"[ \t\r\n#-]", lines[stop]):
        stop += 1
    while stop > start + 1 and re.match(r"[ \t]*(#.*)?\r?\n?\Z", lines[stop - 1]):
        stop -= 1
    return start, min(stop, len(lines))


def _is_gone(config: Mapping[str, Any], gone: Collection[str]) -> bool:
    """Whether a configuration reads nothing but files that are gone."""
    files = config.get("data_files")
    paths = [each.get("path") for each in files if isinstance(each, dict)] if isinstance(files, list) else []
    return bool(paths) and all(path in gone for path in paths)
