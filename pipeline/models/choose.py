"""Which engine and model a specification means on this machine, and why."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import EngineError
from schemas.models import AUTO, EMBEDDERS, FILES, REHEARSAL, EngineName, ModelSpec


@dataclass(frozen=True, slots=True)
class Chosen:
    """A specification that names its engine and model, with the sentence that says why."""

    spec: ModelSpec
    why: str


def choose(spec: ModelSpec, *, engine: EngineName | None = None) -> Chosen:
    """Resolve one specification; `engine` overrides the recipe's.

    With no engine named: the rehearsal model if that is the model; else vLLM if a GPU and vLLM are here; else an
    OpenAI-compatible server from the environment; else the rehearsal model. With no model named, `$PREFMILL_MODEL`.
    On the rehearsal engine, `model` becomes `rehearsal:<model>`: what it writes is not that model's.
    """
    model = spec.model if spec.model != AUTO else os.environ.get("PREFMILL_MODEL") or AUTO
    wanted = engine or spec.engine
    if wanted:
        why = "asked for"
    else:
        wanted, why = _first_there(spec, model)
    if wanted == "rehearsal":
        name = (
            REHEARSAL
            if model in (AUTO, REHEARSAL)
            else model
            if model.startswith(f"{REHEARSAL}:")
            else f"{REHEARSAL}:{model}"
        )
        return Chosen(spec.model_copy(update={"model": name, "engine": wanted}), why)
    if model in (AUTO, REHEARSAL):
        raise EngineError(
            f"engine `{wanted}` needs a model; name one under `models:` in the recipe or in $PREFMILL_MODEL"
        )
    spec = spec.model_copy(update={"model": model, "engine": wanted})
    return Chosen(_pinned(spec) if wanted in EMBEDDERS else spec, why)


def choose_all(specs: Mapping[str, ModelSpec], *, engine: EngineName | None = None) -> dict[str, Chosen]:
    """Resolve every specification of a recipe by alias."""
    return {alias: choose(spec, engine=engine) for alias, spec in specs.items()}


def _pinned(spec: ModelSpec) -> ModelSpec:
    """An embedding model of a local folder with the hash of its files as its revision, so that other files are another.

    A recipe may give that revision itself: then the files have to be those.
    """
    folder = Path(spec.model).expanduser()
    if not folder.is_dir():
        if spec.model.startswith((".", "/", "~")):
            raise EngineError(f"model {spec.model!r} is no folder; give the folder of an embedding model, or its hub name")
        return spec
    found = FILES + hash_of_files(folder)
    if spec.revision not in (None, found):
        raise EngineError(
            f"model {spec.model!r} is a local folder whose files are revision {found!r}, not {spec.revision!r}; "
            "leave `revision` out, or give that one"
        )
    return spec.model_copy(update={"revision": found})


def hash_of_files(folder: Path) -> str:
    """20 hex digits for the names and contents of all files in a folder and below, but for hidden ones and its card."""
    whole = hashlib.blake2b(digest_size=10)
    names = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != "README.md"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    for name, path in names:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b").hexdigest()
        whole.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _first_there(spec: ModelSpec, model: str) -> tuple[EngineName, str]:
    """The first engine that is there, and why."""
    if model == REHEARSAL or model.startswith(f"{REHEARSAL}:"):
        return "rehearsal", "the recipe names the rehearsal model"
    if spec.base_url:
        return "openai", "the recipe gives a base_url"
    has_gpu = shutil.which("nvidia-smi") is not None
    if has_gpu and importlib.util.find_spec("vllm") is not None and model != AUTO:
        return "vllm", "vLLM and a GPU are here"
    if os.environ.get("OPENAI_BASE_URL") or os.environ.get(spec.api_key_env):
        if model == AUTO:
            raise EngineError(
                "the environment names an OpenAI-compatible server but no model; set $PREFMILL_MODEL, name a model in "
                "the recipe, or rehearse with --engine rehearsal"
            )
        return "openai", "the environment names a server"
    if model != AUTO:
        raise EngineError(
            f"no engine for model {model!r}: install vLLM on a GPU machine (pip install 'prefmill[vllm]'), set OPENAI_BASE_URL, "
            "or rehearse with --engine rehearsal"
        )
    return "rehearsal", "no model is named, and there is neither a GPU with vLLM nor a server in the environment"
