"""Templates: Markdown files with a YAML head, one section per message, rendered apart.

    ---
    about: Which of two answers is better, under one principle.
    inputs: [question, facts, principle, first, second]
    ---
    <!-- system -->
    You compare two answers …
    <!-- user -->
    {{ question | fenced("question") }}

Roles are read from the template's own text, never from rendered text, so no document can open a turn of its own.
Templates run in Jinja's immutable sandbox; a variable that is missing or undeclared is an error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jinja2
import jinja2.meta
import jinja2.sandbox
import yaml

from prompts.inert import inert
from schemas.errors import RequestError, nearest
from schemas.rows import Message

SHIPPED = Path(__file__).parent
KEPT = 64
SECTION = re.compile(r"^<!-- (system|user|assistant) -->\n", re.MULTILINE)


def fenced(text: str, name: str) -> str:
    """`text`, made inert, between tags that it cannot close: they carry a hash of it, known only once the text is.

    A text that was searched for until it held its own hash gets another; tags of other fences in it are broken. The same
    text always gets the same tag, which keeps prefix caches warm.
    """
    shown, nonce = inert(text), _nonce(text)
    while nonce in shown.lower():
        nonce = _nonce(nonce + text)
    return f"<{name} {nonce}>\n{shown}\n</{name} {nonce}>"


def _nonce(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def _environment() -> jinja2.sandbox.ImmutableSandboxedEnvironment:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters.update(fenced=fenced, inert=inert)
    environment.globals.clear()  # a template sees its inputs and nothing else
    return environment


ENVIRONMENT = _environment()


@dataclass(frozen=True)
class Part:
    """One message of a template, with the variables it uses."""

    role: Literal["system", "user", "assistant"]
    source: jinja2.Template
    uses: tuple[str, ...]
    rendered: dict[tuple[Any, ...], str] = field(default_factory=dict, compare=False, repr=False)

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text of this message; a system message is the same for many units and is kept."""
        if self.role != "system":
            return self.source.render(variables).strip()
        values = tuple(variables[name] for name in self.uses if name in variables)
        if values not in self.rendered:
            if len(self.rendered) >= KEPT:
                self.rendered.clear()
            self.rendered[values] = self.source.render(variables).strip()
        return self.rendered[values]


@dataclass(frozen=True)
class Template:
    """One prompt template; `sha256` of its messages' source and is part of every fingerprint that uses it."""

    name: str
    about: str
    inputs: tuple[str, ...]
    parts: tuple[Part, ...]
    sha256: str
    path: Path

    def render(self, variables: Mapping[str, Any]) -> list[Message]:
        """The messages for these variables, each rendered on its own."""
        return [{"role": part.role, "content": part.render(variables)} for part in self.parts]


def load_template(path: Path, name: str) -> Template:
    """Read and check one template file; raises `RequestError` that names the file and what is wrong with it."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise RequestError(f"prompt file {str(path)!r} cannot be read: {problem}") from None
    head, body = _split_head(source, path)
    pieces = SECTION.split(body)
    if len(pieces) < 3 or pieces[0].strip():
        raise RequestError(f"{path}: a prompt starts with a line `<!-- system -->` or `<!-- user -->` after its head")
    inputs = tuple(head.get("inputs", ()))
    try:
        tree = ENVIRONMENT.parse(body)
        used = jinja2.meta.find_undeclared_variables(tree)
        parts = tuple(_part(role, text.strip()) for role, text in zip(pieces[1::2], pieces[2::2], strict=True))
    except jinja2.TemplateError as problem:
        raise RequestError(f"{path}: not a valid template: {str(problem).splitlines()[0]}") from None
    if any(jinja2.meta.find_referenced_templates(tree)):
        raise RequestError(f"{path}: a prompt stands alone; write out what it includes")
    if all(part.role != "user" for part in parts):
        raise RequestError(f"{path}: a prompt has a section `<!-- user -->`, the turn to be answered")
    if unknown := used - set(inputs):
        name_of = sorted(unknown)[0]
        raise RequestError(f"{path}: variable `{name_of}` is not among its inputs{nearest(name_of, inputs)}")
    digest = hashlib.sha256("\0".join(pieces[1:]).encode()).hexdigest()
    return Template(name, str(head.get("about", "")), inputs, parts, digest, path)


def shipped_template(name: str) -> Template:
    """The template that ships as `prompts/<stage>/<name>.md`."""
    return load_template(SHIPPED / f"{name}.md", name)


def _part(role: Any, text: str) -> Part:
    uses = tuple(sorted(jinja2.meta.find_undeclared_variables(ENVIRONMENT.parse(text))))
    return Part(role, ENVIRONMENT.from_string(text), uses)


def _split_head(source: str, path: Path) -> tuple[dict[str, Any], str]:
    match = re.match(r"---\n(.*?)\n---\n", source, re.DOTALL)
    if not match:
        raise RequestError(f"{path}: a prompt starts with a YAML head between two lines `---`")
    try:
        head = yaml.safe_load(match.group(1))
    except yaml.YAMLError as problem:
        raise RequestError(f"{path}: its head is not valid YAML: {str(problem).splitlines()[0]}") from None
    inputs = head.get("inputs", []) if isinstance(head, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(name, str) for name in inputs):
        raise RequestError(f"{path}: its head needs `inputs:`, a list of variable names")
    return head, source[match.end() :].lstrip("\n")
