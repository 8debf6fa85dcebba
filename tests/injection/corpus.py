"""The corpus of attacks, and what it takes to plant one in a judge's prompt and to look at what the judge is shown."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2.nodes
import yaml

from prompts.inert import BREAK
from prompts.library import ENVIRONMENT, SHIPPED

HERE = Path(__file__).parent
_CORPUS = yaml.safe_load((HERE / "attacks.yaml").read_text(encoding="utf-8"))
FAMILIES: dict[str, list[str]] = _CORPUS["attacks"]
MASTER_KEYS: dict[str, list[str]] = _CORPUS["master_keys"]

# No judge reads these: one is the conversation itself, whose answer is measured, so its question is a turn of its own; the
# others are texts that become vectors, each alone.
NO_JUDGE = {"judge/log_likelihood", "judge/relevance", "judge/embed"}
JUDGES = sorted(
    name
    for path in SHIPPED.glob("judge/*.md")
    if (name := path.relative_to(SHIPPED).with_suffix("").as_posix()) not in NO_JUDGE
)
# Where a judge's data come from, by the names that templates give them; an input of another name is found all the same.
RESPONSES = {"first", "second", "answer", "answers", "response", "responses", "candidate", "candidates"}
GIVEN = {"facts", "passage", "evidence", "reference", "document", "context"}
QUESTIONS = {"question", "instruction", "prompt", "task"}

FENCE = re.compile(r"<(/?)(\w+) ([0-9a-f]{10})>")
TOKENS: list[str] = [token for tokens in _CORPUS["tokens"].values() for token in tokens]


@cache
def values() -> dict[str, Any]:
    """A value for every input of every template: those that the templates' own tests render them with."""
    path = HERE.parent / "prompts" / "test_templates.py"
    spec = importlib.util.spec_from_file_location("templates_own_tests", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.VALUES
    return found


@dataclass(frozen=True)
class Datum:
    """A place of a template that shows data: the input it comes from, and the keys to it within the input's value."""

    root: str
    keys: tuple[str | int, ...]

    def get(self, variables: dict[str, Any]) -> str:
        """What stands there."""
        value: Any = variables[self.root]
        for key in self.keys:
            value = value[key] if isinstance(value, list | tuple | dict) else getattr(value, str(key))
        assert isinstance(value, str)
        return value

    def planted(self, variables: dict[str, Any], text: str) -> dict[str, Any]:
        """The variables with this text there, and all else as it was."""
        return variables | {self.root: _replaced(variables[self.root], self.keys, text)}


def _replaced(value: Any, keys: tuple[str | int, ...], text: str) -> Any:
    if not keys:
        return text
    key, rest = keys[0], keys[1:]
    if isinstance(value, dict):
        return value | {key: _replaced(value[key], rest, text)}
    return type(value)(_replaced(each, rest, text) if place == key else each for place, each in enumerate(value))


@cache
def uses(name: str) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """Every value that a template writes out: input, keys to it (`*` is each member of a list), and whether fenced."""
    source = (SHIPPED / f"{name}.md").read_text(encoding="utf-8").split("---\n", 2)[2]
    found: list[tuple[str, tuple[str, ...], bool]] = []

    def path_of(node: jinja2.nodes.Node, scope: dict[str, tuple[str, tuple[str, ...]]]) -> Any:
        if isinstance(node, jinja2.nodes.Name):
            return scope.get(node.name, (node.name, ()))
        if isinstance(node, jinja2.nodes.Getattr | jinja2.nodes.Getitem):
            key = node.attr if isinstance(node, jinja2.nodes.Getattr) else getattr(node.arg, "value", "*")
            root, keys = path_of(node.node, scope) or (None, ())
            return (root, (*keys, key)) if root else None
        return None

    def walk(node: jinja2.nodes.Node, scope: dict[str, tuple[str, tuple[str, ...]]], fenced: bool, shown: bool) -> None:
        if isinstance(node, jinja2.nodes.For):
            root, keys = path_of(node.iter, scope) or ("", ())
            inner = dict(scope)
            target = node.target
            if isinstance(target, jinja2.nodes.Name):
                inner[target.name] = (root, (*keys, "*"))
            for each in (*node.body, *node.else_):
                walk(each, inner, fenced, shown)
            return
        if isinstance(node, jinja2.nodes.If):
            for each in (*node.body, *node.elif_, *node.else_):
                walk(each, scope, fenced, shown)
            return
        if isinstance(node, jinja2.nodes.Output):
            for each in node.nodes:
                walk(each, scope, fenced, True)
            return
        if isinstance(node, jinja2.nodes.Filter) and node.name == "fenced":
            assert node.node is not None
            walk(node.node, scope, True, shown)
            return
        path = path_of(node, scope)
        if path and shown and path[0] not in ("loop", ""):
            found.append((path[0], path[1], fenced))
            return
        for each in node.iter_child_nodes():
            walk(each, scope, fenced, shown)

    walk(ENVIRONMENT.parse(source), {}, False, False)
    return tuple(found)


def data_of(name: str) -> Iterator[Datum]:
    """Every place of a template that holds data: a fenced text, of each member where it is a list."""
    for root, keys, fenced in dict.fromkeys(uses(name)):
        if fenced:
            for spread in _spread(values()[root], keys):
                yield Datum(root, spread)


def _spread(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[str | int, ...]]:
    if not keys:
        yield ()
    elif keys[0] == "*":
        for place, each in enumerate(value):
            yield from ((place, *rest) for rest in _spread(each, keys[1:]))
    else:
        yield from ((keys[0], *rest) for rest in _spread(value[keys[0]], keys[1:]))


@dataclass(frozen=True)
class Shown:
    """A message as a judge sees it: what stands outside all fences, with a mark in place of each, and what in them."""

    outside: str
    inside: tuple[tuple[str, str], ...]


def look_at(message: str) -> Shown:
    """Take a message apart at its fences; each opens once, closes once, and none lies in another."""
    outside, inside, here = [], [], 0
    tags = list(FENCE.finditer(message))
    assert len(tags) % 2 == 0, "a fence is open at the end"
    for opening, closing in zip(tags[::2], tags[1::2], strict=True):
        assert (opening[1], closing[1]) == ("", "/"), "fences open and close in turn"
        assert opening.groups()[1:] == closing.groups()[1:], "a fence is closed by its own tag"
        outside += [message[here : opening.start()], f"<{opening[2]}>"]
        inside.append((opening[2], message[opening.end() + 1 : closing.start() - 1]))
        assert message[opening.end()] == message[closing.start() - 1] == "\n"
        here = closing.end()
    return Shown("".join([*outside, message[here:]]), tuple(inside))


def as_read(text: str) -> str:
    """A text without the marks that make tokens inert."""
    return text.replace(BREAK, "")
