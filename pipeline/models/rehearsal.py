"""The rehearsal model: no GPU, no key, no network. It answers our own prompts from their variables, by rules.

It rehearses a recipe in seconds, prices it, and gives tests a planted truth: an answer is as good as the share of the
known facts it repeats, less what it adds. Its words are stamped `rehearsal` and are not training data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import EngineError, nearest
from schemas.models import ModelSpec
from schemas.requests import Call, Completion, Draw, Usage
from schemas.tokens import estimate_tokens

BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+#>|]|\d+[.)]|```))|```[^\n]*")
"""Where one paragraph, list item, table row or heading ends; a sentence may run over lines but not over these."""
CODE = re.compile(r"^ {0,3}```.*?(?:^ {0,3}```[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"\S.*?(?:[.!?](?=\s|$)|[。！？]|$)", re.DOTALL)
WORD = re.compile(r"\w+")
VERB = re.compile(
    r"^(?P<subject>(?:\S+\s+){0,7}?\S+?)\s+(?P<verb>is|are|was|were|has|have|can|must|means|makes|keeps|takes|gives|runs|holds)\s"
)
MARKUP = re.compile(r"[*`#>|]+")
PADDING = " In general, many further considerations could be mentioned here, and opinions on the matter differ."
UNKNOWN = "I do not know the answer to that."
LEAST_WORDS = 4


class Options(BaseModel):
    """How the rehearsal model errs; all are probabilities.

    `misquote`: a mined evidence has a word changed. `noise`: the judge says the opposite of what it sees.
    `position_bias`: the judge takes the answer shown first without looking.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    misquote: Annotated[float, Field(ge=0, le=1)] = 0.03
    noise: Annotated[float, Field(ge=0, le=1)] = 0.03
    position_bias: Annotated[float, Field(ge=0, le=1)] = 0.06


