"""A reward model of words and word pairs that never sees the prompt: what it learns, a trained one can learn too."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.audit.release.figures import Measured
from pipeline.audit.release.intervals import area_of
from pipeline.extras import library

NEEDED_FOR = "the n-gram probe"
START, END = 1500, 500
"""So many characters from the two ends of a text are read."""
FOLDS = 5
LEAST_PAIRS, LEAST_DOCUMENTS = 50, FOLDS
SHOWN = 20
MATCHED = 0.9
STRENGTH = 1.0
LEAST_TEXTS = 3
LEAST_SHARE = 0.001
"""An n-gram must be in so many texts, and in such a share of the pairs: what is rarer is no shortcut worth a name."""

# Dense scripts have no blanks between words: there each sign is a word. Punctuation and Markdown are words too.
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f"
TOKEN = re.compile(f"[{_DENSE}]|[^\\W{_DENSE}]+|[^\\w\\s]")


@dataclass(frozen=True, slots=True)
class Gram:
    """An n-gram, its weight in logits (above 0: it speaks for chosen), and the share of texts of either side that have it."""

    text: str
    weight: float
    chosen: float
    rejected: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What the probe reached on documents it had not seen, over all pairs and over those of one length; its heaviest n-grams."""

    auc: Measured
    matched: Measured | None
    chosen: list[Gram] = field(default_factory=list)
    rejected: list[Gram] = field(default_factory=list)


@dataclass(slots=True)
class Texts:
    """Tokenised pairs: `tokens` of all texts in a row, each as its number in `words`; text i ends before `ends[i]`."""

    words: dict[str, int] = field(default_factory=dict)
    tokens: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    documents: list[str] = field(default_factory=list)
    lengths: list[tuple[int, int]] = field(default_factory=list)

    def add(self, document: str, chosen: str, rejected: str) -> None:
        """One more pair."""
        for text in (chosen, rejected):
            words = self.words
            self.tokens.extend([words.setdefault(word, len(words)) for word in TOKEN.findall(text.lower())])
            self.ends.append(len(self.tokens))
        self.documents.append(document)
        self.lengths.append((len(chosen), len(rejected)))


def run_probe(pairs: Iterable[tuple[str, str, str]]) -> Probe | None:
    """Train and test the probe on `(document, chosen, rejected)`; None below 50 pairs or 5 documents.

    Features are the presence of words and of two words in a row, each text scaled to length 1. The probe is a
    Bradley-Terry model on them: a logistic regression without intercept on chosen minus rejected, L2-penalised (C = 1).
    Its area is that of `area_of` on pairs of documents that it was not trained on (five folds by document), so it can
    learn neither a document nor a topic; the weights shown are those of a probe trained on all. The interval is that of
    the pairs it was tested on: what other pairs to train on would have changed is not in it.
    """
    numpy, sparse = library("numpy", NEEDED_FOR), library("scipy.sparse", NEEDED_FOR)
    linear = library("sklearn.linear_model", NEEDED_FOR)
    folds = library("sklearn.model_selection", NEEDED_FOR)
    texts = Texts()
    for document, chosen, rejected in pairs:
        texts.add(document, chosen, rejected)
    if len(texts.documents) < LEAST_PAIRS or len(set(texts.documents)) < LEAST_DOCUMENTS:
        return None
    names, present = _features(texts, numpy, sparse)
    leads = _leads(present, numpy, sparse)
    numbers = {document: number for number, document in enumerate(sorted(set(texts.documents)))}
    groups = numpy.array([numbers[document] for document in texts.documents])
    scores = numpy.zeros(len(groups))
    for train, test in folds.GroupKFold(FOLDS).split(leads, groups=groups):
        scores[test] = leads[test] @ _fit(leads[train], numpy, linear, sparse)
    told = list(zip(texts.documents, map(float, scores.round(9)), strict=True))
    auc = area_of(told)
    assert auc is not None
    matched = area_of(row for row, sizes in zip(told, texts.lengths, strict=True) if min(sizes) >= MATCHED * max(sizes))
    weights = _fit(leads, numpy, linear, sparse)
    return Probe(auc, matched, *_heaviest(names, weights, present, numpy))


