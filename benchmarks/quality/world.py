"""A world with a planted truth: pairs of answers of which one is better, and judges that err in ways we set."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.models.rehearsal.words import support, words_of
from schemas.fingerprints import derive_seed, identify
from schemas.rows import Prompt, Response
from schemas.units import ResponsePair

FACTS = 24
LEAST_GAP = 0.03
FILLERS = 40


@dataclass(frozen=True, slots=True)
class Planted:
    """One pair with the truth about it: whether candidate a is better, and by how much in support."""

    unit: ResponsePair
    a_is_better: bool
    gap: float


def planted_pairs(count: int, seed: int = 0) -> Iterator[Planted]:
    """So many pairs; an answer is as good as the share of the known facts it has, less what it adds (`support`).

    Length says nothing about quality here: half of the worse answers are padded. No two answers are equally good.
    """
    number = 0
    while count:
        source = random.Random(derive_seed("planted", seed, number))
        number += 1
        facts = [f"fact{source.randrange(10**6)}" for _ in range(FACTS)]
        truth = set(words_of(" ".join(facts)))
        texts = [_answer(facts, source) for _ in range(2)]
        gap = support(texts[0], truth) - support(texts[1], truth)
        if abs(gap) < LEAST_GAP:
            continue
        prompt = Prompt(
            prompt_id=identify("prompts", seed, number),
            document_id=f"doc_{number}",
            messages=[{"role": "user", "content": f"What is known of case {number}?"}],
            evidence=" ".join(facts),
        )
        rows = sorted((identify("responses", seed, number, place), text) for place, text in enumerate(texts))
        a, b = (_response(prompt, response_id, text) for response_id, text in rows)
        gap = support(a.text, truth) - support(b.text, truth)
        yield Planted(ResponsePair(identify("groups", a.response_id, b.response_id), prompt, a, b), gap > 0, abs(gap))
        count -= 1


def _answer(facts: list[str], source: random.Random) -> str:
    known = source.sample(facts, source.randint(4, FACTS))
    added = [f"filler{source.randrange(FILLERS)}" for _ in range(source.choice((0, 2, 4, 12, 30)))]
    words = known + added
    source.shuffle(words)
    return " ".join(words)


def _response(prompt: Prompt, response_id: str, text: str) -> Response:
    return Response(
        response_id=response_id,
        document_id=prompt.document_id,
        prompt_id=prompt.prompt_id,
        text=text,
        model="sampler",
        role="candidate",
        strategy="planted",
    )
