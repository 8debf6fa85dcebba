"""Embedding models of a few words that any machine can make in a moment, for tests of real engines without a network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Words that mean the same have the same vector, those of one field are near, the rest is far.
MILL = {
    "what": (0.1, 0.0, 0.0, 0.1),
    "which": (0.1, 0.0, 0.0, 0.1),
    "turns": (0.0, 1.0, 0.0, 0.0),
    "rotates": (0.0, 1.0, 0.0, 0.0),
    "stone": (1.0, 0.1, 0.0, 0.0),
    "millstone": (1.0, 0.1, 0.0, 0.0),
    "runner": (0.9, 0.4, 0.0, 0.0),
    "bread": (0.0, 0.0, 1.0, 0.0),
    "butter": (0.0, 0.0, 0.9, 0.2),
    "nothing": (0.0, 0.0, 0.0, 0.0),
}


def words_of(text: str, size: int = 16) -> dict[str, list[float]]:
    """A vector for each word of a text, any two of them nearly at right angles; the same in every process."""
    import numpy

    words = sorted(set(re.findall(r"[a-z0-9]+", text.lower())))
    drawn = numpy.random.RandomState(7).standard_normal((len(words), size))
    return dict(zip(words, drawn.tolist(), strict=True))


def word_tokenizer(words: Sequence[str]) -> Any:
    """A tokenizer of lower-case words; any other word is unknown."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def make_model2vec(folder: Path, words: Mapping[str, Sequence[float]] = MILL) -> Path:
    """A model of model2vec in a folder: the vector of a text is the mean of those of its words."""
    import numpy
    from model2vec import StaticModel

    size = len(next(iter(words.values())))
    vectors = numpy.array([[0.0] * size, *words.values()], dtype=numpy.float32)
    StaticModel(vectors, word_tokenizer(list(words))).save_pretrained(folder)
    return folder


def make_sentence_transformer(folder: Path, words: Mapping[str, Sequence[float]] = MILL) -> Path:
    """The same as a model of sentence-transformers."""
    import numpy
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    size = len(next(iter(words.values())))
    vectors = numpy.array([[0.0] * size, *words.values()], dtype=numpy.float32)
    module = StaticEmbedding(word_tokenizer(list(words)), embedding_weights=vectors)
    SentenceTransformer(modules=[module], device="cpu").save(str(folder))
    return folder
