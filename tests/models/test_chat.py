"""Bodies and replies of chat completions without a network: schemas, choices, refusals, log-probabilities."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from pipeline.models.chat import Chat, read_completion
from pipeline.models.replies import BadReply
from pipeline.models.strict_schema import strict_schema
from schemas.errors import Unanswerable
from schemas.models import ModelSpec
from schemas.requests import Call, Choice, Json, Request, Sampling, Shape, Text


class Quote(BaseModel):
    """A property named like a keyword must survive, its ornaments must not."""

    title: str
    default: int = 3
    tags: list[str] = []


class Tree(BaseModel):
    kind: Literal["leaf", "twig"]
    quote: Quote | None = None
    children: list[Tree] = []


class Scores(BaseModel):
    model_config = ConfigDict(extra="allow")

    by_name: dict[str, int]


def call(shape: Shape, *, n: int = 1, logprobs: int = 0) -> Call:
    request = Request("test", {}, "judge", shape, Sampling(n=n, temperature=1.0), logprobs)
    return Call(request, [{"role": "user", "content": "?"}], "mock", 7, "k")


def reply(*choices: dict[str, Any]) -> bytes:
    return orjson.dumps({"choices": [{"index": index, **choice} for index, choice in enumerate(choices)]})


def objects(node: Any) -> list[dict[str, Any]]:
    """Every object schema within a schema."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    here = [node] if isinstance(node, dict) and "properties" in node and node.get("type") == "object" else []
    return here + [found for child in children for found in objects(child)]


def test_a_strict_schema_is_closed_and_requires_everything() -> None:
    schema, strict = strict_schema(Tree, hosted=False)
    assert strict
    assert schema["type"] == "object"
    assert "$ref" not in schema
    found = objects(schema)
    assert len(found) == 3
    for node in found:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    quote = schema["$defs"]["Quote"]
    assert quote["required"] == ["title", "default", "tags"]
    assert quote["properties"]["title"] == {"type": "string"}
    assert quote["properties"]["default"] == {"type": "integer"}


def test_a_free_form_mapping_makes_a_schema_lenient() -> None:
    schema, strict = strict_schema(Scores, hosted=False)
    assert not strict
    assert schema["properties"]["by_name"]["additionalProperties"] == {"type": "integer"}


def test_the_response_format_is_named_after_its_class() -> None:
    body = orjson.loads(Chat(ModelSpec()).write(call(Json(Quote))))
    wanted = body["response_format"]["json_schema"]
    assert (wanted["name"], wanted["strict"]) == ("quote", True)


@given(st.text(max_size=12), st.data())
def test_a_choice_is_found_however_the_tokenizer_cuts(option: str, data: st.DataObject) -> None:
    text = orjson.dumps({"choice": option}).decode()
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    # vLLM lists the end token too; a reasoning model's tokens come before its text.
    tokens = [{"token": piece, "logprob": -0.5} for piece in ["</think>", *pieces, "<eos>"]]
    content = [{**token, "top_logprobs": [token]} for token in tokens]
    raw = reply({"message": {"content": text}, "logprobs": {"content": content}})
    draw = read_completion(raw, call(Choice((option,)), logprobs=1)).draws[0]
    assert draw.text == option
    assert "".join(token.token for token in draw.logprobs) == orjson.dumps(option).decode()[1:-1]
    assert all(token.token in token.alternatives for token in draw.logprobs)
    if option:
        assert draw.logprob is not None
        assert math.isclose(draw.logprob, -0.5 * len(draw.logprobs))


