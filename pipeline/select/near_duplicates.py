"""Drop or mark rows whose texts are nearly the same as another row's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pipeline.extras import demand, library
from pipeline.likeness.candidates import HAIR, Forest
from pipeline.likeness.clusters import leaders
from pipeline.likeness.minhash import MinHash
from pipeline.likeness.overlap import jaccard
from pipeline.likeness.sketches import NEEDED_FOR, Sketches, sketch
from pipeline.likeness.verify import alike_by, verified
from pipeline.select.keeping import Keep, Rank, check_keep, rank_columns, rank_of
from pipeline.strategy import Drop, Memory, Note, Rows, Said
from schemas.columns import Sifted
from schemas.fingerprints import identify

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pairs = NDArray[np.int64]

DENSE_N = 2
BETWEEN = "\0"  # stands between the texts of a pair


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Of rows that are nearly the same keep one, or mark them as a cluster that no split may cut.

    Two texts are alike when the Jaccard index of their sets of character `n`-grams is `threshold` or more; case, accents
    written in two ways and white space do not count. Pairs of texts are found by MinHash in `bands` of 8-bit `rows` (by
    default so many that a pair at the threshold is found with a chance of .998, Leskovec et al., Mining of Massive
    Datasets, section 3.4) and then compared as texts. A row that is dropped is alike to the one that is kept for it, so
    fillings of one template do not follow one another out. Pairs, with `on: pair`, are alike when prompt, chosen and
    rejected all are, each for itself, and the condition and aspect that the label holds under are the same.

    Tonight's rows are compared with all that landed before; what was compared once is not compared again.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    version: ClassVar[int] = 1

    of: Sifted = "prompts"
    on: Literal["pair", "prompt"] = "pair"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    n: Annotated[int, Field(ge=2, le=32)] = 5
    bands: Annotated[int, Field(ge=1, le=512)] | None = None
    rows: Annotated[int, Field(ge=1, le=8)] | None = None
    do: Literal["drop", "cluster"] = "drop"
    keep: Keep = "oldest"
    by: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing, and what cannot be done here."""
        demand(("numpy", "numba"), "`select/near_duplicates`", "dedup")
        if self.of != "pairs" and self.on != "pair":
            raise ValueError("`on` is for pairs; of other rows the text is compared")
        if (self.bands is None) != (self.rows is None):
            raise ValueError("`bands` and `rows` go together; leave both out to have them chosen for the threshold")
        check_keep(self.of, self.keep, self.by, self.seed)

    @property
    def spec(self) -> MinHash:
        """How texts are sketched and looked up."""
        dense = min(self.n, DENSE_N)
        if self.bands is None or self.rows is None:
            return MinHash.at(self.threshold, n=self.n, dense_n=dense)
        return MinHash(self.threshold, self.bands, self.rows, self.n, dense)

    @property
    def likeness(self) -> str:
        """The id of all that decides which texts are alike; what is remembered under it stays true."""
        return identify("likeness", self.of, self.on, self.threshold, self.spec.identity)

    def sift(self, rows: Rows) -> Iterator[Said]:
        """The rows that are dropped or marked; in memory are sketches, 126 bytes a text, and the rows that are alike."""
        key, text = ("text_key", "text")
        if self.of == "pairs":
            key, text = ("pair_key", "pair_text") if self.on == "pair" else ("prompt_key", "prompt")
        memory = rows.remember(self.likeness, key, text)
        yield from _Comparing(self, memory).said()


