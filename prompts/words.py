"""Words kept as data: principles, aspects of a rubric, criteria … in YAML files that recipes name.

A file holds one (`prompts/principles/helpful.yaml`) or a set of them under `members:`
(`prompts/principles/salmon_reward.yaml`). A recipe names one (`helpful`, `salmon_reward/concise`), in the plural a whole
set (`salmon_reward`), or gives files of its own (`./kind.yaml`, `./ours.yaml/brief`), relative to itself. JSON is YAML too,
so files that programs write (`./calibration.json`) will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from prompts.library import SHIPPED
from schemas.errors import RequestError, nearest

MEMBERS = "members"
SUFFIXES = (".yaml", ".yml", ".json")


class Words(BaseModel):
    """One named piece of words; `folder` is where the shipped ones lie, `kind` what they are called in a sentence.

    `labels_only` names the fields that a judge is never shown: they weigh its verdicts later, and so are no part of what
    identifies the asking. `lies_at` names the fields that say where something lies, which never identify it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: ClassVar[str]
    kind: ClassVar[str]
    labels_only: ClassVar[tuple[str, ...]] = ()
    lies_at: ClassVar[tuple[str, ...]] = ()

    name: str

    @classmethod
    def shipped(cls) -> list[str]:
        """The names of all shipped files of this kind, sets included."""
        return sorted(path.stem for path in (SHIPPED / cls.folder).glob("*.yaml"))

    @classmethod
    def is_named(cls, value: Any) -> bool:
        """Whether a value in a recipe names words that are to be loaded; others are spelled out."""
        return isinstance(value, str)

    @classmethod
    def load(cls, name: str, beside: Path) -> Self:
        """The one that `name` stands for; `RequestError` says what is wrong with a name or its file."""
        found = cls.load_all(name, beside)
        if len(found) != 1:
            raise RequestError(
                f"{cls.kind} {name!r} is a set of {len(found)}; name one, such as `{name}/{found[0].name}`"
            )
        return found[0]

    @classmethod
    def load_all(cls, name: str, beside: Path) -> list[Self]:
        """All that `name` stands for: the members of a set, or the one."""
        path, member = cls._find(name, beside)
        found = cls._read(path)
        if member is None:
            return found
        chosen = [each for each in found if each.name == member]
        if not chosen:
            near = nearest(member, [each.name for each in found])
            raise RequestError(f"there is no {cls.kind} {member!r} in {name.rpartition('/')[0]!r}{near}")
        return chosen

    @classmethod
    def _find(cls, name: str, beside: Path) -> tuple[Path, str | None]:
        """The file of a name, and the member in it that is meant."""
        stem, slash, member = name.rpartition("/")
        for own, part in ((name, None), (stem, member)):
            if own.endswith(SUFFIXES):
                if not (beside / own).is_file():
                    raise RequestError(f"{cls.kind} {own!r} is not a file")
                return beside / own, part
        shipped = cls.shipped()
        for known, part in ((name, None), (stem, member if slash else None)):
            if known in shipped:
                return SHIPPED / cls.folder / f"{known}.yaml", part
        raise RequestError(f"{name!r} is not {_a(cls.kind)}{nearest(name, shipped)}")

    @classmethod
    def _read(cls, path: Path) -> list[Self]:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            members = content[MEMBERS] if isinstance(content, Mapping) and MEMBERS in content else [content]
            if not isinstance(members, list) or not members:
                raise RequestError(f"{path}: `{MEMBERS}` is a list of at least one {cls.kind}")
            found = [cls.model_validate(_as_written(each)) for each in members]
        except ValidationError as problem:
            first = problem.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or path.name
            raise RequestError(f"{path} is not {_a(cls.kind)}: `{place}`: {first['msg']}") from None
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as problem:
            raise RequestError(f"{path} is not {_a(cls.kind)}: {str(problem).splitlines()[0]}") from None
        names = [each.name for each in found]
        if twice := [name for name in names if names.count(name) > 1]:
            raise RequestError(f"{path} has two of the name {twice[0]!r}; rename one")
        return found


def _as_written(value: Any) -> Any:
    """YAML's own types as they are; what is no mapping is left for validation to complain of."""
    return dict(value) if isinstance(value, Mapping) else value


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
