"""Start vLLM's engine for a model specification, or say in one sentence why it cannot be."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import logging
import multiprocessing
import os
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pipeline.models.leash import Leash
from pipeline.models.setbacks import QUOTED_CHARACTERS
from schemas.errors import EngineError, nearest
from schemas.models import ModelSpec

ENVIRONMENT = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT": "0",
}
"""Set before vLLM is imported, where the user has not set them: it is quiet and sends nothing anywhere.

The time-out is against hostile templates; as it counts the wait in the queue, thousands of long prompts would meet it.
"""
SOCKETS, LONGEST_SOCKET_FOLDER = "VLLM_RPC_BASE_PATH", 70
"""vLLM's processes talk through Unix sockets in the folder for temporary files, named by 36 characters; the kernel takes
107 in all. A scheduler's folder for a job, or pytest's for a test, can be longer."""
IDENTITY = frozenset({"model", "revision"})
"""Engine arguments that say which model it is: `engine_options` are machinery and may not name them."""
MISSING = "engine `vllm` needs vLLM: pip install 'prefmill[vllm]' (NVIDIA GPU), or see docs/gpu.md for the CPU build"
CPU_MEMORY_SHARE = 0.4
PATH_STARTS = ("/", "./", "../", "~")
ONE_AT_A_TIME = threading.Lock()


def import_vllm() -> None:
    """Import vLLM, quietly; raises `EngineError` when it is not installed or does not work."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_SOCKET_FOLDER:
        os.environ.setdefault(SOCKETS, "/tmp")
    # A forked child would inherit our locks, sockets and threads in mid-air, and no leash would reach it.
    os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "spawn"
    try:
        importlib.import_module("vllm.v1.engine.async_llm")
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "vllm":
            raise EngineError(MISSING) from None
        raise EngineError(f"vLLM is installed but cannot be imported: {first_line(error)}; see docs/gpu.md") from error


def write_arguments(spec: ModelSpec, leash: Leash) -> Any:
    """The `AsyncEngineArgs` of a specification: our defaults, then its `engine_options`."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.platforms import current_platform

    names = {field.name for field in dataclasses.fields(AsyncEngineArgs)} - IDENTITY
    for name in spec.engine_options:
        if name in IDENTITY:
            raise EngineError(f"engine option `{name}` says which model it is; write it beside `engine_options`")
        if name not in names:
            raise EngineError(f"unknown engine option `{name}`{nearest(name, names)}")
    arguments: dict[str, Any] = {
        "enable_prefix_caching": True,
        "enable_log_requests": False,
        "disable_log_stats": True,
        # Otherwise small models wander in white space until the token limit; the option of a request is ignored.
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    }
    if current_platform.is_cpu():
        # A seeded request whose prefill is cut into chunks kills vLLM's engine on the CPU.
        arguments |= {"enable_chunked_prefill": False, "enforce_eager": True}
        arguments["gpu_memory_utilization"] = CPU_MEMORY_SHARE
    arguments |= spec.engine_options
    arguments["additional_config"] = {**(arguments.get("additional_config") or {}), "prefmill": leash}
    return AsyncEngineArgs(model=spec.model, revision=spec.revision, **arguments)


async def start(spec: ModelSpec, leash: Leash, chat: Any) -> Any:
    """An `AsyncLLM`, ready to be asked, after seconds to minutes; cancelling this ends the processes it has started.

    `chat` are the `ChatParams` of the calls to come: a model that cannot take them is refused before it is loaded.
    """
    if spec.model.startswith(PATH_STARTS) and not Path(spec.model).exists():
        raise EngineError(f"model {spec.model!r}: there is no such folder")
    others: list[BaseProcess] = []
    executor = ThreadPoolExecutor(1, "vllm-start")
    starting = executor.submit(_start_alone, spec, leash, chat, others)
    executor.shutdown(wait=False)
    try:
        return await asyncio.wrap_future(starting)
    except asyncio.CancelledError:
        # Not in this loop: whoever cancels us may be about to close it.
        threading.Thread(target=_abandon, args=(starting, others), name="vllm-abandon").start()
        raise


def _start_alone(spec: ModelSpec, leash: Leash, chat: Any, others: list[BaseProcess]) -> Any:
    # Two engines that measure a GPU's free memory at the same time both get it wrong.
    with ONE_AT_A_TIME:
        others += [*multiprocessing.active_children(), multiprocessing.current_process()]
        return _start(spec, leash, chat)


def _abandon(starting: Future[Any], others: list[BaseProcess]) -> None:
    """End what was started besides `others`, which is empty until its turn has come."""
    while not starting.done():
        for child in multiprocessing.active_children() if others else ():
            if child not in others:
                child.kill()
        time.sleep(0.1)
    if not starting.cancelled() and starting.exception() is None:
        starting.result().shutdown()


def _start(spec: ModelSpec, leash: Leash, chat: Any) -> Any:
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM

    context = UsageContext.LLM_CLASS  # chooses batch sizes: those of `LLM` are made for throughput
    try:
        arguments = write_arguments(spec, leash)
        config = arguments.create_engine_config(context)
        _try_template(spec, config, chat)
        engine = AsyncLLM.from_vllm_config(config, usage_context=context, disable_log_stats=arguments.disable_log_stats)
    except EngineError:
        raise
    except Exception as error:
        cause = leash.failure() or first_line(error)
        raise EngineError(
            f"model {spec.model!r} cannot be loaded by vLLM: {cause}; check the name or folder, or set"
            " vLLM's own arguments under `engine_options`"
        ) from error
    # This logger tells of an engine that died, or was closed, by a traceback without a cause; starting resets it.
    logging.getLogger("vllm.v1.engine.async_llm").setLevel(logging.CRITICAL)
    return engine


def _try_template(spec: ModelSpec, config: Any, chat: Any) -> None:
    from vllm.renderers import renderer_from_config

    renderer = renderer_from_config(config)
    try:
        renderer.render_chat([[{"role": "user", "content": "?"}]], chat)
    except Exception as error:
        raise EngineError(
            f"model {spec.model!r} has no chat template that works ({first_line(error)}); name a model made to chat, or"
            " give a template as text in `options: {chat_template: ...}`"
        ) from error
    finally:
        renderer.shutdown()


def first_line(error: BaseException) -> str:
    """What an error says, in one line; pydantic puts that behind a headline, and vLLM puts parameters after it."""
    details = getattr(error, "errors", None)
    said: Any = next(iter(error.args), "")
    if callable(details):
        detail = details()[0]
        said = ": ".join([*map(str, detail["loc"][:1]), detail["msg"].removeprefix("Value error, ")])
    text = said if isinstance(said, str) else str(error)
    line = text.strip().partition("\n")[0].strip().rstrip(".:") or type(error).__name__
    return line if len(line) <= QUOTED_CHARACTERS else line[:QUOTED_CHARACTERS] + "…"