@dataclass(slots=True)
class _Comparing:
    """One night's comparison: texts are numbered, the known ones before the new ones."""

    strategy: NearDuplicates
    memory: Memory
    spec: MinHash = field(init=False)
    known: Sketches = field(init=False)
    new: Sketches = field(init=False)

    def __post_init__(self) -> None:
        self.spec = self.strategy.spec
        self.known = Sketches(*self.memory.sketches(self.spec.width))
        self.new = self._sketch_the_new()

    def said(self) -> Iterator[Said]:
        """What is to be said of rows that are alike."""
        np = library("numpy", NEEDED_FOR, "dedup")
        before = self.memory.alike()
        forest = Forest(len(self.known) + len(self.new))
        forest.join(before)
        found, values = self._compare(None if self._by_parts else forest)
        forest.join(found)
        if len(self.new):
            self.memory.keep(self.new.data, self.new.sizes, found, values)
        pairs = np.concatenate([before, found])
        repeated = np.array(self.memory.repeated(), np.int64)
        repeated = repeated[self._take(repeated).sizes > 0]  # nothing is like an empty text, another one neither
        numbers = np.unique(np.concatenate([pairs.ravel(), repeated]))
        yield from self._decide(pairs, numbers.tolist(), forest.roots()[numbers].tolist())

    @property
    def _by_parts(self) -> bool:
        return self.strategy.of == "pairs" and self.strategy.on == "pair"

    def _sketch_the_new(self) -> Sketches:
        np = library("numpy", NEEDED_FOR, "dedup")
        data, sizes = np.zeros((self.memory.new, self.spec.width), np.uint8), np.zeros(self.memory.new, np.uint32)
        for numbers, texts in self.memory.fresh():
            some, places = sketch(texts, self.spec), np.array(numbers, np.int64) - self.memory.known
            data[places], sizes[places] = some.data, some.sizes
        return Sketches(data, sizes)

    def _take(self, numbers: Pairs) -> Sketches:
        """The sketches of some texts."""
        np = library("numpy", NEEDED_FOR, "dedup")
        data = np.empty((len(numbers), self.spec.width), np.uint8)
        sizes = np.empty(len(numbers), np.uint32)
        is_new = numbers >= len(self.known)
        for some, which, first in ((self.known, ~is_new, 0), (self.new, is_new, len(self.known))):
            data[which], sizes[which] = some.data[numbers[which] - first], some.sizes[numbers[which] - first]
        return Sketches(data, sizes)

    def _compare(self, forest: Forest | None) -> tuple[Pairs, Any]:
        """Pairs with a new text that are alike, and how much; with a forest enough of them to join what is alike."""
        np = library("numpy", NEEDED_FOR, "dedup")
        pairs, values = [np.empty((0, 2), np.int64)], [np.empty(0)]
        for some, exact in verified(self.known, self.new, self.spec, self.memory.texts, forest=forest):
            is_alike = np.array(self._parts_alike(some.tolist()), bool) if self._by_parts else np.ones(len(some), bool)
            pairs.append(some[is_alike])
            values.append(exact[is_alike])
        return np.concatenate(pairs), np.concatenate(values)

    def _parts_alike(self, asked: Sequence[Sequence[int]]) -> list[bool]:
        """Of pairs whose texts are alike as a whole: whether prompt, chosen and rejected are, each for itself."""
        numbers = sorted({number for both in asked for number in both})
        texts = dict(zip(numbers, self.memory.texts(numbers), strict=True))
        split = [[texts[number].split(BETWEEN) for number in both] for both in asked]
        comparable = [len(one) == len(other) and one[3:] == other[3:] for one, other in split]
        left = [part for (one, _), fits in zip(split, comparable, strict=True) if fits for part in one[:3]]
        right = [part for (_, other), fits in zip(split, comparable, strict=True) if fits for part in other[:3]]
        exact = jaccard(left, right, self.spec).reshape(-1, 3)
        parts = iter((exact.min(axis=1) >= self.spec.threshold - HAIR).tolist())
        return [fits and bool(next(parts)) for fits in comparable]

    def _decide(self, pairs: Pairs, numbers: list[int], roots: list[int]) -> Iterator[Said]:
        """Within each component the best row leads, and each other follows a leader that it is alike to, or leads."""
        strategy = self.strategy
        rows: dict[int, list[Rank]] = {}
        for number, *values in self.memory.rows(numbers, *rank_columns(strategy.of, strategy.keep, strategy.by)):
            rows.setdefault(number, []).append(rank_of(strategy.keep, strategy.seed, values))
        together: dict[int, list[int]] = {}
        for number, root in zip(numbers, roots, strict=True):
            if number in rows:
                rows[number].sort()
                together.setdefault(root, []).append(number)
        groups = [group for group in together.values() if len(group) > 1 or len(rows[group[0]]) > 1]
        edges = ((one, other) for one, other in pairs.tolist() if one in rows and other in rows)
        followers = leaders(edges, {number: each[0] for number, each in rows.items()}, self._alike(), groups)
        clusters: dict[int, list[Rank]] = {}
        for group in groups:
            for number in group:
                clusters.setdefault(followers.get(number, number), []).extend(rows[number])
        for leader, members in clusters.items():
            if len(members) > 1:
                yield from self._tell(rows[leader][0][1], sorted(row_id for _, row_id in members))

    def _alike(self) -> Any:
        """What is asked of texts that were not compared: see `alike_by`."""
        whole = alike_by(self._take, self.memory.texts, self.spec)
        if not self._by_parts:
            return whole

        def alike(asked: list[tuple[int, int]]) -> list[bool]:
            answers = whole(asked)
            parts = iter(self._parts_alike([both for both, is_alike in zip(asked, answers, strict=True) if is_alike]))
            return [is_alike and next(parts) for is_alike in answers]

        return alike

    def _tell(self, kept: str, members: list[str]) -> Iterator[Said]:
        for row_id in members:
            if self.strategy.do == "cluster":
                yield Note(row_id, "cluster/near", text=kept)
            elif row_id != kept:
                yield Drop(row_id, "near_duplicate", f"like {kept}")
