"""Embedding models in this process: what they give, that calls are encoded together, which model a folder is."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import builds
import numpy
import pytest
from word_vectors import MILL, make_model2vec, make_sentence_transformer

from pipeline.binding import bind
from pipeline.models.choose import choose, hash_of_files
from pipeline.models.encoder import MOST_TEXTS, Encoder
from pipeline.models.engine import open_engine
from schemas.errors import EngineError, RecipeError, RequestError, Unanswerable
from schemas.models import EngineName, ModelSpec
from schemas.recipe import read_recipe
from schemas.requests import Call, Embed, Request, Text

ENGINES: list[tuple[EngineName, Callable[[Path], Path]]] = [
    ("model2vec", make_model2vec),
    ("sentence-transformers", make_sentence_transformer),
]


def call(*texts: str, shape: Any = None) -> Call:
    """A call for the vectors of these texts."""
    messages: Any = [{"role": "user", "content": each} for each in texts]
    return Call(Request("judge/embed", {}, "default", shape or Embed()), messages, "m", 7, "k")


def made(engine: EngineName, make: Callable[[Path], Path], folder: Path, **changes: Any) -> ModelSpec:
    """The chosen specification of a model made for a test."""
    if engine == "sentence-transformers":
        pytest.importorskip("sentence_transformers")
    return choose(ModelSpec.model_validate({"model": str(make(folder)), "engine": engine, **changes})).spec


# --- what they give --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "make"), ENGINES)
async def test_a_text_is_the_mean_of_its_words(engine: EngineName, make: Any, tmp_path: Path) -> None:
    model = await open_engine(made(engine, make, tmp_path / "mill"))
    try:
        completion = await model.complete(call("Stone turns", "bread", "unheard", "", "bread \ud800"))
    finally:
        await model.close()
    both, bread, unheard, nothing, half = completion.data
    assert both == pytest.approx((0.5, 0.55, 0.0, 0.0))
    assert bread == pytest.approx((0.0, 0.0, 1.0, 0.0))
    assert not any((*unheard, *nothing))
    assert half[2] > 0
    assert completion.model == f"mill@{hash_of_files(tmp_path / 'mill')[:8]}"
    assert completion.usage.calls == 1
    assert completion.usage.tokens_out == 0 < completion.usage.tokens_in


@pytest.mark.parametrize(("engine", "make"), ENGINES)
async def test_many_calls_at_once_each_get_their_own_vectors(engine: EngineName, make: Any, tmp_path: Path) -> None:
    model = await open_engine(made(engine, make, tmp_path / "mill"))
    words = list(MILL) * 30
    try:
        completions = await asyncio.gather(*(model.complete(call(word, "stone")) for word in words))
    finally:
        await model.close()
    for word, completion in zip(words, completions, strict=True):
        assert completion.data[0] == pytest.approx(MILL[word])
        assert completion.data[1] == pytest.approx(MILL["stone"])


async def test_fewer_dimensions_and_fewer_tokens_are_options(tmp_path: Path) -> None:
    folder = make_model2vec(tmp_path / "mill", {f"w{number}": [1.0 * number, 2.0, 1.0] for number in range(1, 9)})
    spec = ModelSpec(model=str(folder), engine="model2vec", options={"dimensionality": 2, "max_length": 1})
    model = await open_engine(choose(spec).spec)
    completion = await model.complete(call("w1 w8", "w1"))
    await model.close()
    assert completion.data[0] == completion.data[1]
    assert len(completion.data[0]) == 2


# --- calls are encoded together --------------------------------------------------------------------------------------


def counting(batches: list[int], broken: str = "") -> Callable[[list[str]], Any]:
    """A model of one dimension, the length of the text; it notes how many texts came at once."""

    def encode(texts: list[str]) -> Any:
        batches.append(len(texts))
        if broken and broken in texts:
            raise RuntimeError("out of memory\nsecond line")
        return numpy.array([[numpy.nan if text == "nan" else len(text)] for text in texts], dtype=float)

    return encode


async def test_calls_under_way_are_encoded_together_and_never_too_many() -> None:
    batches: list[int] = []
    encoder = Encoder(ModelSpec(model="m", engine="model2vec"), counting(batches))
    texts = ["x" * (number % 7 + 1) for number in range(3000)]
    completions = await asyncio.gather(*(encoder.complete(call(text)) for text in texts))
    assert [completion.data for completion in completions] == [((float(len(text)),),) for text in texts]
    assert sum(batches) == 3000
    assert max(batches) == MOST_TEXTS
    assert len(batches) == 3
    batches.clear()
    big = await encoder.complete(call(*texts))  # one call is not torn apart
    assert (len(big.data), batches) == (3000, [3000])
    await encoder.close()


async def test_a_call_that_nobody_waits_for_any_more_takes_nothing_from_others() -> None:
    encoder = Encoder(ModelSpec(model="m", engine="model2vec"), counting([]))
    given_up = asyncio.create_task(encoder.complete(call("abc")))
    kept = asyncio.create_task(encoder.complete(call("ab")))
    await asyncio.sleep(0)
    given_up.cancel()
    assert (await kept).data == ((2.0,),)
    await encoder.close()


async def test_numbers_that_are_not_finite_fail_their_call_alone() -> None:
    encoder = Encoder(ModelSpec(model="m", engine="model2vec"), counting([]))
    good, bad = await asyncio.gather(
        encoder.complete(call("ab")), encoder.complete(call("a", "nan")), return_exceptions=True
    )
    assert not isinstance(good, BaseException)
    assert good.data == ((2.0,),)
    assert isinstance(bad, Unanswerable)
    assert bad.reason == "bad_vector"
    await encoder.close()


async def test_a_model_that_breaks_is_no_fault_of_the_texts() -> None:
    """The build stops with a sentence, and all units of the batch stay pending."""
    encoder = Encoder(ModelSpec(model="m", engine="sentence-transformers"), counting([], broken="ab"))
    ended = await asyncio.gather(*(encoder.complete(call(text)) for text in ("ab", "c")), return_exceptions=True)
    assert [str(problem) for problem in ended] == ["model 'm' cannot encode: RuntimeError: out of memory"] * 2
    assert all(isinstance(problem, EngineError) for problem in ended)
    assert (await encoder.complete(call("c"))).data == ((1.0,),)
    await encoder.close()


# --- which model a folder is -----------------------------------------------------------------------------------------


def test_a_local_model_is_what_its_files_are(tmp_path: Path) -> None:
    folder = make_model2vec(tmp_path / "mill")
    spec = ModelSpec(model=str(folder), engine="model2vec")
    identity = choose(spec).spec.identity()
    (folder / "README.md").write_text("another card")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock").write_text("x")
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "mill")
    assert choose(spec).spec.identity() == identity
    assert choose(ModelSpec(model=str(moved), engine="model2vec")).spec.identity() == identity
    assert choose(choose(spec).spec).spec.identity() == identity
    make_model2vec(folder, MILL | {"bread": (0.0, 0.0, 0.5, 0.5)})
    assert choose(spec).spec.identity() != identity


def test_names_and_contents_of_files_do_not_run_together(tmp_path: Path) -> None:
    found = set()
    for number, files in enumerate([{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "bc", "d": ""}]):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        found.add(hash_of_files(folder))
    assert len(found) == 4


def test_a_revision_of_a_folder_has_to_be_its_own(tmp_path: Path) -> None:
    spec = ModelSpec(model=str(make_model2vec(tmp_path / "mill")), engine="model2vec")
    pinned = choose(spec).spec.revision
    assert choose(spec.model_copy(update={"revision": pinned})).spec.revision == pinned
    with pytest.raises(EngineError, match=f"whose files are revision '{pinned}', not 'main'"):
        choose(spec.model_copy(update={"revision": "main"}))


def test_a_folder_that_is_not_there_is_told_before_anything_is_loaded() -> None:
    for name in ("./nowhere", "/nowhere/at/all", "~/nowhere"):
        with pytest.raises(EngineError, match="is no folder"):
            choose(ModelSpec(model=name, engine="model2vec"))
    named = ModelSpec(model="minishlab/potion-base-8M", engine="model2vec", revision="abc")
    assert choose(named).spec.identity() == named.identity()


# --- what is told ----------------------------------------------------------------------------------------------------


async def test_an_embedding_model_answers_nothing_else() -> None:
    encoder = Encoder(ModelSpec(model="m", engine="model2vec"), counting([]))
    with pytest.raises(EngineError, match=r"only turns texts into vectors \(engine `model2vec`\).*'judge/embed'"):
        await encoder.complete(call("Hello?", shape=Text()))
    await encoder.close()


@pytest.mark.parametrize(
    ("engine", "changes", "complaint"),
    [
        ("model2vec", {"options": {"dimensions": 8}}, "unknown option `dimensions`.*did you mean `dimensionality`"),
        ("model2vec", {"options": {"max_length": 0}}, "option `max_length` .* is 0; give a whole number above 0"),
        ("model2vec", {"engine_options": {"batch": 8}}, "unknown engine option `batch`"),
        ("sentence-transformers", {"options": {"trust_remote_code": True}}, "unknown option `trust_remote_code`"),
        ("sentence-transformers", {"engine_options": {"device": 1}}, "engine option `device` .* is 1; give a word"),
        ("sentence-transformers", {"options": {"truncate_dim": True}}, "`truncate_dim` .* is True; give a whole number"),
    ],
)
async def test_wrong_options_are_told(engine: EngineName, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EngineError, match=complaint):
        await open_engine(ModelSpec.model_validate({"model": "m", "engine": engine, **changes}))


@pytest.mark.parametrize("engine", ["model2vec", "sentence-transformers"])
async def test_a_folder_without_a_model_is_told(engine: EngineName, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if engine == "sentence-transformers":
        pytest.importorskip("sentence_transformers")
    with pytest.raises(EngineError, match=f"cannot be loaded by {engine}: ."):
        await open_engine(choose(ModelSpec(model=str(tmp_path), engine=engine)).spec)


@pytest.mark.parametrize(
    ("engine", "module", "extra"),
    [
        ("model2vec", "model2vec", "embeddings"),
        ("model2vec", "numpy", "embeddings"),
        ("sentence-transformers", "sentence_transformers", "sentence-transformers"),
    ],
)
async def test_what_is_not_installed_is_told_with_how_to_get_it(
    engine: EngineName, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as Python does where a module is not to be found
    with pytest.raises(RequestError, match=rf"the engine `{engine}` needs {module}: pip install 'prefmill\[{extra}\]'"):
        await open_engine(ModelSpec(model="m", engine=engine))


def recipe(folder: Path, judge: Any, models: dict[str, Any], before: Sequence[Any] = ("sample/gold",)) -> Path:
    """A recipe that ends with one judge."""
    steps = ["mine/chunk", {"mine/qa": {"model": "writer"}}, *before, judge]
    return builds.write_recipe(folder, steps=steps, models={"writer": {"model": "rehearsal"}, **models})


def test_check_finds_a_judge_that_cannot_judge(tmp_path: Path) -> None:
    small = {"small": {"model": "minishlab/potion-base-8M", "engine": "model2vec"}}
    judge = {"judge/pairwise": {"principle": "helpful", "model": "small"}}
    with pytest.raises(RecipeError, match="`judge/pairwise` asks model `small`, whose engine `model2vec` only turns"):
        bind(read_recipe(recipe(tmp_path, judge, small)))
    for key in ("judge/embed", "judge/relevance"):
        bind(read_recipe(recipe(tmp_path, {key: {"model": "small"}}, small)))
        with pytest.raises(RecipeError, match=f"`{key}` wants vectors, which the engine `vllm` does not give"):
            bind(read_recipe(recipe(tmp_path, {key: {"model": "own"}}, {"own": {"model": "x/y", "engine": "vllm"}})))
