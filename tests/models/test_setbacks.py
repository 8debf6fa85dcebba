"""What an error of a server means, for the shapes that OpenAI, vLLM, Ollama and proxies give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.setbacks import Server, Setback, read_error, read_retry_after
from schemas.errors import EngineError, Unanswerable

SERVER = Server("http://host/v1", "OUR_KEY", "sk-secret", ("qwen3-8b", "llama-70b"))


def read(status: int, body: Any = None, **headers: str) -> Setback:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return read_error(status, headers, raw, server=SERVER, model="qwen3-8b")


def openai_error(message: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}


@pytest.mark.parametrize(("body", "said"), [
    (openai_error("Slow down"), "503 Slow down"),
    ({"object": "error", "message": "Slow down", "code": 503}, "503 Slow down"),
    ({"error": "Slow down"}, "503 Slow down"),
    ({"detail": "Slow down"}, "503 Slow down"),
    (b"<html>\nBad gateway", "503 <html>"),
    (b"", "503"),
    (b"\xff\xfe", "503 \ufffd\ufffd"),
])  # fmt: skip
def test_every_server_says_it_elsewhere(body: Any, said: str) -> None:
    setback = read(503, body)
    assert setback.cause == said
    assert setback.is_overload
    assert not setback.is_final


@pytest.mark.parametrize(("status", "overload"), [(429, True), (503, True), (529, True), (500, False), (408, False)])
def test_only_some_setbacks_mean_too_much_load(status: int, overload: bool) -> None:
    assert read(status, openai_error("later")).is_overload is overload


@pytest.mark.parametrize(("status", "body", "reason"), [
    (400, openai_error("Too many tokens", "context_length_exceeded"), "prompt_too_long"),
    (400, {"message": "This model's maximum context length is 2048 tokens.", "code": 400}, "prompt_too_long"),
    (413, b"Request Entity Too Large", "prompt_too_long"),
    (429, openai_error("Request too large for gpt-5 on tokens per min", "rate_limit_exceeded"), "prompt_too_long"),
    (400, openai_error("The response was filtered", "content_filter"), "refused"),
    (403, {"error": {"message": "Your input was flagged", "code": 403}}, "refused"),
    (400, openai_error("Invalid schema for response_format"), "bad_request"),
    (422, {"detail": [{"msg": "field required"}]}, "bad_request"),
])  # fmt: skip
def test_some_errors_are_about_this_call(status: int, body: Any, reason: str) -> None:
    with pytest.raises(Unanswerable) as caught:
        read(status, body)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("status", "body", "said"), [
    (401, openai_error("Incorrect API key provided: sk-s****ret"), "the key in `OUR_KEY` (401)"),
    (402, openai_error("Insufficient balance"), "until it is paid"),
    (429, openai_error("quota", "insufficient_quota"), "until it is paid"),
    (403, openai_error("Country not supported"), "403 Country not supported"),
    (404, b"Not Found", "cannot answer for model 'qwen3-8b'"),
    (400, openai_error("no temperature here", "unsupported_value", "temperature"), "`options: {temperature: null}`"),
    (307, b"", "sends us on to https://host/v1 (307)"),
])  # fmt: skip
def test_some_errors_are_about_every_call(status: int, body: Any, said: str) -> None:
    with pytest.raises(EngineError) as caught:
        read(status, body, location="https://host/v1?token=1")
    assert said in str(caught.value)
    assert "****" not in str(caught.value)


def test_what_the_server_says_of_retrying_counts() -> None:
    assert read(500, b"", **{"x-should-retry": "false"}).is_final
    assert not read(400, b"", **{"x-should-retry": "true"}).is_final


def test_retry_after_is_read_in_all_its_forms() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (read_retry_after({"retry-after": later}) or 0) <= 30
    assert read_retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert read_retry_after({"retry-after": "0.2"}) == 0.2
    assert read_retry_after({"retry-after": "9", "retry-after-ms": "250"}) == 0.25
    for nonsense in ("", "soon", "nan", "inf", "-inf"):
        assert read_retry_after({"retry-after": nonsense}) is None


@given(st.text(max_size=30))
def test_retry_after_is_never_trusted(text: str) -> None:
    seconds = read_retry_after({"retry-after": text})
    assert seconds is None or seconds >= 0


@given(st.text(max_size=400), st.text(max_size=400))
def test_the_key_is_in_no_quotation(before: str, after: str) -> None:
    said = SERVER.hush(before + "sk-secret" + after)
    assert "sk-secret" not in said
    assert "\n" not in said
    assert "sk-secret" not in repr(SERVER)