def _features(texts: Texts, numpy: Any, sparse: Any) -> tuple[list[str], Any]:
    """The n-grams that are frequent enough, and the matrix of which text (chosen and rejected in turn) has which."""
    tokens = numpy.frombuffer(texts.tokens, dtype=numpy.int32).astype(numpy.int64)
    ends = numpy.frombuffer(texts.ends, dtype=numpy.int64)
    rows = numpy.repeat(numpy.arange(len(ends)), numpy.diff(ends, prepend=0))
    # Numbers by spelling, not by who came first: the same n-grams have the same columns in any order of pairs.
    spelled = sorted(texts.words)
    rank = numpy.zeros(len(spelled) or 1, dtype=numpy.int64)
    rank[[texts.words[word] for word in spelled]] = numpy.arange(len(spelled))
    tokens = rank[tokens]
    least = max(LEAST_TEXTS, math.ceil(LEAST_SHARE * len(texts.documents)))
    single = _frequent(rows, tokens, len(ends), least, numpy)
    # A pair of words is no more frequent than either of the two, so only frequent words make pairs.
    kept = numpy.zeros(len(spelled) or 1, dtype=bool)
    kept[single[1]] = True
    together = (rows[1:] == rows[:-1]) & kept[tokens[1:]] & kept[tokens[:-1]]
    codes = (tokens[:-1] * len(spelled) + tokens[1:])[together]
    double = _frequent(rows[1:][together], codes, len(ends), least, numpy)
    names = [spelled[code] for code in single[1]]
    names += [f"{spelled[code // len(spelled)]} {spelled[code % len(spelled)]}" for code in double[1]]
    return names, sparse.hstack([single[0], double[0]], format="csr")


def _frequent(rows: Any, codes: Any, texts: int, least: int, numpy: Any) -> tuple[Any, Any]:
    """The matrix (text by code) of those codes that are in `least` texts or more, and these codes, ascending."""
    sparse = library("scipy.sparse", NEEDED_FOR)
    known, column = numpy.unique(codes, return_inverse=True)
    cells = numpy.unique(rows * max(1, len(known)) + column)
    rows, column = numpy.divmod(cells, max(1, len(known)))
    often = numpy.bincount(column, minlength=len(known)) >= least
    place = numpy.cumsum(often) - 1
    there = often[column]
    rows, column = rows[there], place[column[there]]
    ones = numpy.ones(len(rows), dtype=numpy.float32)
    return sparse.csr_matrix((ones, (rows, column)), shape=(texts, int(often.sum()))), known[often]


def _leads(present: Any, numpy: Any, sparse: Any) -> Any:
    """Chosen minus rejected, each text scaled to length 1."""
    norms = numpy.sqrt(numpy.asarray(present.sum(axis=1)).ravel())
    scaled = sparse.diags(1 / numpy.maximum(norms, 1)) @ present
    return (scaled[0::2] - scaled[1::2]).tocsr()


def _fit(leads: Any, numpy: Any, linear: Any, sparse: Any) -> Any:
    """The weights of a Bradley-Terry model; every second pair stands the other way round, for two outcomes must be there."""
    if leads.shape[1] == 0:
        return numpy.zeros(0)
    signs = numpy.where(numpy.arange(leads.shape[0]) % 2, -1.0, 1.0)
    model = linear.LogisticRegression(C=STRENGTH, fit_intercept=False, solver="lbfgs", max_iter=300, tol=1e-4)
    return model.fit(sparse.diags(signs) @ leads, signs).coef_[0]


def _heaviest(names: list[str], weights: Any, present: Any, numpy: Any) -> tuple[list[Gram], list[Gram]]:
    """The n-grams with the most weight for chosen and for rejected."""
    chosen, rejected = (numpy.asarray(present[side::2].mean(axis=0)).ravel() for side in (0, 1))
    grams = [
        Gram(name, round(float(weight), 6), round(float(one), 6), round(float(other), 6))
        for name, weight, one, other in zip(names, weights, chosen, rejected, strict=True)
    ]
    ordered = sorted(grams, key=lambda gram: (-abs(gram.weight), gram.text))
    return (
        [gram for gram in ordered if gram.weight > 0][:SHOWN],
        [gram for gram in ordered if gram.weight < 0][:SHOWN],
    )
