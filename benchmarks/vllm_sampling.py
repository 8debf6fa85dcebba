"""Tokens a second of the sampling step on vLLM, beside one bare `LLM.chat` over the same requests.

    python -m benchmarks.vllm_sampling [--model FOLDER] [--requests 256] [--draws 4] [--tokens 128] [--rounds 3]

Each side runs in a process of its own, in turns. The step is that of a build, from its first request until the last
response is on disk; the bare side is given the very calls that the step made. Beside it stands the engine alone, asked many
calls at once without a build around it. Without a model all take the tiny random one, which costs so little that what is
around it shows. Both sides draw the same tokens: same seeds, no early end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.documents import write_long_facts
from benchmarks.figures import Figure, Setting, at_least, told
from benchmarks.processes import must, run
from schemas.models import ModelSpec
from schemas.requests import Call, Completion
from tests.tiny_model import make_tiny_model

SIDES = ("step", "engine", "bare")
GOAL = 0.95
SAMPLING_STEP = "sample/grid"
CALLS = "calls.pickle"
MACHINERY = {"kv_cache_memory_bytes": 2**31, "max_num_seqs": 256}
SHARED = (
    "enable_prefix_caching", "enable_chunked_prefill", "enforce_eager", "structured_outputs_config", "disable_log_stats",
)
RECIPE = """\
recipe: vllm-sampling
models:
  writer: {model: rehearsal, options: {misquote: 0}}
  sampler: MODEL
steps:
  - mine/chunk: {tokens: 2000}
  - mine/qa: {model: writer, per_passage: 1}
  - sample/grid: {models: [sampler], draws: DRAWS, temperatures: [1.0], max_tokens: TOKENS, show: passage}
"""


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
    """The model as all sides load it; it never ends a draw early."""
    return ModelSpec(model=model, engine="vllm", options={"ignore_eos": True}, engine_options=MACHINERY)


def time_step(model: str, requests: int, draws: int, tokens: int) -> Speed:
    """The step in a build of so many prompts, in this process; its calls are left in a file for the other sides."""
    from flows.build import build, prepare
    from pipeline.models.vllm import Vllm
    from pipeline.runner.intake import Sources
    from pipeline.runner.steps import StepReport
    from schemas.recipe import read_recipe
    from warehouse.address import resolve_address

    with tempfile.TemporaryDirectory(prefix="prefmill-bench-") as name:
        folder, calls, moments, drawn = Path(name), list[Call](), list[float](), 0
        write_long_facts(folder / "rows.jsonl", requests)
        spec = json.dumps(spec_of(model).model_dump(include={"model", "engine", "options", "engine_options"}))
        recipe = RECIPE.replace("MODEL", spec).replace("DRAWS", str(draws)).replace("TOKENS", str(tokens))
        (folder / "recipe.yaml").write_text(recipe)
        complete = Vllm.complete

        async def noted(engine: Vllm, call: Call) -> Completion:
            calls.append(call)
            moments.append(time.perf_counter())
            return await complete(engine, call)

        def progress(report: StepReport) -> None:
            nonlocal drawn
            if report.step == SAMPLING_STEP and report.done:
                drawn = report.usage.tokens_out
                moments.append(time.perf_counter())

        Vllm.complete = noted  # type: ignore[method-assign]
        sources = Sources((str(folder / "rows.jsonl"),))
        job = prepare(read_recipe(folder / "recipe.yaml"), sources, resolve_address(str(folder / "lake")))
        built = uvloop.run(build(job, progress))
        if built.problem or len(calls) != requests:
            raise RuntimeError(f"{len(calls)} calls, not {requests}: {built.problem}")
    Path(CALLS).write_bytes(pickle.dumps(calls))
    return Speed(drawn, moments[-1] - moments[0])


async def time_engine(model: str, calls: Sequence[Call]) -> Speed:
    """Our engine, in this process, asked everything at once."""
    from pipeline.models.vllm import Vllm

    engine = await Vllm.open(spec_of(model))
    try:
        started = time.perf_counter()
        completions = await asyncio.gather(*[engine.complete(call) for call in calls])
        return Speed(sum(each.usage.tokens_out for each in completions), time.perf_counter() - started)
    finally:
        await engine.close()


def time_bare(model: str, calls: Sequence[Call]) -> Speed:
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
    messages: list[Any] = [call.messages for call in calls]
    parameters = [words.write(call) for call in calls]
    started = time.perf_counter()
    outputs = llm.chat(messages, parameters, use_tqdm=False)
    seconds = time.perf_counter() - started
    llm.llm_engine.engine_core.shutdown()  # left to the end of the process, it waits for its children for ever
    return Speed(sum(len(draw.token_ids) for output in outputs for draw in output.outputs), seconds)


def time_side(side: str, model: str, sizes: tuple[int, int, int]) -> Speed:
    """What one side does, from a cold start."""
    if side == "step":
        return time_step(model, *sizes)
    calls = pickle.loads(Path(CALLS).read_bytes())
    return time_bare(model, calls) if side == "bare" else uvloop.run(time_engine(model, calls))


def compare(model: str, sizes: Sequence[int], rounds: int, folder: Path) -> Iterator[dict[str, Speed]]:
    """The speeds of all sides, one after another; the step comes first, because it makes the calls."""
    for _ in range(rounds):
        speeds = {}
        for side in SIDES:
            words = [f"--side={side}", f"--model={model}"]
            words += [f"--{name}={size}" for name, size in zip(("requests", "draws", "tokens"), sizes, strict=True)]
            ended = must(run([sys.executable, "-m", "benchmarks.vllm_sampling", *words], folder))
            speeds[side] = Speed(**json.loads(ended.out.splitlines()[-1]))
        yield speeds


def judge(rounds: Sequence[dict[str, Speed]]) -> Iterator[Figure]:
    """The medians of all sides, and those of their ratios round by round."""
    step, engine, bare = ([each[side].tokens_per_second for each in rounds] for side in SIDES)
    ratio, alone = (
        statistics.median(our / floor for our, floor in zip(ours, bare, strict=True)) for ours in (step, engine)
    )
    floor = statistics.median(bare)
    yield at_least("the sampling step on vLLM", statistics.median(step), GOAL, "tokens/s", floor=floor, ratio=ratio)
    yield told("… of which the engine alone, of the bare one's speed", alone)


def measure(setting: Setting) -> Iterator[Figure]:
    """The figures for the table of all benchmarks."""
    room = setting.room("vllm_sampling")
    model = make_tiny_model(room / "tiny-model")
    sizes = setting.sized(256, 32), 4, setting.sized(128, 8)
    yield from judge(list(compare(str(model), sizes, setting.sized(3, 1), room)))


def main() -> None:
    """Measure one side, or compare all and print every round."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vllm_sampling")
    parser.add_argument("--model", help="a folder or hub name; the tiny random model by default")
    parser.add_argument("--side", choices=SIDES, help="measure this one alone and print it as JSON")
    for name, default in {"requests": 256, "draws": 4, "tokens": 128, "rounds": 3}.items():
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
        for figure in judge(rounds):
            print(figure)


if __name__ == "__main__":
    main()