@given(st.text(st.sampled_from("ab水é🌾"), min_size=1, max_size=4), st.data())
def test_a_choice_is_found_where_tokens_cut_its_characters(option: str, data: st.DataObject) -> None:
    """OpenAI writes half a character as an escape beside its bytes; vLLM as nothing, and the rest as the whole."""
    text = orjson.dumps({"choice": option}).decode()
    whole = text.encode()
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, len(whole) - 1)))), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(cuts)]
    escaped = [{"token": repr(piece), "bytes": list(piece), "logprob": -0.5} for piece in pieces]
    spoken = [len(whole[:cut].decode(errors="ignore")) for cut in cuts]
    delayed = [{"token": text[start:end], "logprob": -0.5} for start, end in itertools.pairwise(spoken)]
    start, end = (len(text[:place].encode()) for place in (text.index(option), text.index(option) + len(option)))
    inside = sum(low < end and high > start for low, high in itertools.pairwise(cuts))
    # What vLLM leaves of a token that ends in half a character cannot be told from one that ends before it.
    for tokens, least in ((escaped, inside), (delayed, 1)):
        content = [{**token, "top_logprobs": [token]} for token in tokens]
        raw = reply({"message": {"content": text}, "logprobs": {"content": content}})
        draw = read_completion(raw, call(Choice((option,)), logprobs=1)).draws[0]
        assert draw.text == option
        assert least <= len(draw.logprobs) <= inside
        assert draw.logprob == pytest.approx(-0.5 * len(draw.logprobs))


def test_tokens_that_do_not_spell_the_reply_give_no_logprob() -> None:
    content = [{"token": "?", "logprob": -0.1, "bytes": None, "top_logprobs": []}]
    raw = reply({"message": {"content": '{"choice":"A"}'}, "logprobs": {"content": content}})
    draw = read_completion(raw, call(Choice(("A",)), logprobs=1)).draws[0]
    assert (draw.text, draw.logprob, draw.logprobs) == ("A", None, ())


@pytest.mark.parametrize("text", ["good", '{"choice": "go', "", '{"verdict": "good"}'])
def test_a_choice_that_is_not_wrapped_is_left_as_it_is(text: str) -> None:
    assert read_completion(reply({"message": {"content": text}}), call(Choice(("good",)))).text == text


def test_alternatives_lose_the_json_glued_to_them() -> None:
    content = [
        {"token": '{"choice":', "logprob": -0.1, "top_logprobs": []},
        {"token": '"A"}', "logprob": -0.2, "top_logprobs": [
            {"token": '"A"}', "logprob": -0.2}, {"token": '"B"}', "logprob": -1.9}, {"token": " I", "logprob": -5.0},
            {"token": '"C"}', "logprob": -9999.0},
        ]},
    ]  # fmt: skip
    raw = reply({"message": {"content": '{"choice":"A"}'}, "logprobs": {"content": content}})
    draw = read_completion(raw, call(Choice(("A", "B")), logprobs=3)).draws[0]
    assert draw.logprobs[0].alternatives == {"A": -0.2, "B": -1.9}
    assert draw.logprob == -0.2


def test_a_refusal_is_unanswerable() -> None:
    refused = {"message": {"content": None, "refusal": "I cannot help.\nSorry."}}
    filtered = {"message": {"content": "half an ans"}, "finish_reason": "content_filter"}
    for choice, said in ((refused, "I cannot help."), (filtered, "stopped by the server's content filter")):
        with pytest.raises(Unanswerable) as caught:
            read_completion(reply(choice), call(Text()))
        assert (caught.value.reason, caught.value.detail) == ("refused", said)


def test_one_refusal_among_several_draws_is_an_empty_one() -> None:
    raw = reply({"message": {"content": "yes"}}, {"message": {"content": None, "refusal": "no"}})
    first, second = read_completion(raw, call(Text(), n=2)).draws
    assert (first.text, first.finish_reason) == ("yes", "stop")
    assert (second.text, second.finish_reason) == ("", "content_filter")


FIELDS = st.sampled_from(["choices", "message", "content", "index", "usage", "logprobs", "prompt_tokens"])


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_no_json_whatever_breaks_the_reader(value: Any) -> None:
    try:
        completion = read_completion(orjson.dumps(value), call(Text()))
    except (BadReply, Unanswerable):
        return
    assert isinstance(completion.text, str)
