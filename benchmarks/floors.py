"""The floor under calls to a server: what one Python process reaches that does nothing but call.

    python -m benchmarks.floors BODIES URL IN_FLIGHT ANSWERS

A pool of aiohttp workers on uvloop with orjson: no retries, no checks, nothing durable. It sends the bodies of a JSONL
file, writes the replies' texts to another, and prints its calls and the seconds from the first request to the last reply.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import aiohttp
import orjson
import uvloop


async def call_all(bodies: list[dict[str, object]], url: str, in_flight: int) -> tuple[list[str], float]:
    """The text of each reply, and how long it took to have them all."""
    texts = [""] * len(bodies)
    work = iter(enumerate(bodies))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def worker() -> None:
            for place, body in work:
                async with session.post(f"{url}/chat/completions", data=orjson.dumps(body)) as reply:
                    answer = orjson.loads(await reply.read())
                texts[place] = answer["choices"][0]["message"]["content"]

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return texts, time.perf_counter() - started


def main() -> None:
    """Call, write, print."""
    bodies_file, url, in_flight, answers_file = sys.argv[1:]
    bodies = [orjson.loads(line) for line in Path(bodies_file).read_bytes().splitlines()]
    texts, seconds = uvloop.run(call_all(bodies, url, int(in_flight)))
    Path(answers_file).write_bytes(b"".join(orjson.dumps({"answer": orjson.loads(text)}) + b"\n" for text in texts))
    print(len(texts), seconds)


if __name__ == "__main__":
    main()
