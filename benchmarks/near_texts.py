"""Texts with planted duplicates and the truth about them: `python -m benchmarks.near_texts ROWS FOLDER SEED`.

Half prompts (about 190 characters), half responses (about 915), of made-up words with a Zipfian skew:

| of all rows | are |
|---|---|
| 10 % | exact copies, half of them of a few hundred hot texts |
| 10 % | near copies, each of a text of its own: case or white space, or 1 to 12 % of the words edited |
| 1 % | fillings of templates, 8 to 60 of each: a word that makes no difference, or a clause that does |
| 0.5 % | tiny ("ok") |
| 6 % | in other scripts (Latin with accents, Cyrillic, Greek, Arabic, Thai, Han without blanks, English with emoji) |
| 30 % | with a boilerplate sentence |

`texts.parquet` (id, text) are the rows, `truth.parquet` (a, b, jaccard, kind) planted pairs with their exact likeness, counted
with Python sets; `night.parquet` and its truth are 10,000 rows more: half new, a quarter copies, a quarter with one word changed.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

from pipeline.likeness.normalise import normalise

BATCH, POOL, NIGHT = 20_000, 60_000, 10_000
TRUE_PAIRS = 120_000
TINY = ("ok", "Yes.", "thanks", "no", "?", "👍", "はい", "Ok.", "sure", "1")
RANGES = {
    "latin": "abcdefghiklmnoprstuvwyz",
    "accents": "aàâbcçdeéèêëfghiîïlmnoôöpqrstuùûüvœß",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшщыьэюя",
    "greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίό",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "thai": "กขคงจชซดตถทนบปผพฟมยรลวสหอะาิีุูเแโไ่้",
    "han": "".join(map(chr, range(0x4E00, 0x5600))),
}
OTHERS = ("accents", "cyrillic", "greek", "arabic", "thai", "han", "emoji")


class Source:
    """Texts of one seed."""

    def __init__(self, seed: int) -> None:
        self.rng, self.draw = numpy.random.default_rng(seed), random.Random(seed)
        self.words = {script: self._vocabulary(letters, script) for script, letters in RANGES.items()}
        weights = 1 / numpy.arange(1, 20_001) ** 0.95
        self.skew = numpy.cumsum(weights / weights.sum())
        self.boilerplate = [" ".join(self.some("latin", 14)) for _ in range(40)]
        self.hot = [self.fresh("latin") for _ in range(300)]

    def _vocabulary(self, letters: str, script: str) -> list[str]:
        lengths = (1, 2, 2, 3) if script == "han" else (2, 3, 4, 5, 6, 7, 8, 9, 11)
        made = ["".join(self.draw.choices(letters, k=self.draw.choice(lengths))) for _ in range(20_000)]
        # As in languages, what is said often is short.
        return sorted(made, key=lambda word: len(word) + self.draw.random() * 14)

    def some(self, script: str, count: int) -> list[str]:
        """Words of a script."""
        words = self.words[script]
        return [words[k] for k in numpy.searchsorted(self.skew, self.rng.random(count)).tolist()]

    def fresh(self, script: str) -> tuple[str, list[str]]:
        """A prompt or a response as its script and words."""
        mean = 40 if self.draw.random() < 0.48 else 205
        count = max(6, round(mean * self.draw.lognormvariate(-0.03, 0.25)))
        words = self.some("latin" if script == "emoji" else script, count)
        if script == "emoji":
            words = [word + "🌾💧🍞"[k % 3] if k % 5 == 0 else word for k, word in enumerate(words)]
        if script == "latin" and self.draw.random() < 0.3:
            words += self.draw.choice(self.boilerplate).split()
        if script == "latin" and self.draw.random() < 0.15:
            words[len(words) // 2] += "\n\n"
        return script, words

    def near(self, made: tuple[str, list[str]], share: float) -> tuple[str, list[str]]:
        """The same with a share of its words replaced, left out or doubled, one at least."""
        script, words = made[0], list(made[1])
        for _ in range(max(1, round(len(words) * share))):
            at = self.draw.randrange(len(words))
            way = self.draw.random()
            if way < 0.6 or len(words) < 3:
                words[at] = self.some("latin" if script == "emoji" else script, 1)[0]
            elif way < 0.8:
                del words[at]
            else:
                words.insert(at, words[at])
        return script, words

    def family(self) -> list[list[str]]:
        """Fillings of one template."""
        before, after = self.some("latin", 18), self.some("latin", 15)
        slot = self.draw.choice((1, 7))
        filled = [[*before, *self.some("latin", slot), *after] for _ in range(self.draw.randint(8, 60))]
        return list({" ".join(words): words for words in filled}.values())


def written(made: tuple[str, list[str]]) -> str:
    """Words as a text; Han has no blanks between them."""
    return ("" if made[0] == "han" else " ").join(made[1])


def jaccard(one: str, other: str, script: str) -> float:
    """The likeness of two texts by Python sets."""
    a, b = grams(one, script), grams(other, script)
    return len(a & b) / len(a | b)


def grams(text: str, script: str) -> set[str]:
    """The n-grams of a text: 2 signs of Han, 5 of others; what is shorter is one as a whole."""
    text, n = normalise(text), 2 if script == "han" else 5
    return {text[k : k + n] for k in range(max(1, len(text) - n + 1))}


class Planted:
    """Batches of texts and the pairs planted in them."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows, self.source = rows, Source(seed)
        self.pool: list[tuple[int, tuple[str, list[str]]]] = []
        self.truth: list[tuple[int, int, float, str]] = []
        self.near_pairs = 0

    def batches(self) -> Iterator[list[str]]:
        """The texts of rows 0 … n - 1."""
        draw, texts = self.source.draw, list[str]()
        for row in range(self.rows):
            if len(texts) == BATCH:
                yield texts
                texts = []
            if row + 60 < self.rows and draw.random() < 0.01 / 34:
                self._family(row)
            texts.append(self._text(row))
        yield texts

    def _family(self, row: int) -> None:
        filled = [" ".join(words) for words in self.source.family()]
        sets = [grams(text, "latin") for text in filled]
        self.waiting = filled[::-1]
        for i, j in combinations(range(len(filled)), 2):
            likeness = len(sets[i] & sets[j]) / len(sets[i] | sets[j])
            if likeness >= 0.7:
                self.truth.append((row + i, row + j, likeness, "family"))

    waiting: list[str] = []  # noqa: RUF012 - replaced, never changed in place for the class

    def _text(self, row: int) -> str:
        if self.waiting:
            return self.waiting.pop()
        source, draw = self.source, self.source.draw
        chance = draw.random()
        if chance < 0.005:
            return draw.choice(TINY)
        if chance < 0.055:
            return written(source.hot[min(int(draw.paretovariate(0.8)) - 1, len(source.hot) - 1)])
        if chance < 0.105 and self.pool:
            return written(draw.choice(self.pool)[1])
        if chance < 0.205 and self.pool:
            return self._near(row)
        made = source.fresh(draw.choice(OTHERS) if draw.random() < 0.06 else "latin")
        if len(self.pool) < POOL:
            self.pool.append((row, made))
        elif draw.random() < 0.5:
            self.pool[draw.randrange(POOL)] = (row, made)
        return written(made)

    def _near(self, row: int) -> str:
        source, draw = self.source, self.source.draw
        at = draw.randrange(len(self.pool))
        self.pool[at], self.pool[-1] = self.pool[-1], self.pool[at]
        origin, made = self.pool.pop()
        share = draw.choice((0.0, 0.01, 0.02, 0.04, 0.07, 0.12))
        if share:
            text, before = written(source.near(made, share)), written(made)
        else:
            before = written(made)
            text = f" {before.upper()}\n" if len(before.upper().casefold()) == len(before) else f"\t{before} \n"
        self.near_pairs += 1
        if self.near_pairs <= TRUE_PAIRS:
            self.truth.append((origin, row, jaccard(before, text, made[0]), "near" if share else "case"))
        return text

    def night(self) -> list[str]:
        """The texts of one night more, rows n, n + 1, …"""
        texts, first = [], self.rows
        self.truth = []
        for k in range(NIGHT):
            origin, made = self.pool[k % len(self.pool)]
            if k % 4 == 2:
                self.truth.append((origin, first + k, 1.0, "copy"))
            elif k % 4 == 3:
                words = list(made[1])
                words[len(words) // 2] = "changedword"
                before, made = written(made), (made[0], words)
                self.truth.append((origin, first + k, jaccard(before, written(made), made[0]), "near"))
            else:
                made = self.source.fresh("latin")
            texts.append(written(made))
        return texts


def write_truth(file: Path, truth: list[tuple[int, int, float, str]]) -> None:
    """The planted pairs as a table."""
    a, b, jaccards, kinds = (list(each) for each in zip(*truth, strict=True))
    pyarrow.parquet.write_table(pyarrow.table({"a": a, "b": b, "jaccard": jaccards, "kind": kinds}), file)


def main() -> None:
    """Write the files."""
    rows, folder, seed = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    planted, row, letters = Planted(rows, seed), 0, 0
    schema = pyarrow.schema([("id", pyarrow.int64()), ("text", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(folder / "texts.parquet", schema, compression="zstd") as file:
        for texts in planted.batches():
            letters += sum(len(text.encode()) for text in texts)
            file.write_table(pyarrow.table({"id": range(row, row + len(texts)), "text": texts}, schema))
            row += len(texts)
    write_truth(folder / "truth.parquet", planted.truth)
    table = pyarrow.table({"id": range(rows, rows + NIGHT), "text": planted.night()}, schema)
    pyarrow.parquet.write_table(table, folder / "night.parquet", compression="zstd")
    write_truth(folder / "night_truth.parquet", planted.truth)
    print(letters / row)


if __name__ == "__main__":
    main()
