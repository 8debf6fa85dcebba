"""Private data by Microsoft's Presidio: its pattern recognisers, and names of people and places where spaCy has a model.

Presidio is an extra (`pii`). Without a spaCy model nothing is downloaded: a blank pipeline splits the words, and the
recognisers that rest on patterns and check sums do their work. With one, the model must be installed already.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from pipeline.extras import library
from pipeline.private.kinds import Span
from schemas.errors import RequestError, nearest

USUAL = ("CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN")
BY_MODEL = ("PERSON", "LOCATION")
_MASKED = re.compile(r"<[A-Z][A-Z_]*>")
NEEDED_FOR = "select/private_data with `presidio`"


@dataclass(frozen=True, slots=True)
class Presidio:
    """What Presidio is to look for. `entities` are its own names; without any, the usual ones, and with a model PERSON
    and LOCATION too. What it scores under `min_score` (0 to 1) is left; 0.4 is what a telephone number gets.

    Raises `ValueError` for an entity that nothing recognises, `RequestError` where Presidio or the model is missing.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    entities: tuple[str, ...] = ()
    spacy_model: str = ""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    min_score: Annotated[float, Field(gt=0, le=1)] = 0.4

    def __post_init__(self) -> None:
        known = analyser(self.language, self.spacy_model).get_supported_entities(self.language)
        for name in self.entities:
            if name not in known:
                without = "" if self.spacy_model else " without a `spacy_model`"
                raise ValueError(f"Presidio recognises no `{name}`{without}{nearest(name, known)}")

    def wanted(self) -> list[str]:
        """The entities that are looked for."""
        return list(self.entities or (*USUAL, *(BY_MODEL if self.spacy_model else ())))

    def find(self, text: str) -> list[Span]:
        """The stretches it recognises, each of the kind `email_address` and the like; they may overlap."""
        engine = analyser(self.language, self.spacy_model)
        found = engine.analyze(text, self.language, entities=self.wanted(), score_threshold=self.min_score)
        spans = (Span(each.start, each.end, each.entity_type.lower()) for each in found)
        return _outside_placeholders(text, spans)


def _outside_placeholders(text: str, spans: Iterable[Span]) -> list[Span]:
    """Without those that touch what is masked already: a model may take `<PERSON>` for a name."""
    masks = [match.span() for match in _MASKED.finditer(text)]
    return [span for span in spans if not any(span.start < end and start < span.end for start, end in masks)]


@functools.cache
def analyser(language: str, spacy_model: str) -> Any:
    """Presidio's engine for a language; made once, because reading a model takes seconds. It makes no network call."""
    presidio, spacy = library("presidio_analyzer", NEEDED_FOR, "pii"), library("spacy", NEEDED_FOR, "pii")
    if spacy_model and not (spacy.util.is_package(spacy_model) or Path(spacy_model).exists()):
        raise RequestError(
            f"the spaCy model {spacy_model!r} is not installed: python -m spacy download {spacy_model}, or give its folder"
        )
    engines = library("presidio_analyzer.nlp_engine", NEEDED_FOR, "pii")
    words = engines.SpacyNlpEngine(models=[{"lang_code": language, "model_name": spacy_model or "blank"}])
    try:
        words.nlp = {language: spacy.load(spacy_model) if spacy_model else spacy.blank(language)}
    except (ImportError, OSError):
        name = repr(spacy_model) if spacy_model else f"the language {language!r}"
        raise RequestError(f"spaCy cannot load {name}; give another `spacy_model` or `language`") from None
    registry = presidio.RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=words)
    registry.recognizers = [each for each in registry.recognizers if _is_of_use(each, with_model=bool(spacy_model))]
    for each in registry.recognizers:
        if type(each).__name__ == "EmailRecognizer":
            each.validate_result = _has_public_suffix
    return presidio.AnalyzerEngine(registry=registry, nlp_engine=words, supported_languages=[language])


def _is_of_use(recognizer: Any, *, with_model: bool) -> bool:
    """Web addresses are not private, and looking their domains up would use the network."""
    name = type(recognizer).__name__
    return name != "UrlRecognizer" and (with_model or name != "SpacyRecognizer")


@functools.cache
def _suffixes() -> Any:
    return library("tldextract", NEEDED_FOR, "pii").TLDExtract(suffix_list_urls=(), cache_dir=None)


def _has_public_suffix(address: str) -> bool:
    """Presidio's own check of an address, by the list of suffixes that is installed instead of one from the network."""
    return bool(_suffixes()(address).fqdn)
