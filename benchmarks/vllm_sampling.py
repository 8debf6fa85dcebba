"""Tokens a second that `Vllm` draws, asked many calls at once, beside one bare `LLM.chat` over the same requests.

    python -m benchmarks.vllm_sampling [--model FOLDER] [--requests 256] [--draws 4] [--tokens 32] [--rounds 3]

Each side runs in a process of its own, in turns; of what it does after a warm-up the middle of three counts. Without a
model it takes the tiny random one, where the model costs so little that what is around it shows. Both sides draw the
same tokens: same seeds, no early end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Setting, at_least
from benchmarks.processes import must, run
from pipeline.models.engine import Engine
from schemas.fingerprints import derive_seed
from schemas.models import ModelSpec
from schemas.requests import Call, Request, Sampling
from tests.tiny_model import make_tiny_model

SIDES = ("ours", "bare")
GOAL = 0.95
WARM_UP_REQUESTS = 16
REPEATS = 3
MACHINERY = {"kv_cache_memory_bytes": 2**31, "max_num_seqs": 256}
SHARED = (
    "enable_prefix_caching", "enable_chunked_prefill", "enforce_eager", "structured_outputs_config", "disable_log_stats",
)
PASSAGE = "The miller sets the gap between the stones by ear: too wide and the meal is coarse, too close and it burns. " * 5


@dataclass(frozen=True, slots=True)
class Speed:
    """What one side did: tokens drawn, and the seconds from the first request to the last reply."""

    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """The speed."""
        return self.tokens / self.seconds


def spec_of(model: str) -> ModelSpec:
    """The model as both sides load it; it never ends a draw early."""
    return ModelSpec(model=model, engine="vllm", options={"ignore_eos": True}, engine_options=MACHINERY)


def write_calls(requests: int, draws: int, tokens: int, *, kind: str = "measured") -> list[Call]:
    """So many different requests of about 150 tokens, each for `draws` draws of `tokens` tokens."""
    sampling = Sampling(temperature=1.0, max_tokens=tokens, n=draws)
    request = Request("sample/any", {}, "tiny", sampling=sampling)
    return [
        Call(request, [{"role": "user", "content": f"{kind} {number}. {PASSAGE}"}], "tiny", derive_seed(kind, number), kind)
        for number in range(requests)
    ]


async def time_engine(engine: Engine, calls: Sequence[Call]) -> Speed:
    """Ask an engine everything at once."""
    started = time.perf_counter()
    completions = await asyncio.gather(*[engine.complete(call) for call in calls])
    seconds = time.perf_counter() - started
    return Speed(sum(completion.usage.tokens_out for completion in completions), seconds)


async def time_ours(model: str, batches: Sequence[Sequence[Call]]) -> list[Speed]:
    """Our engine, in this process, batch by batch."""
    from pipeline.models.vllm import Vllm

    engine = await Vllm.open(spec_of(model))
    try:
        return [await time_engine(engine, calls) for calls in batches]
    finally:
        await engine.close()


def time_bare(model: str, batches: Sequence[Sequence[Call]]) -> list[Speed]:
    """vLLM's own offline interface, in this process, with the arguments that our engine would choose."""
    from pipeline.models.leash import Leash
    from pipeline.models.vllm_start import import_vllm, write_arguments
    from pipeline.models.vllm_words import Words

    import_vllm()
    from vllm import LLM

    spec = spec_of(model)
    arguments = write_arguments(spec, Leash(Path("unused")))
    llm = LLM(model, **{name: getattr(arguments, name) for name in (*SHARED, *MACHINERY)})
    words = Words(spec)

    def chat(calls: Sequence[Call]) -> Speed:
        messages: list[Any] = [call.messages for call in calls]
        parameters = [words.write(call) for call in calls]
        started = time.perf_counter()
        outputs = llm.chat(messages, parameters, use_tqdm=False)
        seconds = time.perf_counter() - started
        return Speed(sum(len(draw.token_ids) for output in outputs for draw in output.outputs), seconds)

    speeds = [chat(calls) for calls in batches]
    llm.llm_engine.engine_core.shutdown()  # left to the end of the process, it waits for its children for ever
    return speeds


def time_side(side: str, model: str, sizes: tuple[int, int, int]) -> Speed:
    """The middle of what one side does after its warm-up."""
    batches = [write_calls(WARM_UP_REQUESTS, *sizes[1:], kind="warm-up")]
    batches += [write_calls(*sizes, kind=f"batch {number}") for number in range(REPEATS)]
    _, *speeds = time_bare(model, batches) if side == "bare" else asyncio.run(time_ours(model, batches))
    return sorted(speeds, key=lambda speed: speed.tokens_per_second)[REPEATS // 2]


def compare(model: str, sizes: Sequence[int], rounds: int, folder: Path) -> Iterator[dict[str, Speed]]:
    """The speeds of both sides in turns, the first side changing from round to round."""
    for number in range(rounds):
        speeds = {}
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            words = [f"--side={side}", f"--model={model}"]
            words += [f"--{name}={size}" for name, size in zip(("requests", "draws", "tokens"), sizes, strict=True)]
            ended = must(run([sys.executable, "-m", "benchmarks.vllm_sampling", *words], folder))
            speeds[side] = Speed(**json.loads(ended.out.splitlines()[-1]))
        yield speeds


def judge(rounds: Sequence[dict[str, Speed]]) -> Figure:
    """The medians of both sides, and that of their ratios round by round."""
    ours, bare = ([each[side].tokens_per_second for each in rounds] for side in SIDES)
    ratio = statistics.median(our / floor for our, floor in zip(ours, bare, strict=True))
    middle = statistics.median(ours), statistics.median(bare)
    return at_least("drawing with vLLM", middle[0], GOAL, "tokens/s", floor=middle[1], ratio=ratio)


def measure(setting: Setting) -> Iterator[Figure]:
    """The figure for the table of all benchmarks."""
    room = setting.room("vllm_sampling")
    model = make_tiny_model(room / "tiny-model")
    sizes = setting.sized(256, 32), 4, setting.sized(32, 8)
    yield judge(list(compare(str(model), sizes, setting.sized(3, 1), room)))


def main() -> None:
    """Measure one side, or compare both and print every round."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vllm_sampling")
    parser.add_argument("--model", help="a folder or hub name; the tiny random model by default")
    parser.add_argument("--side", choices=SIDES, help="measure this one alone and print it as JSON")
    for name, default in {"requests": 256, "draws": 4, "tokens": 32, "rounds": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    sizes = chosen.requests, chosen.draws, chosen.tokens
    with tempfile.TemporaryDirectory(prefix="prefmill-bench-") as folder:
        model = chosen.model or str(make_tiny_model(Path(folder) / "tiny-model"))
        if chosen.side:
            print(json.dumps(asdict(time_side(chosen.side, model, sizes))))
            return
        rounds = []
        for speeds in compare(model, sizes, chosen.rounds, Path(folder)):
            rounds.append(speeds)
            print(*[f"{side}: {speeds[side].tokens_per_second:,.0f} tokens/s" for side in SIDES], sep="   ", flush=True)
        print(judge(rounds))


if __name__ == "__main__":
    main()
