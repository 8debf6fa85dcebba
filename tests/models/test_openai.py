"""The OpenAI engine against a real server on the loopback: what it asks, what it makes of replies, what it survives."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from aiohttp import web
from pydantic import BaseModel, Field

from pipeline.models.engine import open_engine
from pipeline.models.mock_knobs import Knobs
from pipeline.models.mock_server import MockServer, fail, say
from pipeline.models.openai import OpenAI
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Choice, Json, Request, Sampling, Shape, Text, Usage
from schemas.rows import Message


class Verdict(BaseModel):
    winner: Literal["a", "b", "tie"]
    score: int = Field(ge=1, le=10)
    rationale: str = Field("", max_length=60)


def spec(base_url: str | None, **changes: Any) -> ModelSpec:
    settings = {"attempts": 4, "timeout_seconds": 10, "engine_options": {"backoff_seconds": 0.01}, **changes}
    return ModelSpec(model=settings.pop("model", "mock"), engine="openai", base_url=base_url, **settings)


def call(text: str = "Hello?", shape: Shape = Text(), *, logprobs: int = 0, **sampling: Any) -> Call:  # noqa: B008
    request = Request("test", {}, "judge", shape, Sampling(**sampling), logprobs)
    messages: list[Message] = [{"role": "system", "content": "Be brief. " * 20}, {"role": "user", "content": text}]
    return Call(request, messages, "mock", 7, text)


@asynccontextmanager
async def opened(server: MockServer, **changes: Any) -> AsyncIterator[OpenAI]:
    async with server as base_url:
        engine = await OpenAI.open(spec(base_url, **changes))
        try:
            yield engine
        finally:
            await engine.close()


def in_turn(*replies: web.Response | str | None) -> Callable[[dict[str, Any]], web.Response | str | None]:
    """These replies, one per request, then the server's own."""
    queue = list(replies)
    return lambda body: queue.pop(0) if queue else None


async def test_a_call_becomes_the_body_that_every_server_knows() -> None:
    bodies: list[dict[str, Any]] = []
    async with opened(MockServer(bodies.append), options={"top_k": 5, "temperature": None}) as engine:
        await engine.complete(call(temperature=0.7, n=2, max_tokens=9, logprobs=3))
        await engine.complete(call(shape=Choice(("a", "b"))))
    sampled, greedy = bodies
    assert sampled["model"] == "mock"
    assert sampled["messages"][1] == {"role": "user", "content": "Hello?"}
    assert (sampled["n"], sampled["max_tokens"], sampled["seed"], sampled["top_p"]) == (2, 9, 7, 1.0)
    assert (sampled["logprobs"], sampled["top_logprobs"], sampled["top_k"]) == (True, 3, 5)
    assert "temperature" not in sampled
    assert "seed" not in greedy
    assert "logprobs" not in greedy
    assert greedy["response_format"]["json_schema"]["schema"]["properties"]["choice"]["enum"] == ["a", "b"]


async def test_the_token_limit_can_have_its_newer_name() -> None:
    bodies: list[dict[str, Any]] = []
    async with opened(MockServer(bodies.append), options={"max_completion_tokens": True}) as engine:
        await engine.complete(call(max_tokens=33))
    assert bodies[0]["max_completion_tokens"] == 33
    assert "max_tokens" not in bodies[0]


