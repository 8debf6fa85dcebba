"""Generated documents: plain facts about mills, the same for the same seed, as a folder or as one table."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

PLACES = ("Ashford", "Brook End", "Calder", "Dunmore", "Eastling", "Fairlea", "Garth", "Holm", "Inverness", "Kelby")
PARTS = (
    "wheel",
    "bed stone",
    "runner stone",
    "great spur wheel",
    "sluice",
    "weir",
    "hopper",
    "sack hoist",
    "shaft",
    "tail race",
)
STUFFS = ("oak", "elm", "granite", "cast iron", "apple wood", "French burr", "brass", "hornbeam", "ash", "sandstone")
DEEDS = (
    "is dressed by the miller",
    "is greased with tallow",
    "is inspected by the guild",
    "was replaced by the owner",
    "is measured by the surveyor",
)
SPANS = ("days", "weeks", "months", "harvests", "years")
WORDS = (
    "acre",
    "bread",
    "corn",
    "door",
    "eel",
    "field",
    "gate",
    "harvest",
    "iron",
    "joint",
    "key",
    "lamp",
    "meal",
    "night",
    "oven",
    "pond",
    "quay",
    "rope",
    "sack",
    "tooth",
    "urn",
    "valley",
    "water",
    "yard",
)


def sentence(source: random.Random, number: int) -> str:
    """One fact, told apart from the others by its number."""
    part, stuff, deed = source.choice(PARTS), source.choice(STUFFS), source.choice(DEEDS)
    return f"The {part} number {number} is made of {stuff} and {deed} every {source.randint(2, 90)} {source.choice(SPANS)}."


def text_of(seed: int, index: int, *, sentences: int = 4) -> str:
    """One short document of one passage; every twelfth repeats facts of the one before under the same title."""
    twin = index - 1 if index % 12 == 11 else index
    source = random.Random(f"{seed}/{twin}")
    place = source.choice(PLACES)
    facts = [sentence(source, 100 * twin + place_) for place_ in range(sentences)]
    more = f" It was last seen in {1700 + index}." if twin != index else ""
    return f"# The mill of {place}, entry {twin}\n\n{' '.join(facts)}{more}\n"


def write_folder(folder: Path, count: int, *, seed: int = 0) -> Path:
    """A folder of so many Markdown files, and a few that a build must say no to: empty, twice the same, not text."""
    folder.mkdir()
    for index in range(count):
        (folder / f"entry {index:05d}.md").write_text(text_of(seed, index), encoding="utf-8")
    (folder / "same again.md").write_text(text_of(seed, 0), encoding="utf-8")
    (folder / "empty.txt").write_text("")
    (folder / "wheel.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    return folder


def write_table(file: Path, count: int, *, seed: int = 0) -> Path:
    """A JSONL table with a document in each row."""
    with file.open("w", encoding="utf-8") as lines:
        for index in range(count):
            lines.write(json.dumps({"title": f"Entry {index}", "text": text_of(seed, index)}) + "\n")
    return file


def write_long_facts(file: Path, count: int, *, seed: int = 0, words: int = 120) -> Path:
    """A JSONL table whose every row is a single sentence of that many words: one question, one answer."""
    with file.open("w", encoding="utf-8") as lines:
        for index, text in enumerate(_long_facts(count, seed, words)):
            lines.write(json.dumps({"title": f"Entry {index}", "text": text}) + "\n")
    return file


def _long_facts(count: int, seed: int, words: int) -> Iterator[str]:
    for index in range(count):
        source = random.Random(f"{seed}/{index}")
        yield f"Entry {index} is described here as {' '.join(source.choices(WORDS, k=words))}."
