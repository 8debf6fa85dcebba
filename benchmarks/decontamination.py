"""Looking for 20,000 evaluation items (1.1M runs of 13 words) in texts of about 570 bytes, one in a hundred of which holds
a planted stretch of 7, 10, 13 or 20 words of an item.

The scan runs in a process of its own, which reads the texts from a file; planted stretches are in other case and
punctuation than their items, between words that are nowhere else, so that what is planted is all there is to find.

    python -m benchmarks.decontamination 1000000      other than the default 100,000 texts
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Figure, Setting, at_least, exactly, table_of, told
from benchmarks.processes import must, run

ITEMS, ITEM_WORDS = 20_000, 68
TEXTS, TEXT_WORDS = 100_000, 88
VOCABULARY = 30_000
PLANTED = (7, 10, 13, 20)
PLANTED_EACH = 100
ROWS_AT_ONCE = 1024
DOCUMENTS_PER_CPU_SECOND = 100_000


def measure(setting: Setting) -> Iterator[Figure]:
    """The speed of the scan for n of 13 and 8, and what was found of each planted length."""
    yield from measured(setting.room("decontamination"), setting.sized(TEXTS, 5000), setting.seed)


def measured(room: Path, texts: int, seed: int) -> Iterator[Figure]:
    """The figures for so many texts."""
    items = write_items(room / "items.jsonl", seed)
    size = write_texts(room / "texts.jsonl", items, texts, seed)
    yield told("texts", f"{texts:,} of {size / texts:.0f} bytes")
    for n in (13, 8):
        scan = [sys.executable, "-m", "benchmarks.decontamination", "scan", "items.jsonl", "texts.jsonl", str(n)]
        must(run(scan, room))  # the compiled loops are kept on disk
        ended = must(run(scan, room))
        found = json.loads(ended.out)
        yield at_least(f"n {n}: texts per CPU second of the scan", texts / found["scan"], DOCUMENTS_PER_CPU_SECOND)
        yield told("… runs of words in the index", found["runs"])
        yield told("… CPU to read the items and build the index", found["build"], "s")
        yield told("… CPU of the whole process, with start-up and decoding", ended.cpu_seconds, "s")
        yield told("… peak memory", ended.peak_mb, "MB")
        yield exactly("… hits where nothing was planted", found["false"], 0)
        for length in PLANTED:
            share = found["hits"].get(str(length), 0) / found["planted"][str(length)]
            yield exactly(f"… share of planted stretches of {length} words that is hit", share, float(length >= n))


def write_items(path: Path, seed: int) -> list[list[str]]:
    """Items as JSON lines; returns their words."""
    words = _words(random.Random(seed))
    items = [list(itertools.islice(words, ITEM_WORDS)) for _ in range(ITEMS)]
    path.write_text("".join(json.dumps({"question": " ".join(item)}) + "\n" for item in items))
    return items


def write_texts(path: Path, items: list[list[str]], texts: int, seed: int) -> int:
    """Texts as JSON lines, each with the planted length if there is one; returns their size in bytes."""
    chance = random.Random(seed + 1)
    words, size = _words(chance), 0
    with path.open("w") as file:
        for number in range(texts):
            text = list(itertools.islice(words, TEXT_WORDS))
            planted = PLANTED[number // PLANTED_EACH % len(PLANTED)] if number % PLANTED_EACH == 0 else 0
            if planted:
                item, start = chance.choice(items), chance.randrange(ITEM_WORDS - planted)
                stretch = ", ".join(item[start : start + planted]).upper()
                text[chance.randrange(TEXT_WORDS)] = f"before{number} ({stretch}) after{number}"
            joined = " ".join(text)
            size += len(joined)
            file.write(json.dumps({"text": joined, "planted": planted}) + "\n")
    return size


def _words(chance: random.Random) -> Iterator[str]:
    """Words as often as in a language (Zipf), without end; items and texts have the same."""
    letters = random.Random(VOCABULARY)
    vocabulary = ["".join(letters.choices("etaoinshrdlu", k=letters.randint(2, 9))) for _ in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(VOCABULARY)))
    while True:
        yield from chance.choices(vocabulary, cum_weights=weights, k=10_000)


def scan(items: Path, texts: Path, n: int) -> dict[str, object]:
    """What a scan finds and takes, in CPU seconds of this process; decoding the texts is not counted."""
    from pipeline.contamination.evaluations import EvaluationSet
    from pipeline.contamination.index import Index

    started = time.process_time()
    (found,) = EvaluationSet.load_all(items.name, items.parent)
    index = Index.build(found.items(), n)
    built = time.process_time() - started
    list(index.scan([("a",), ("é",)]))
    planted: Counter[int] = Counter()
    hits: Counter[int] = Counter()
    seconds = 0.0
    with texts.open() as file:
        while some := [json.loads(line) for line in itertools.islice(file, ROWS_AT_ONCE)]:
            rows = [(row["text"],) for row in some]
            started = time.process_time()
            numbers = [hit.row for hit in index.scan(rows)]
            seconds += time.process_time() - started
            planted.update(row["planted"] for row in some)
            hits.update(some[number]["planted"] for number in numbers)
    false = hits.pop(0, 0)
    return {
        "build": built, "scan": seconds, "runs": index.coverage.runs, "false": false, "planted": planted, "hits": hits,
    }


def main(words: list[str]) -> None:
    """The child's part (`scan ITEMS TEXTS N`), or all of it over so many texts."""
    if words[:1] == ["scan"]:
        print(json.dumps(scan(Path(words[1]), Path(words[2]), int(words[3]))))
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Console(width=140).print(table_of(measured(Path(folder), int(words[0]) if words else TEXTS, 0)))


if __name__ == "__main__":
    main(sys.argv[1:])