async def test_draws_come_in_the_order_of_their_index() -> None:
    def shuffled(body: dict[str, Any]) -> web.Response:
        indexes = [2, 0, 3, 1]
        choices = [{"index": i, "message": {"content": f"draw {i}"}, "finish_reason": "stop"} for i in indexes]
        return say({"model": "mock-2", "choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 9}})

    async with opened(MockServer(shuffled)) as engine:
        completion = await engine.complete(call(n=4, temperature=1.0))
    assert [draw.text for draw in completion.draws] == ["draw 0", "draw 1", "draw 2", "draw 3"]
    assert [draw.tokens for draw in completion.draws] == [2, 2, 2, 2]
    assert completion.model == "mock-2"
    assert completion.usage == Usage(calls=1, tokens_in=5, tokens_out=9)


async def test_a_reply_of_the_asked_shape_with_its_usage() -> None:
    async with opened(MockServer()) as engine:
        completion = await engine.complete(call(shape=Json(Verdict)))
    Verdict.model_validate_json(completion.text)
    assert completion.data is None
    assert completion.usage.calls == 1
    assert completion.usage.tokens_in > completion.usage.tokens_cached > 0
    assert completion.draws[0].tokens == completion.usage.tokens_out > 0


async def test_a_choice_comes_back_bare_with_the_log_probabilities_of_its_own_tokens() -> None:
    async with opened(MockServer()) as engine:
        completion = await engine.complete(call(shape=Choice(("good", "bad")), logprobs=2))
    draw = completion.draws[0]
    assert draw.text in ("good", "bad")
    (token,) = draw.logprobs
    assert token.token == draw.text
    assert token.alternatives.keys() == {"good", "bad"}
    assert draw.logprob == pytest.approx(token.logprob)
    assert token.logprob < 0
    assert completion.usage.tokens_out == draw.tokens


async def test_log_probabilities_of_free_text_add_up() -> None:
    async with opened(MockServer()) as engine:
        first, second = (await engine.complete(call(n=2, temperature=1.0, logprobs=3))).draws
    assert "".join(token.token for token in first.logprobs) == first.text
    assert first.logprob == pytest.approx(math.fsum(token.logprob for token in first.logprobs))
    assert first.tokens == len(first.logprobs)
    assert all(len(token.alternatives) == 3 for token in second.logprobs)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    server = MockServer(in_turn(fail(status, "not now"), fail(status, "not yet")))
    async with opened(server) as engine:
        completion = await engine.complete(call())
    assert completion.usage.calls == 1
    assert server.stats.by_status == {str(status): 2, "200": 1}


async def test_retry_after_is_waited_out() -> None:
    server = MockServer(in_turn(fail(429, "slow down", headers={"Retry-After": "0.3"})))
    async with opened(server) as engine:
        begun = asyncio.get_running_loop().time()
        await engine.complete(call())
        assert asyncio.get_running_loop().time() - begun >= 0.3


async def test_a_refusal_of_all_makes_the_others_wait_too() -> None:
    arrivals: list[float] = []

    def answer(body: dict[str, Any]) -> web.Response | None:
        arrivals.append(asyncio.get_running_loop().time())
        return fail(429, "slow down", headers={"Retry-After": "0.3"}) if len(arrivals) == 1 else None

    async with opened(MockServer(answer), concurrency=1) as engine:
        await asyncio.gather(*[engine.complete(call(str(number))) for number in range(3)])
    assert len(arrivals) == 4
    assert arrivals[1] - arrivals[0] >= 0.29


async def test_a_server_of_less_capacity_gets_less_load() -> None:
    server = MockServer(knobs=Knobs(latency_ms=20, capacity=4, retry_after=-1))
    async with opened(server, attempts=20, concurrency=64) as engine:
        await asyncio.gather(*[engine.complete(call(str(number))) for number in range(200)])
    # 60 slots too many are taken away in 120 refusals; after that few calls are refused.
    assert server.stats.by_status["429"] < 300


async def test_a_server_that_wants_no_retry_gets_none() -> None:
    server = MockServer(lambda body: fail(500, "do not", headers={"x-should-retry": "false"}))
    async with opened(server) as engine:
        with pytest.raises(Transient, match="1 attempts; the last: 500 do not"):
            await engine.complete(call())
    assert server.stats.calls == 1


async def test_attempts_end_with_the_last_cause() -> None:
    server = MockServer(lambda body: fail(502, "the backend is gone\nline two"))
    async with opened(server) as engine:
        with pytest.raises(Transient, match=r"4 attempts; the last: 502 the backend is gone$"):
            await engine.complete(call())
    assert server.stats.calls == 4


@pytest.mark.parametrize("reply", [
    web.Response(text="<html>"), say({}), say([]), say({"choices": None}), say({"error": {"message": "upstream"}}),
    say({"choices": [{"message": None}]}), say({"choices": [{"message": {"content": 3}}]}),
])  # fmt: skip
async def test_a_reply_that_is_none_is_paid_and_tried_again(reply: web.Response) -> None:
    async with opened(MockServer(in_turn(reply))) as engine:
        assert (await engine.complete(call())).usage.calls == 2


@pytest.mark.parametrize("text", "abcdef")
async def test_a_body_that_breaks_off_is_paid_and_tried_again(text: str) -> None:
    def answer(body: dict[str, Any]) -> None:
        server.knobs = Knobs(latency_ms=0)

    server = MockServer(answer, knobs=Knobs(latency_ms=0, p_cut_body=1.0))
    async with opened(server) as engine:
        assert (await engine.complete(call(text))).usage.calls == 2


async def test_too_few_draws_are_tried_again_and_their_tokens_counted() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1000}
    short = say({"choices": [{"index": 0, "message": {"content": "one"}}], "usage": usage})
    async with opened(MockServer(in_turn(short))) as engine:
        completion = await engine.complete(call(n=2, temperature=1.0))
    assert len(completion.draws) == 2
    assert completion.usage.calls == 2
    assert completion.usage.tokens_out > 1000


async def test_answers_stay_with_their_calls_under_faults_and_random_latency() -> None:
    knobs = Knobs(
        latency_ms=0, jitter_ms=40, p_429=0.05, p_500=0.05, p_reset=0.05, p_cut_body=0.05, retry_after=0.02
    )
    server = MockServer(lambda body: "answer to " + body["messages"][1]["content"], knobs=knobs)
    async with opened(server, attempts=20, concurrency=64) as engine:
        asked = [call(f"question {number}") for number in range(200)]
        completions = await asyncio.gather(*[engine.complete(one) for one in asked])
    assert [one.text for one in completions] == [f"answer to question {number}" for number in range(200)]
    assert server.stats.max_in_flight <= 64
    assert server.stats.calls > 200
    assert server.stats.in_flight == 0
    assert server.stats.answered.total() == len(server.stats.answered) == 200


async def test_a_silent_server_is_transient() -> None:
    server = MockServer(knobs=Knobs(latency_ms=0, p_hang=1.0))
    async with opened(server, timeout_seconds=0.2, attempts=2) as engine:
        with pytest.raises(Transient, match=r"2 attempts; the last: no reply in 0\.2 s"):
            await asyncio.wait_for(engine.complete(call()), 10)


async def test_a_server_that_stays_away_is_given_up() -> None:
    server = MockServer()
    base_url = await server.__aenter__()
    options = {"backoff_seconds": 0.01, "patience_seconds": 0.1}
    engine = await OpenAI.open(spec(base_url, attempts=2, engine_options=options))
    await server.__aexit__()
    async with asyncio.timeout(20):
        while True:
            with pytest.raises(Transient) as caught:
                await engine.complete(call())
            if "does not answer" in str(caught.value):
                break
    await engine.close()


async def test_cancelled_calls_leave_no_load_behind() -> None:
    async with opened(MockServer(knobs=Knobs(latency_ms=200)), concurrency=2) as engine:
        tasks = [asyncio.create_task(engine.complete(call(str(number)))) for number in range(6)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await asyncio.wait_for(engine.complete(call("after")), 5)).text


async def test_open_engine_opens_it() -> None:
    async with MockServer() as base_url:
        engine = await open_engine(spec(base_url))
        assert (await engine.complete(call())).text
        await engine.close()


async def test_a_prompt_that_is_no_unicode_is_unanswerable() -> None:
    async with opened(MockServer()) as engine:
        with pytest.raises(Unanswerable, match="bad_request"):
            await engine.complete(call("lone surrogate \ud800"))


async def test_an_option_that_is_ours_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(EngineError, match="option `n`"):
        await OpenAI.open(spec("http://127.0.0.1:9/v1", options={"n": 3}))
