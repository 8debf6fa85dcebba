"""The vLLM engine on a tiny random model: what it answers is gibberish, that it answers each call as asked is not."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from pydantic import BaseModel, Field, create_model

from pipeline.models.vllm import Vllm
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Choice, Completion, Json, Request, Sampling, Score, Shape, Text
from tests.tiny_model import CHAT_TEMPLATE, EXPECTS_VLLM, make_tiny_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.skipif(not EXPECTS_VLLM, reason="vLLM is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]

ROOT = Path(__file__).parents[2]
# One process less to start, and no more memory than a tiny model needs.
MACHINERY: dict[str, Any] = {"distributed_executor_backend": "uni", "kv_cache_memory_bytes": 2**28}
LONG = "A long passage that all questions share. " * 80


class Verdict(BaseModel):
    reason: str = Field(max_length=20)
    score: int = Field(ge=1, le=5)
    vote: Literal["a", "b", "tie"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.getbasetemp() / "tiny-model")


@pytest.fixture(scope="module", autouse=True)
def _one_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tiny_model: Path) -> AsyncIterator[Vllm]:
    engine = await Vllm.open(spec_of(tiny_model))
    yield engine
    await engine.close()


def spec_of(model: Path, **fields: Any) -> ModelSpec:
    return ModelSpec(model=str(model), engine="vllm", **{"engine_options": MACHINERY, **fields})


def ask(
    text: str = "What is a mill?", *, shape: Shape | None = None, seed: int = 7, logprobs: int = 0, **sampling: Any
) -> Call:
    drawing = Sampling(**{"temperature": 1.0, "max_tokens": 16, **sampling})
    request = Request("judge/any", {}, "tiny", shape or Text(), drawing, logprobs)
    return Call(request, [{"role": "user", "content": text}], "tiny", seed, "req_1")


async def test_free_text_comes_with_its_usage(engine: Vllm) -> None:
    completion = await engine.complete(ask())
    assert completion.text
    assert completion.model == "tiny"
    assert completion.draws[0].finish_reason in ("stop", "length")
    assert completion.draws[0].data is None
    assert completion.draws[0].logprob is None
    assert completion.usage.calls == 1
    assert completion.usage.tokens_in > 5
    assert completion.usage.tokens_out == completion.draws[0].tokens <= 16


async def test_draws_of_one_request_differ_and_share_one_prefill(engine: Vllm) -> None:
    completion = await engine.complete(ask(LONG, n=4))
    assert len({draw.text for draw in completion.draws}) == 4
    assert completion.usage.tokens_out == sum(draw.tokens for draw in completion.draws)
    assert 0 < completion.usage.tokens_cached < completion.usage.tokens_in


async def test_a_shared_beginning_is_computed_once(engine: Vllm) -> None:
    first = await engine.complete(ask("Read this. " + LONG + "Who wrote it?"))
    second = await engine.complete(ask("Read this. " + LONG + "When was it?"))
    assert first.usage.tokens_cached == 0
    assert second.usage.tokens_cached > second.usage.tokens_in / 2


async def test_a_choice_is_one_of_its_options(engine: Vllm) -> None:
    options = ("[[A]]", "[[B]]", 'neither "one"')
    texts = {(await engine.complete(ask(shape=Choice(options), seed=seed))).text for seed in range(12)}
    assert len(texts) > 1
    assert texts <= set(options)


async def test_json_follows_the_schema(engine: Vllm) -> None:
    completion = await engine.complete(ask(shape=Json(Verdict), n=3, max_tokens=200))
    for draw in completion.draws:
        assert draw.finish_reason == "stop"
        assert draw.data is None
        Verdict.model_validate_json(draw.text)


async def test_logprobs_are_there_when_asked_for_and_finite(engine: Vllm) -> None:
    draw = (await engine.complete(ask(logprobs=3))).draws[0]
    assert len(draw.logprobs) == draw.tokens
    for token in draw.logprobs:
        assert 3 <= len(token.alternatives) <= 4
        assert all(math.isfinite(logprob) and logprob <= 0 for logprob in token.alternatives.values())
    assert draw.logprob == pytest.approx(sum(token.logprob for token in draw.logprobs))


async def test_a_given_text_is_scored_as_the_model_that_wrote_it_did(engine: Vllm) -> None:
    """What greedy decoding said of its own tokens is what scoring says of the same text."""
    # Random weights write tokens that another cutting of the text would join: such texts have two log-probabilities.
    tokenizer = engine._engine.get_tokenizer()
    drawn = [(await engine.complete(ask(logprobs=1, seed=seed, max_tokens=3))).draws[0] for seed in range(24)]
    same = [draw for draw in drawn if [token.token for token in draw.logprobs] == _cut(tokenizer, draw.text)]
    assert len(same) >= 3
    for draw in same[:5]:
        scored = (await engine.complete(ask(shape=Score(draw.text)))).draws[0]
        assert scored.text == draw.text
        assert scored.tokens == draw.tokens
        assert scored.logprob == pytest.approx(draw.logprob, abs=0.005)  # another prompt's is off by ten times that


def _cut(tokenizer: Any, text: str) -> list[str]:
    return [tokenizer.decode([number]) for number in tokenizer.encode(text, add_special_tokens=False)]


async def test_the_score_of_two_halves_is_that_of_the_whole(engine: Vllm) -> None:
    first, second = "The mill", " stone"
    whole = (await engine.complete(ask("Mill?", shape=Score(first + second)))).draws[0]
    half = (await engine.complete(ask("Mill?", shape=Score(first)))).draws[0]
    assert half.logprob is not None
    assert whole.logprob is not None
    assert whole.logprob < half.logprob < 0
    assert whole.tokens > half.tokens


async def test_the_probabilities_of_a_choice_leave_out_what_is_ruled_out(engine: Vllm) -> None:
    draw = (await engine.complete(ask(shape=Choice(("A", "B")), logprobs=5))).draws[0]
    first = draw.logprobs[0].alternatives
    assert set(first) == {"A", "B"}
    assert sum(map(math.exp, first.values())) == pytest.approx(1.0, abs=1e-3)


async def test_a_seed_fixes_the_draws(engine: Vllm) -> None:
    one, again, other = await asyncio.gather(*[engine.complete(ask(n=2, seed=seed)) for seed in (1, 1, 9)])
    assert one.draws == again.draws
    assert not {draw.text for draw in one.draws} & {draw.text for draw in other.draws}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (ask("long " * 9000), "prompt_too_long"),
        (ask("long " * 99000), "prompt_too_long"),
        (ask(temperature=0.0, n=2), "bad_request"),
        (ask(temperature=7.0), "bad_request"),
        (ask(logprobs=1000), "bad_request"),
        (ask(shape=Choice(())), "bad_request"),
        (ask("half a character: \ud800"), "bad_request"),
    ],
    ids=["long", "very long", "greedy twice", "hot", "many logprobs", "no choice", "no text"],
)
async def test_what_can_never_be_answered_says_why(engine: Vllm, call: Call, reason: str) -> None:
    with pytest.raises(Unanswerable) as caught:
        await engine.complete(call)
    assert caught.value.reason == reason
    assert "\n" not in caught.value.detail
    assert (await engine.complete(ask())).text


async def test_many_calls_at_once_stay_with_their_answers(engine: Vllm) -> None:
    def mixed(number: int) -> Call:
        if number % 4 == 0:
            return ask(shape=Choice((f"yes {number}", f"no {number}")), seed=number)
        if number % 4 == 1:
            fields: Any = {"number": (Literal[number], ...)}
            return ask(shape=Json(create_model(f"Reply{number}", **fields)), seed=number)
        return ask(f"Number {number}", seed=number, n=number % 4, logprobs=number % 2)

    completions = await asyncio.gather(*[engine.complete(mixed(number)) for number in range(64)])
    for number, completion in enumerate(completions):
        if number % 4 == 0:
            assert completion.text in (f"yes {number}", f"no {number}")
        elif number % 4 == 1:
            assert completion.text == f'{{"number":{number}}}'
        else:
            assert len(completion.draws) == number % 4
    for number in (2, 3, 62, 63):
        assert texts_of(await engine.complete(mixed(number))) == texts_of(completions[number])


def texts_of(completion: Completion) -> list[str]:
    return [draw.text for draw in completion.draws]


async def test_a_cancelled_call_leaves_the_batch(engine: Vllm) -> None:
    tasks = [asyncio.create_task(engine.complete(ask(seed=seed, n=2, max_tokens=4000))) for seed in range(8)]
    while not engine._engine.get_num_unfinished_requests():
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))
    assert engine._engine.get_num_unfinished_requests() == 0
    assert (await engine.complete(ask())).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"engine_options": {"max_model_length": 9}}, "`max_model_length`; did you mean `max_model_len`?"),
        ({"engine_options": {"revision": "main"}}, "`revision` says which model it is"),
        ({"engine_options": {"max_model_len": 10**6}}, "cannot be loaded by vLLM: User-specified max_model_len"),
        ({"engine_options": {"dtype": "int3"}}, "cannot be loaded by vLLM: dtype: Input should be"),
        ({"options": {"topk": 3}}, "; did you mean `top_k`?"),
        ({"options": {"top_p": 3}}, "top_p must be in"),
        ({"options": {"n": 3}}, "is set by prefmill"),
        ({"options": {"chat_template": "chat.jinja"}}, "must be a template"),
        ({"options": {"chat_template": "{{ raise_exception('no') }}"}}, "has no chat template that works (no)"),
    ],
)
async def test_a_mistaken_option_is_refused_before_the_model_is_loaded(
    tiny_model: Path, fields: dict[str, Any], said: str
) -> None:
    children = multiprocessing.active_children()
    with pytest.raises(EngineError) as caught:
        await Vllm.open(spec_of(tiny_model, **fields))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert multiprocessing.active_children() == children


async def test_a_model_without_a_chat_template_is_refused_unless_one_is_given(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "mute", chat_template=None)
    with pytest.raises(EngineError, match=r"has no chat template that works .*`options: \{chat_template"):
        await Vllm.open(spec_of(model))
    (model / "model.safetensors").unlink()
    with pytest.raises(EngineError, match="cannot be loaded by vLLM: Cannot find any model weights"):
        await Vllm.open(spec_of(model, options={"chat_template": CHAT_TEMPLATE}))


async def test_a_missing_model_is_named() -> None:
    with pytest.raises(EngineError, match=r"model '/nowhere': there is no such folder"):
        await Vllm.open(ModelSpec(model="/nowhere", engine="vllm"))


async def test_a_dead_engine_says_so_and_an_ending_one_leaves_its_calls_open(tiny_model: Path) -> None:
    others = set(multiprocessing.active_children())
    mortal = await Vllm.open(spec_of(tiny_model))
    (process,) = set(multiprocessing.active_children()) - others
    assert process.pid is not None
    waiting = asyncio.create_task(mortal.complete(ask(n=4, max_tokens=4000)))
    while not mortal._engine.get_num_unfinished_requests():
        await asyncio.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    with pytest.raises(Transient):
        await waiting
    with pytest.raises(EngineError, match="vLLM's engine died"):
        await asyncio.wait_for(ask_for_ever(mortal), timeout=30)
    await mortal.close()
    mortal._leash.log.unlink()


async def ask_for_ever(engine: Vllm) -> None:
    while True:
        await engine.complete(ask())


async def test_a_cancelled_opening_leaves_no_process_behind(tiny_model: Path) -> None:
    others = set(multiprocessing.active_children())
    opening = asyncio.create_task(Vllm.open(spec_of(tiny_model)))
    while set(multiprocessing.active_children()) == others:
        assert not opening.done()
        await asyncio.sleep(0.01)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(30):
        while set(multiprocessing.active_children()) != others:
            await asyncio.sleep(0.1)


async def test_a_killed_parent_leaves_no_engine_behind(tiny_model: Path, tmp_path: Path) -> None:
    code = (
        "import asyncio, multiprocessing, time\n"
        "from pipeline.models.vllm import Vllm\n"
        "from schemas.models import ModelSpec\n"
        "async def main():\n"
        f"    engine = await Vllm.open(ModelSpec.model_validate_json({spec_of(tiny_model).model_dump_json()!r}))\n"
        "    print(*[child.pid for child in multiprocessing.active_children()], flush=True)\n"
        "    time.sleep(300)\n"
        "asyncio.run(main())\n"
    )
    # No socket can be made in a folder with so long a name, and vLLM makes its own in the one for temporary files.
    folder, errors = tmp_path / ("long" * 20), tmp_path / "errors"
    folder.mkdir()
    with errors.open("w") as output, subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)}, text=True,
        stdout=subprocess.PIPE, stderr=output,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in (await asyncio.to_thread(parent.stdout.readline)).split()]
        assert pids, errors.read_text()[-4000:]
        assert all(map(is_alive, pids))
        parent.kill()
    deadline = time.monotonic() + 15
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, "the engine outlived its parent"
        await asyncio.sleep(0.1)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
