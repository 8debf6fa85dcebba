"""The models of a build: replies have the shape that was asked for or are asked for again, and every call is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pytest
import scripted
from pydantic import BaseModel
from scripted import said

from pipeline.models.pool import SHAPE_ATTEMPTS, ModelPool, price_of, usage_of
from prompts.library import Template, load_template
from schemas.errors import EngineError, Transient, Unanswerable
from schemas.models import ModelSpec, Price
from schemas.requests import Call, Choice, Completion, Json, Request, Sampling, Shape, Usage

SPEC = ModelSpec(model="m", engine="openai", price=Price(input=1.0, output=2.0, cached_input=0.5))


class Colour(BaseModel):
    """A reply."""

    colour: Literal["red", "blue"]


@pytest.fixture
def templates(tmp_path: Path) -> dict[str, Template]:
    """One template with one input."""
    path = tmp_path / "own.md"
    path.write_text("---\ninputs: [text]\n---\n<!-- user -->\n{{ text }}\n")
    return {"own": load_template(path, "own")}


def request(shape: Shape | None = None, *, text: str = "Which colour?", model: str = "default", **more: Any) -> Request:
    """A request to the one model."""
    return Request("own", {"text": text}, model, **({"shape": shape} if shape else {}), **more)


def replies(monkeypatch: pytest.MonkeyPatch, *those: Completion | Exception) -> scripted.Log:
    """Engines that say these one after another, whoever asks."""
    waiting: Iterable[Completion | Exception] = iter(those)

    async def answer(call: Call) -> Completion:
        reply = next(iter(waiting))
        if isinstance(reply, Exception):
            raise reply
        return reply

    return scripted.install(monkeypatch, answer)


async def ask(templates: dict[str, Template], what: Request, spec: ModelSpec = SPEC) -> Completion:
    """Ask once with a fresh pool."""
    pool = ModelPool({"default": spec})
    try:
        return await pool.ask(what, templates)
    finally:
        await pool.close()


# --- shapes ----------------------------------------------------------------------------------------------------------


async def test_free_text_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    log = replies(monkeypatch, said("  anything \n"))
    completion = await ask(templates, request())
    assert completion.text == "  anything \n"
    assert log.calls[0].messages == [{"role": "user", "content": "Which colour?"}]


async def test_json_comes_back_as_the_object_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, templates: Any
) -> None:
    replies(monkeypatch, said('{"colour": "red"}'))
    assert (await ask(templates, request(Json(Colour)))).data == Colour(colour="red")


@pytest.mark.parametrize(
    "wrong", ["", "red", '{"colour": "green"}', '{"colour": "red"', '["red"]', "null", '{"colour": null}']
)
async def test_a_reply_of_another_shape_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, templates: Any, wrong: str
) -> None:
    log = replies(monkeypatch, said(wrong), said('{"colour": "blue"}'))
    completion = await ask(templates, request(Json(Colour)))
    assert completion.data == Colour(colour="blue")
    assert completion.usage.calls == len(log.calls) == 2


async def test_a_choice_is_one_of_the_options(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    replies(monkeypatch, said("purple"), said("red"))
    assert (await ask(templates, request(Choice(("red", "blue"))))).text == "red"


async def test_all_draws_have_the_shape(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    replies(monkeypatch, said("red", "purple"), said("red", "blue"))
    completion = await ask(templates, request(Choice(("red", "blue")), sampling=Sampling(n=2, temperature=1)))
    assert [draw.text for draw in completion.draws] == ["red", "blue"]


async def test_asking_again_is_asking_with_another_seed(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    """With the same seed a model that can be repeated would repeat its mistake."""
    log = replies(monkeypatch, *[said("?")] * (SHAPE_ATTEMPTS - 1), said('{"colour": "red"}'))
    await ask(templates, request(Json(Colour)))
    assert len({call.seed for call in log.calls}) == SHAPE_ATTEMPTS
    assert len({call.key for call in log.calls}) == 1


async def test_a_shape_that_cannot_be_had_is_unanswerable_and_paid(
    monkeypatch: pytest.MonkeyPatch, templates: Any
) -> None:
    replies(monkeypatch, *[said("?", tokens_in=10, tokens_out=5)] * 10)
    with pytest.raises(Unanswerable) as caught:
        await ask(templates, request(Json(Colour)))
    assert caught.value.reason == "unparsable_reply"
    used = usage_of(caught.value)
    assert (used.calls, used.tokens_in, used.tokens_out) == (SHAPE_ATTEMPTS, 10 * SHAPE_ATTEMPTS, 5 * SHAPE_ATTEMPTS)
    assert used.cost == pytest.approx(SHAPE_ATTEMPTS * (10 * 1.0 + 5 * 2.0) / 1e6)


async def test_a_reply_cut_by_the_token_limit_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, templates: Any
) -> None:
    log = replies(monkeypatch, said('{"colour": "re', finish_reason="length"), said('{"colour": "red"}'))
    with pytest.raises(Unanswerable) as caught:
        await ask(templates, request(Json(Colour), sampling=Sampling(max_tokens=5)))
    assert caught.value.reason == "truncated_reply"
    assert "5 tokens" in caught.value.detail
    assert usage_of(caught.value).calls == len(log.calls) == 1


async def test_a_whole_reply_at_the_token_limit_is_taken(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    replies(monkeypatch, said('{"colour": "red"}', finish_reason="length"))
    assert (await ask(templates, request(Json(Colour)))).data == Colour(colour="red")


# --- the bill --------------------------------------------------------------------------------------------------------


async def test_usage_adds_up_over_attempts(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    replies(
        monkeypatch,
        said("?", tokens_in=100, tokens_out=10, cached=0),
        said("?", tokens_in=100, tokens_out=20, cached=80),
        said('{"colour": "red"}', tokens_in=100, tokens_out=30, cached=100),
    )
    used = (await ask(templates, request(Json(Colour)))).usage
    assert (used.calls, used.tokens_in, used.tokens_out, used.tokens_cached) == (3, 300, 60, 180)
    assert used.cost == pytest.approx((120 * 1.0 + 180 * 0.5 + 60 * 2.0) / 1e6)


def test_cached_tokens_cost_as_much_as_others_unless_priced() -> None:
    used = Usage(1, 100, 10, 40)
    assert price_of(used, ModelSpec(price=Price(input=1.0, output=2.0))) == pytest.approx(120 / 1e6)
    assert price_of(used, ModelSpec(price=Price(input=1.0, output=2.0, cached_input=0.0))) == pytest.approx(80 / 1e6)
    assert price_of(used, ModelSpec()) == 0


@pytest.mark.parametrize(
    "problem", [Transient("the server is busy"), EngineError("wrong key"), Unanswerable("refused", "by a filter")]
)
async def test_what_an_engine_raises_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, templates: Any, problem: Exception
) -> None:
    log = replies(monkeypatch, problem)
    with pytest.raises(type(problem)) as caught:
        await ask(templates, request(Json(Colour)))
    assert caught.value is problem
    assert len(log.calls) == 1


async def test_a_wrong_reply_before_a_refusal_is_paid_too(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    replies(monkeypatch, said("?"), Unanswerable("refused", "by a filter"))
    with pytest.raises(Unanswerable) as caught:
        await ask(templates, request(Json(Colour)))
    assert usage_of(caught.value).calls == 1


# --- engines ---------------------------------------------------------------------------------------------------------


async def echo(call: Call) -> Completion:
    """Says what it was asked, after a while that depends on it."""
    await asyncio.sleep(int(call.messages[0]["content"]) * 0.001)
    return said(call.messages[0]["content"])


async def test_an_engine_is_opened_by_its_first_request(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    log = scripted.install(monkeypatch, echo)
    pool = ModelPool({"default": SPEC, "other": ModelSpec(model="o", engine="openai")})
    assert log.opened == []
    await pool.ask(request(text="1"), templates)
    assert [spec.model for spec in log.opened] == ["m"]
    await pool.close()
    assert log.closed == 1


async def test_aliases_of_one_model_share_an_engine(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    log = scripted.install(monkeypatch, echo)
    pool = ModelPool({"default": SPEC, "judge": SPEC, "other": SPEC.model_copy(update={"model": "o"})})
    whom = ["default", "judge", "other"] * 5
    await asyncio.gather(*(pool.ask(request(text="1", model=each), templates) for each in whom))
    assert sorted(spec.model for spec in log.opened) == ["m", "o"]
    await pool.close()
    assert log.closed == 2


async def test_answers_stay_with_their_questions_whatever_comes_first(
    monkeypatch: pytest.MonkeyPatch, templates: Any
) -> None:
    scripted.install(monkeypatch, echo)
    pool = ModelPool({"default": SPEC})
    found = await asyncio.gather(*(pool.ask(request(text=str(number)), templates) for number in range(30, 0, -1)))
    assert [completion.text for completion in found] == [str(number) for number in range(30, 0, -1)]
    await pool.close()


async def test_a_model_without_an_engine_is_an_engine_error(templates: Any) -> None:
    with pytest.raises(EngineError, match="has no engine"):
        await ask(templates, request(), ModelSpec(model="m"))


async def key_of(monkeypatch: pytest.MonkeyPatch, templates: Any, what: Request, spec: ModelSpec = SPEC) -> str:
    """The key under which a request is asked."""
    log = replies(monkeypatch, said("red"))
    await ask(templates, what, spec)
    return log.calls[0].key


async def test_a_call_is_known_by_what_it_asks_and_of_whom(monkeypatch: pytest.MonkeyPatch, templates: Any) -> None:
    shape = Choice(("red", "blue"))
    same = [
        await key_of(monkeypatch, templates, request(shape), SPEC.model_copy(update=update))
        for update in ({}, {"base_url": "http://x"}, {"concurrency": 3}, {"price": Price()}, {"timeout_seconds": 1.0})
    ]
    other = [
        await key_of(monkeypatch, templates, what, spec)
        for what, spec in [
            (request(shape, text="Which colour ?"), SPEC),
            (request(), SPEC),
            (request(Choice(("red",))), SPEC),
            (request(shape, salt=1), SPEC),
            (request(shape, logprobs=3), SPEC),
            (request(shape, sampling=Sampling(temperature=0.1)), SPEC),
            (request(shape, sampling=Sampling(max_tokens=9)), SPEC),
            (request(shape), SPEC.model_copy(update={"model": "o"})),
            (request(shape), SPEC.model_copy(update={"revision": "r"})),
            (request(shape), SPEC.model_copy(update={"options": {"top_k": 1}})),
        ]
    ]
    assert len(set(same)) == 1
    assert len({*same, *other}) == 1 + len(other)
