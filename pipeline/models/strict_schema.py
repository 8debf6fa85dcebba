"""A pydantic model as the kind of JSON schema that constrained decoding takes everywhere.

OpenAI's strict mode wants every object closed and every property required, knows `anyOf` but not `oneOf`, and refuses
keywords beside a `$ref`. What pydantic adds for people (`title`, `default`) is dropped: it only costs tokens.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

ORNAMENTS = frozenset({"title", "default", "examples", "discriminator"})
UNKNOWN_TO_OPENAI = ORNAMENTS | {"minLength", "maxLength", "uniqueItems"}
NAMED = frozenset({"properties", "$defs"})
VERBATIM = frozenset({"enum", "const", "required"})


def strict_schema(model: type[BaseModel], *, hosted: bool) -> tuple[dict[str, Any], bool]:
    """The schema of a reply, and whether it is strict; a model with free-form mappings cannot be.

    `hosted` also drops the keywords that OpenAI's own server refuses; the reply is validated in full in any case.
    """
    plain = model.model_json_schema()
    if "$ref" in plain:  # a model that contains itself; the root must be an object all the same
        plain = {**plain["$defs"][model.__name__], "$defs": plain["$defs"]}
    schema = _tighten(plain, UNKNOWN_TO_OPENAI if hosted else ORNAMENTS)
    return schema, _is_closed(schema)


def _tighten(node: Any, dropped: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_tighten(child, dropped) for child in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    tight: dict[str, Any] = {}
    for key, value in node.items():
        if key in dropped:
            continue
        if key in NAMED:
            tight[key] = {name: _tighten(child, dropped) for name, child in value.items()}
        else:
            tight["anyOf" if key == "oneOf" else key] = value if key in VERBATIM else _tighten(value, dropped)
    if "properties" in tight:
        tight["required"] = list(tight["properties"])
        tight["additionalProperties"] = False
    return tight


def _is_closed(node: Any) -> bool:
    """Whether every object in a tightened schema says which properties it has."""
    if isinstance(node, list):
        return all(map(_is_closed, node))
    if not isinstance(node, dict):
        return True
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        return False
    return all(map(_is_closed, node.values()))