class Dice:
    """Numbers in [0, 1) that depend on their seeds and nothing else."""

    def __init__(self, *seeds: Any) -> None:
        self._seed = repr(seeds).encode()
        self._rolls = 0

    def roll(self) -> float:
        """The next number."""
        self._rolls += 1
        digest = hashlib.blake2b(self._seed + self._rolls.to_bytes(4, "big"), digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56


class Rehearsal:
    """The rehearsal engine."""

    def __init__(self, spec: ModelSpec, options: Options) -> None:
        self._model, self._options = spec.model, options

    @classmethod
    async def open(cls, spec: ModelSpec) -> Rehearsal:
        """Check the options; there is nothing to start. Options meant for the model rehearsed are not ours to judge."""
        if spec.model.startswith("rehearsal:"):
            return cls(spec, Options())
        try:
            return cls(spec, Options.model_validate(spec.options))
        except ValidationError as problem:
            first = problem.errors(include_url=False)[0]
            name = str(first["loc"][0])
            way = nearest(name, Options.model_fields) if first["type"] == "extra_forbidden" else f": {first['msg']}"
            raise EngineError(f"the rehearsal model has a wrong option `{name}`{way}") from None

    async def complete(self, call: Call) -> Completion:
        """Answer from the variables of the request; raises `EngineError` for a prompt that has no rehearsal."""
        answer = ANSWERS.get(call.request.prompt)
        if answer is None:
            raise EngineError(
                f"the rehearsal model cannot play {call.request.prompt!r}; it knows {', '.join(sorted(ANSWERS))}"
            )
        count = call.request.sampling.n
        is_greedy = call.request.sampling.temperature == 0
        texts = []
        for draw in range(count):
            # The key carries the rendered prompt, so another prompt gives another draw; greedy decoding has no seed.
            dice = Dice(self._model, call.key, 0 if is_greedy else call.seed, draw)
            texts.append(answer(call.request.variables, dice, self._options))
        tokens = [estimate_tokens(text) for text in texts]
        tokens_in = sum(estimate_tokens(message["content"]) for message in call.messages)
        draws = tuple(Draw(text, tokens=size) for text, size in zip(texts, tokens, strict=True))
        return Completion(draws, self._model, Usage(calls=1, tokens_in=tokens_in, tokens_out=sum(tokens)))

    async def close(self) -> None:
        """Nothing to let go of."""


def mine_questions(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """Extractive questions: a sentence, a question about its subject, and the sentence as the answer."""
    sentences = sentences_of(variables["passage"])
    items = []
    for _ in range(min(int(variables["count"]), len(sentences))):
        evidence = sentences.pop(int(dice.roll() * len(sentences)))
        question = question_about(evidence, variables["heading"] or variables["title"])
        if dice.roll() < options.misquote:
            evidence = " ".join(["Allegedly", *evidence.split()[1:]])
        plain = plain_text(evidence)
        items.append(
            {
                "evidence": evidence[:1000],
                "analysis": f"The sentence states a fact of {len(plain.split())} words that a reader may look for.",
                "question": question[:400],
                "answer": plain[:2000],
            }
        )
    return orjson.dumps({"items": items}).decode()


def answer_question(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """An answer of one of five grades: full, padded, half, off the point, or none at all."""
    sentences = sentences_of(variables["facts"] or "")
    grade = dice.roll()
    if not sentences:
        topic = " ".join(words_of(variables["question"])[-6:])
        return UNKNOWN if grade < 0.4 else f"It depends on {topic}." + (PADDING if grade > 0.7 else "")
    question = set(words_of(variables["question"]))
    ranked = sorted(sentences, key=lambda sentence: (-len(question & set(words_of(sentence))), sentence))
    best = plain_text(ranked[0])
    if grade < 0.35:
        return best
    if grade < 0.55:
        return best + PADDING
    if grade < 0.75:
        return " ".join(best.split()[: max(2, len(best.split()) // 2)]) + " …"
    return plain_text(ranked[-1]) if grade < 0.92 and len(ranked) > 1 else UNKNOWN


def judge_pair(variables: Mapping[str, Any], dice: Dice, options: Options) -> str:
    """The verdict that the facts support, unless noise or position bias strikes."""
    truth = set(words_of(variables["facts"] or variables["question"]))
    first, second = (support(variables[place], truth) for place in ("first", "second"))
    gap = first - second
    verdict = "tie" if abs(gap) < 0.02 else "A" if gap > 0 else "B"
    if dice.roll() < options.noise:
        verdict = {"A": "B", "B": "A", "tie": "A"}[verdict]
    if dice.roll() < options.position_bias:
        verdict = "A"
    reason = f"The first answer covers {first:.2f} of what is known, the second {second:.2f}."
    reply = {"reason": reason, "verdict": verdict} if variables["explain"] else {"verdict": verdict}
    return orjson.dumps(reply).decode()


def support(answer: str, truth: set[str]) -> float:
    """How good an answer is: the share of true words it has, less a quarter of the share of its words that are not true."""
    words = set(words_of(answer))
    if not words or not truth:
        return 0.0
    return len(words & truth) / len(truth) - 0.25 * len(words - truth) / len(words)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text that are long enough to ask about, each once; the whole text when none is. Code is none."""
    text = CODE.sub("\n\n", text)
    found = list(
        dict.fromkeys(
            match.group().strip() for block in BLOCK.split(text) for match in SENTENCE.finditer(block.strip())
        )
    )
    return [sentence for sentence in found if len(sentence.split()) >= LEAST_WORDS and sentence[0] not in "#|<"] or [
        text.strip()
    ] * bool(text.strip())


def question_about(sentence: str, topic: str) -> str:
    """A question that the sentence answers and that stands on its own."""
    plain = plain_text(sentence).strip(" -:.")
    about = f" (in {topic})" if topic else ""
    if match := VERB.match(plain):
        return f"What {match['verb']} {match['subject']}{about}?"
    longest = sorted(set(words_of(plain)), key=lambda word: (-len(word), word))[:3]
    return f"How are {' and '.join(longest)} connected{about}?" if longest else f"What is {plain}{about}?"


def plain_text(text: str) -> str:
    """A sentence without its markup, on one line."""
    return " ".join(MARKUP.sub("", text).split()).lstrip("-+ ")


def words_of(text: str) -> list[str]:
    """The words of a text in small letters."""
    return WORD.findall(text.lower())


ANSWERS: dict[str, Callable[[Mapping[str, Any], Dice, Options], str]] = {
    "mine/qa": mine_questions,
    "sample/answer": answer_question,
    "judge/pairwise": judge_pair,
}
"""What the rehearsal model plays: one function for each prompt that ships."""
