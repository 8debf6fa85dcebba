"""Answers through every rule of `select/hygiene`, and texts through every detector of `select/private_data`.

One of ten has a fault or a canary planted in it, of each kind in turn; figures are per second of CPU, of one process with
its start left out.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, Setting, exactly, told
from benchmarks.processes import must, run

TEXTS, WORDS = 20_000, 140
PLANTED = 10
VOCABULARY = """
    the runner stone of a mill turns above its bed stone and grain from hopper is ground between them into flour which falls
    through eye chute sack wheel water wind sail tower cap shaft gear wallower spur damsel shoe vat tun meal bran rye wheat
    barley oats miller dresses furrows lands with bill every few weeks because they wear smooth so it must be lifted by crane
"""
FAULTS = {
    "empty": " \n", "opener_only": "Thought process:", "refusal": "I'm sorry, but I can't help with that. {}",
    "self_identification": "{} As an AI language model, I have no mill.", "cutoff": "{} My knowledge cutoff is in 2021.",
    "chat_markers": "{}<|im_end|>", "template_slot": "{} Dear {{ name }}.", "repetition": "{0} {0}",
}  # fmt: skip
CANARIES = {
    "email": "ada@analytical-mill.org", "ip": "93.184.216.34", "phone": "+49 170 1234567", "iban": "DE89 3704 0044 0532 0130 00",
    "card": "4111 1111 1111 1111", "ssn": "536-90-4399", "api_key": "ghp_" + "aB3dE5gH7j" * 4,
    "bearer": "Bearer tK9faB3dE5gH7jK9mN1pQ2r", "password": "postgres://miller:h0pper-Stone9@db/grain",
}  # fmt: skip


def measure(setting: Setting) -> Iterator[Figure]:
    """Texts per CPU second of both steps, and whether exactly what was planted was found."""
    room, count = setting.room("hygiene"), setting.sized(TEXTS, 2000)
    for name, what in (("hygiene", "answers"), ("private_data", "texts")):
        program = f"from benchmarks.hygiene import main; main({name!r}, {count}, {setting.seed})"
        ended = must(run([sys.executable, "-c", program], room))
        found: dict[str, Any] = json.loads(ended.out)
        title = f"{what} of {found['bytes'] / count:.0f} bytes through select/{name}, per CPU second"
        yield told(title, count / found["seconds"])
        yield exactly("… of what was planted, found as what it is", found["right"] / found["planted"], 1)
        yield exactly("… found where nothing was planted", found["wrong"], 0)
        yield told("… peak memory", ended.peak_mb, "MB")


def main(name: str, count: int, seed: int) -> None:
    """Do the work of one step and print what came of it as JSON."""
    from pipeline.select.hygiene import Hygiene
    from pipeline.select.private_data import PrivateData
    from pipeline.strategy import Nothing
    from schemas.rows import Prompt, Response
    from schemas.units import ResponseUnit

    dice = random.Random(seed)
    strategy = Hygiene(of="responses") if name == "hygiene" else PrivateData(of="responses")
    prompt = Prompt(prompt_id="prm_1", document_id="doc_1", messages=[{"role": "user", "content": "What turns in a mill?"}])
    planted, right, wrong, size, seconds = 0, 0, 0, 0, 0.0
    for number in range(count):
        text, kind = _plain(dice), ""
        if number % PLANTED == 0:
            planted += 1
            text, kind = _spoil(text, name, number // PLANTED)
        size += len(text.encode())
        response = Response(
            response_id="rsp_1", document_id="doc_1", prompt_id="prm_1", text=text, model="m", role="a", strategy="grid"
        )
        unit = ResponseUnit("rsp_1", prompt, response)
        started = time.process_time()
        answer = strategy(unit)
        seconds += time.process_time() - started
        said = f"{answer.reason} {answer.detail}" if isinstance(answer, Nothing) else ""
        right += bool(kind) and kind in said
        wrong += not kind and bool(said)
    print(json.dumps({"seconds": seconds, "bytes": size, "planted": planted, "right": right, "wrong": wrong}))


def _plain(dice: random.Random) -> str:
    """An answer of sentences that do not come again."""
    sentences = [" ".join(dice.sample(VOCABULARY.split(), 12)).capitalize() + "." for _ in range(WORDS // 12)]
    return " ".join(sentences)


def _spoil(text: str, name: str, turn: int) -> tuple[str, str]:
    """The text with the fault or canary whose turn it is, and the word that the answer must say."""
    planted = FAULTS if name == "hygiene" else CANARIES
    kind = list(planted)[turn % len(planted)]
    if name == "hygiene":
        return planted[kind].replace("{0}", text).replace("{}", text), kind
    half = len(text) // 2
    return f"{text[:half]} {planted[kind]} {text[half:]}", kind
