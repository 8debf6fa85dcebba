"""The parameters of a step: names of words become the words, plurals become one step each, and all are checked."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from prompts.words import Words
from schemas.errors import RequestError, nearest
from schemas.recipe import RecipeFile, StepSpec

Params = dict[str, Any]


def expand(file: RecipeFile, index: int, step: StepSpec, strategy_class: type[Any]) -> list[tuple[str, Params]]:
    """The steps that a step stands for: what tells each apart, and its parameters.

    A strategy's `each` says which parameters may be given in the plural: `principles: salmon_reward` is one step for each
    principle of the set, `models: [small, large]` one for each judge.
    """
    each: Mapping[str, str] = getattr(strategy_class, "each", {})
    plurals = [name for name in each if name in step.params]
    if not plurals:
        return [("", dict(step.params))]
    hints = get_type_hints(strategy_class)
    choices = []
    for plural in plurals:
        singular = each[plural]
        if singular in step.params:
            raise file.mistake(
                f"`{step.strategy}` has both `{singular}` and `{plural}`; give one of them", "steps", index, plural
            )
        members = _members(file, index, plural, step.params[plural], words_in(hints[singular]))
        choices.append([(name, singular, value) for name, value in members])
    kept = {name: value for name, value in step.params.items() if name not in each}
    return [
        (", ".join(name for name, _, _ in combination), kept | {singular: value for _, singular, value in combination})
        for combination in itertools.product(*choices)
    ]


def _members(
    file: RecipeFile, index: int, plural: str, value: Any, kind: type[Words] | None
) -> list[tuple[str, Any]]:
    """What a plural parameter names, each with the name that stands in its step's label."""
    values = value if isinstance(value, list) else [value]
    members: list[tuple[str, Any]] = []
    for each in values:
        if kind is not None and isinstance(each, str):
            try:
                found = kind.load_all(each, file.path.parent)
            except RequestError as problem:
                raise file.mistake(str(problem), "steps", index, plural) from None
            members += [(one.name, one.model_dump()) for one in found]
        else:
            members.append((str(each.get("name", each)) if isinstance(each, dict) else str(each), each))
    names = [name for name, _ in members]
    if not names:
        raise file.mistake(f"`{plural}` is empty; give at least one", "steps", index, plural)
    if twice := [name for name in names if names.count(name) > 1]:
        raise file.mistake(f"`{plural}` names {twice[0]!r} twice", "steps", index, plural)
    return members


def words_in(hint: Any) -> type[Words] | None:
    """The kind of words that a parameter of this type takes, if it takes any."""
    if isinstance(hint, type) and get_origin(hint) is None and issubclass(hint, Words):
        return hint
    return next((found for part in get_args(hint) if (found := words_in(part)) is not None), None)


def make_strategy(file: RecipeFile, index: int, key: str, strategy_class: type[Any], given: Params) -> Any:
    """The strategy with its parameters, each checked; raises `RecipeError` for the first mistake."""
    hints = get_type_hints(strategy_class)
    fields = {field.name for field in dataclasses.fields(strategy_class)}
    params = dict(given)
    for name, value in given.items():
        if name not in fields and (instead := getattr(strategy_class, "retired", {}).get(name)):
            raise file.mistake(f"`{key}` has no parameter `{name}` any more; write {instead}", "steps", index, name)
        if name not in fields:
            known = fields | set(getattr(strategy_class, "each", {}))
            raise file.mistake(f"`{key}` has no parameter `{name}`{nearest(str(name), known)}", "steps", index, name)
        kind = words_in(hints[name])
        if kind is not None:
            try:
                params[name] = _with_words(value, kind, file, is_many=_is_many(hints[name]))
            except RequestError as problem:
                raise file.mistake(str(problem), "steps", index, name) from None
    try:
        # JSON in strict mode: lists become tuples, but "3" does not become 3, nor 0.5 an integer.
        return TypeAdapter(strategy_class).validate_json(json.dumps(params, allow_nan=False), strict=True)
    except ValidationError as problem:
        raise _mistake(problem, file, index, key, hints) from None
    except (TypeError, ValueError) as problem:
        raise file.mistake(
            f"`{key}`: parameters are plain numbers, words and lists ({problem})", "steps", index
        ) from None


def _is_many(hint: Any) -> bool:
    return get_origin(hint) in (tuple, list) or any(_is_many(part) for part in get_args(hint))


def _with_words(value: Any, kind: type[Words], file: RecipeFile, *, is_many: bool) -> Any:
    """A parameter with the words in place of their names."""
    beside = file.path.parent
    if not is_many:
        return kind.load(value, beside).model_dump() if kind.is_named(value) else value
    if not isinstance(value, list) and not kind.is_named(value):
        return value
    loaded: list[Any] = []
    for each in value if isinstance(value, list) else [value]:
        loaded += [one.model_dump() for one in kind.load_all(each, beside)] if kind.is_named(each) else [each]
    return loaded


def _mistake(problem: ValidationError, file: RecipeFile, index: int, key: str, hints: Mapping[str, Any]) -> Exception:
    """The first complaint of pydantic as a sentence about the recipe."""
    first = problem.errors(include_url=False)[0]
    place: Sequence[int | str] = [
        part for part in first["loc"] if not isinstance(part, str) or not part.startswith("function")
    ]
    name = str(place[0]) if place else ""
    said = first["msg"].removeprefix("Value error, ")
    inner = getattr(hints.get(name), "model_fields", {})
    if first["type"] == "extra_forbidden":
        message = f"`{key}`: `{name}` has no key `{place[-1]}`{nearest(str(place[-1]), inner)}"
    elif first["type"] == "missing" and len(place) > 1:
        message = f"`{key}`: `{name}` needs the key `{place[-1]}`"
    elif first["type"] == "missing":
        message = f"`{key}` needs the parameter `{place[-1]}`"
    else:
        message = (
            f"`{key}`: `{'.'.join(map(str, place))}` is {first['input']!r}: {said}" if place else f"`{key}`: {said}"
        )
    return file.mistake(message, "steps", index, *place)


def identity_of(strategy: Any) -> Params:
    """The parameters that could change an answer: all but model aliases, what no judge is shown, and where things lie."""
    params: Params = TypeAdapter(type(strategy)).dump_python(strategy, mode="json")
    for field in ("model", "models"):
        params.pop(field, None)
    for name, hint in get_type_hints(type(strategy)).items():
        kind = words_in(hint)
        if kind is not None and name in params:
            hidden = kind.labels_only if getattr(strategy, "prompts", ()) else ()
            params[name] = _without(params[name], {*hidden, *kind.lies_at})
    return params


def _without(value: Any, fields: Collection[str]) -> Any:
    if isinstance(value, list):
        return [_without(each, fields) for each in value]
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name not in fields}
    return value
