"""Where answers come from: which of a prompt's candidates a recipe means by a role, a model or a strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from schemas.errors import nearest
from schemas.fingerprints import derive_seed
from schemas.rows import Response

WHERE = ("role", "model", "strategy")
Source = str | dict[str, str]
"""A role by its name, or what several columns of a response must say: `gold`, `{model: small}`, `{role: student,
strategy: grid t=1}`."""


def told(source: Source) -> str:
    """A source in words."""
    return source if isinstance(source, str) else ", ".join(f"{name} {source[name]}" for name in sorted(source))


def is_from(response: Response, source: Source) -> bool:
    """Whether a response is of a source."""
    wanted: Mapping[str, str] = {"role": source} if isinstance(source, str) else source
    return all(getattr(response, name) == value for name, value in wanted.items())


def responses_from(candidates: Iterable[Response], sources: Sequence[Source]) -> list[list[Response]]:
    """The candidates of each source, by id; one that several sources fit belongs to the first of them."""
    found: list[list[Response]] = [[] for _ in sources]
    for response in sorted(candidates, key=lambda each: each.response_id):
        place = next((number for number, source in enumerate(sources) if is_from(response, source)), None)
        if place is not None:
            found[place].append(response)
    return found


def some_of(responses: Sequence[Response], most: int | None, *seed: str | int) -> list[Response]:
    """At most so many of these, drawn by their ids, in the order they are drawn; all of them without a number."""
    drawn = sorted(responses, key=lambda each: (derive_seed(*seed, each.response_id), each.response_id))
    return drawn[:most]


def check_sources(name: str, sources: Sequence[Source]) -> None:
    """Raise `ValueError` for a source that no answer can be of, or that is named twice: its second place would be empty."""
    for source in sources:
        columns = ["role"] if isinstance(source, str) else list(source)
        if unknown := [each for each in columns if each not in WHERE]:
            raise ValueError(f"`{name}`: a source says {', '.join(WHERE)}, not {unknown[0]!r}{nearest(unknown[0], WHERE)}")
        if not columns or not all([source] if isinstance(source, str) else source.values()):
            raise ValueError(f"`{name}` has an empty source; name a role, or give role, model or strategy")
    if twice := [each for each in sources if list(sources).count(each) > 1]:
        raise ValueError(f"`{name}` names {told(twice[0])!r} twice")
