"""Embeddings behind a server, in rehearsal, and what they cost: what is asked, what of a reply is taken, what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pipeline.judge.relevance import cosine
from pipeline.models.chat import Chat
from pipeline.models.embeddings import read_embeddings
from pipeline.models.leash import Leash
from pipeline.models.mock_knobs import Knobs
from pipeline.models.mock_replies import write_embeddings
from pipeline.models.mock_server import MockServer, fail, say
from pipeline.models.openai import OpenAI
from pipeline.models.pool import ModelPool
from pipeline.models.rehearsal.measure import embed
from pipeline.models.replies import BadReply
from prompts.library import Template, load_template, shipped_template
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.models import ModelSpec, Price
from schemas.requests import Call, Completion, Embed, Request, Sampling, Text, Usage

TEXTS = ("What turns?", "The stone turns.")


def call(*texts: str) -> Call:
    """A call for the vectors of these texts."""
    return Call(Request("own", {}, "default", Embed()), [{"role": "user", "content": each} for each in texts], "e", 7, "k")


def spec(base_url: str | None = None, **changes: Any) -> ModelSpec:
    """A model behind a server; without an address nobody has to be there."""
    machinery = {"attempts": 3, "timeout_seconds": 10, "engine_options": {"backoff_seconds": 0.01}}
    return ModelSpec.model_validate({"model": "e", "engine": "openai", "base_url": base_url, **machinery, **changes})


@asynccontextmanager
async def opened(server: MockServer, **changes: Any) -> AsyncIterator[OpenAI]:
    async with server as base_url:
        engine = await OpenAI.open(spec(base_url, **changes))
        try:
            yield engine
        finally:
            await engine.close()


def in_turn(*replies: web.Response | None) -> Callable[[dict[str, Any]], web.Response | None]:
    queue = list(replies)
    return lambda body: queue.pop(0) if queue else None


def listed(*vectors: Any, **fields: Any) -> dict[str, Any]:
    """A reply with these vectors."""
    return {"data": [{"index": index, "embedding": each} for index, each in enumerate(vectors)], **fields}


# --- what is asked ---------------------------------------------------------------------------------------------------


async def test_a_call_becomes_the_body_of_embeddings() -> None:
    bodies: list[dict[str, Any]] = []
    async with opened(MockServer(bodies.append), options={"dimensions": 16, "user": None}) as engine:
        completion = await engine.complete(call(*TEXTS))
    assert bodies == [{"model": "e", "input": list(TEXTS), "encoding_format": "float", "dimensions": 16}]
    assert len(completion.draws) == 1
    assert [len(vector) for vector in completion.data] == [32, 32]
    assert completion.text == ""
    assert completion.usage == Usage(calls=1, tokens_in=6)


@pytest.mark.parametrize("name", ["input", "encoding_format"])
def test_an_option_cannot_change_how_a_reply_is_read(name: str) -> None:
    with pytest.raises(EngineError, match=f"option `{name}`"):
        Chat(spec(options={name: "base64"}))


async def test_one_engine_answers_chats_and_embeddings() -> None:
    async with opened(MockServer(lambda body: "Hello." if "messages" in body else None)) as engine:
        chat = call("Hello?")
        spoken = await engine.complete(Call(Request("own", {}, "default", Text()), chat.messages, "e", 7, "k"))
        assert spoken.text == "Hello."
        assert len((await engine.complete(chat)).data) == 1


# --- what is taken of a reply ----------------------------------------------------------------------------------------


def test_vectors_are_in_the_order_of_the_texts() -> None:
    reply = listed([1, 0.5], [2.0, -3.0], model="served", usage={"prompt_tokens": 9, "total_tokens": 9})
    reply["data"].reverse()
    completion = read_embeddings(orjson.dumps(reply), call(*TEXTS))
    assert completion.data == ((1.0, 0.5), (2.0, -3.0))
    assert (completion.model, completion.usage) == ("served", Usage(calls=1, tokens_in=9))


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (listed([1.0]), "not one vector for each of 2 texts, but 1"),
        (listed([1.0], [1.0], [1.0]), "not one vector for each of 2 texts, but 3"),
        ({"data": [{"index": 1, "embedding": [1.0]}] * 2}, "not one vector for each of 2 texts, but 2"),
        (listed([1.0], [1.0, 2.0]), "vectors of unequal lengths"),
        (listed([1.0], ["2"]), "no list of embeddings"),
        (listed([1.0], [None]), "no list of embeddings"),
        (listed([1.0], [True]), "no list of embeddings"),
        (listed([], []), "no list of embeddings"),
        (listed("AACAPw==", "AACAPw=="), "no list of embeddings"),
        ({"data": [[1.0], [1.0]]}, "no list of embeddings"),
        ({"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]}, "no list of embeddings"),
        ({"choices": []}, "no list of embeddings"),
        ({"error": "out of memory"}, "an error under status 200: out of memory"),
        ([], "no list of embeddings"),
    ],
)
def test_what_is_not_one_vector_for_each_text_is_a_bad_reply(reply: Any, cause: str) -> None:
    with pytest.raises(BadReply, match=cause) as caught:
        read_embeddings(orjson.dumps(reply), call(*TEXTS))
    assert caught.value.usage.calls == 1


@given(raw=st.binary(max_size=60) | st.recursive(st.none() | st.floats() | st.text(max_size=5), st.lists).map(orjson.dumps))
def test_no_bytes_are_an_error_of_ours(raw: bytes) -> None:
    with pytest.raises(BadReply):
        read_embeddings(raw, call(*TEXTS))


async def test_a_bad_reply_is_asked_for_again_and_paid() -> None:
    bad = say(listed([1.0], usage={"prompt_tokens": 6}))
    async with opened(MockServer(in_turn(bad, fail(500, "no"), None))) as engine:
        completion = await engine.complete(call(*TEXTS))
    assert len(completion.data) == 2
    assert completion.usage == Usage(calls=2, tokens_in=12)


async def test_replies_that_stay_bad_leave_the_unit_for_later() -> None:
    async with opened(MockServer(knobs=Knobs(latency_ms=0.0, p_cut_json=1.0))) as engine:
        with pytest.raises(Transient, match="3 attempts; the last: not one vector for each of 2 texts, but 1"):
            await engine.complete(call(*TEXTS))


async def test_a_text_that_is_too_long_is_never_answered() -> None:
    reply = fail(400, "This model's maximum context length is 512 tokens")
    async with opened(MockServer(lambda body: reply)) as engine:
        with pytest.raises(Unanswerable) as caught:
            await engine.complete(call(*TEXTS))
    assert caught.value.reason == "prompt_too_long"


async def test_a_server_without_embeddings_is_named() -> None:
    async with opened(MockServer(lambda body: fail(404, "Not Found"), models=["e"])) as engine:
        with pytest.raises(EngineError, match="cannot answer for model 'e': 404 Not Found"):
            await engine.complete(call(*TEXTS))


# --- the mock server and the rehearsal -------------------------------------------------------------------------------


async def test_the_mock_refuses_what_is_no_request_for_embeddings() -> None:
    async with MockServer() as base_url, aiohttp.ClientSession() as session:
        for body in ({"model": "e", "messages": []}, {"model": "e", "input": [[1, 2]]}, {"model": "e", "input": []}):
            async with session.post(f"{base_url}/embeddings", json=body) as reply:
                assert reply.status == 400
                assert "not an embeddings request" in (await reply.json())["error"]["message"]


@given(text=st.text(max_size=40))
def test_the_mocks_vectors_have_length_1_and_are_a_function_of_the_text(text: str) -> None:
    asked = {"model": "e", "input": [text, text]}
    one, other = [entry["embedding"] for entry in write_embeddings(asked)["data"]]
    assert one == other
    assert cosine(one, other) == pytest.approx(1.0)
    assert sum(value * value for value in one) == pytest.approx(1.0)


def test_texts_that_share_words_are_near() -> None:
    for vectors in (
        [entry["embedding"] for entry in write_embeddings({"model": "e", "input": NEAR_AND_FAR})["data"]],
        [embed(text, "m") for text in NEAR_AND_FAR],
    ):
        near, far = cosine(vectors[0], vectors[1]), cosine(vectors[0], vectors[2])
        assert near is not None
        assert far is not None
        assert near > far + 0.3


NEAR_AND_FAR = ["The runner stone turns.", "The runner stone turns slowly.", "Bake bread with butter and jam."]


@given(text=st.text(max_size=40))
def test_a_rehearsed_vector_counts_the_words(text: str) -> None:
    vector = embed(text, "m")
    assert len(vector) == 64
    assert sum(vector) >= 1
    assert vector == embed(text, "m")


def test_another_rehearsed_model_has_other_vectors() -> None:
    assert embed(" ".join(NEAR_AND_FAR), "m") != embed(" ".join(NEAR_AND_FAR), "n")


# --- the pool --------------------------------------------------------------------------------------------------------


async def asked(template: Template, variables: dict[str, str], model: ModelSpec) -> tuple[Completion, float]:
    """The completion, and the most it could cost."""
    pool = ModelPool({"default": model})
    request = Request(template.name, variables, "default", Embed(), Sampling(max_tokens=10**6))
    try:
        templates = {template.name: template}
        return await pool.ask(request, templates), pool.most_cost(request, templates)
    finally:
        await pool.close()


async def test_each_turn_of_the_template_is_a_text() -> None:
    variables = {"text": "What turns?", "response": "The stone <|im_end|> turns."}
    rehearsed, _ = await asked(shipped_template("judge/relevance"), variables, spec(engine="rehearsal"))
    assert rehearsed.data == (embed("What turns?", "e"), embed("The stone <|im_end|> turns.", "e"))
    assert rehearsed.usage.tokens_out == 0


async def test_a_template_of_ones_own_adds_the_prefixes_a_model_wants(tmp_path: Path) -> None:
    path = tmp_path / "own.md"
    path.write_text("---\ninputs: [text]\n---\n<!-- user -->\nquery: {{ text }}\n")
    bodies: list[dict[str, Any]] = []
    async with MockServer(bodies.append) as base_url:
        await asked(load_template(path, "own"), {"text": "What turns?"}, spec(base_url))
    assert bodies[0]["input"] == ["query: What turns?"]


async def test_the_most_that_vectors_cost_has_no_tokens_out() -> None:
    variables = {"text": "What turns?", "response": "The stone."}
    async with MockServer() as base_url:
        model = spec(base_url, price=Price(input=2.0, output=1000.0))
        completion, most = await asked(shipped_template("judge/relevance"), variables, model)
    assert completion.usage.cost == pytest.approx(completion.usage.tokens_in * 2.0 / 1e6) != 0
    assert completion.usage.cost <= most < 0.01


def test_vectors_and_text_are_two_requests() -> None:
    pool = ModelPool({"default": spec(engine="rehearsal")})
    template = shipped_template("judge/relevance")
    variables = {"text": "What turns?", "response": "The stone."}
    keys = {
        pool._call(Request(template.name, variables, "default", shape), template, spec()).key
        for shape in (Text(), Embed())
    }
    assert len(keys) == 2


async def test_vllm_in_this_process_says_where_to_go() -> None:
    """Before anything of vLLM is touched, so it is said where vLLM is not installed too."""
    from pipeline.models.vllm import Vllm

    nothing: Any = None
    leash: Leash = nothing
    with pytest.raises(EngineError, match="serve 'e' with `vllm serve` and name the server as `engine: openai`"):
        await Vllm(spec(engine="vllm"), nothing, nothing, leash).complete(call(*TEXTS))
