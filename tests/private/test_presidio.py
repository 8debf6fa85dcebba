"""Presidio as an extra: its pattern recognisers without a model, names with one, and no network in either case."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from pipeline.private.find import mask, merged
from pipeline.private.presidio import Presidio, analyser
from schemas.errors import RequestError

presidio_analyzer = pytest.importorskip("presidio_analyzer")
TEXT = "Write to ada@mill.org, pay by 4111 1111 1111 1111, or send to DE89370400440532013000 via 93.184.216.34."


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"a connection to {arguments[1]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A spaCy model on disk that knows one name."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "model")
    return str(tmp_path / "model")


def test_patterns_work_without_a_model() -> None:
    found = merged(Presidio().find(TEXT), {})
    assert [(span.kind, TEXT[span.start : span.end]) for span in found] == [
        ("email_address", "ada@mill.org"),
        ("credit_card", "4111 1111 1111 1111"),
        ("iban_code", "DE89370400440532013000"),
        ("ip_address", "93.184.216.34"),
    ]


def test_only_the_entities_asked_for_are_found_and_only_with_their_score() -> None:
    assert [span.kind for span in Presidio(("EMAIL_ADDRESS",)).find(TEXT)] == ["email_address"]
    assert "ip_address" not in [span.kind for span in Presidio(min_score=0.7).find(TEXT)]


def test_masking_with_presidio_comes_to_rest() -> None:
    clean = mask(TEXT, lambda text: merged(Presidio().find(text), {}))
    assert clean == "Write to <EMAIL_ADDRESS>, pay by <CREDIT_CARD>, or send to <IBAN_CODE> via <IP_ADDRESS>."
    assert Presidio().find(clean) == []


def test_a_model_finds_names(model: str) -> None:
    presidio = Presidio(spacy_model=model)
    text = "The engine of Ada Lovelace."
    assert [(span.kind, text[span.start : span.end]) for span in presidio.find(text)] == [("person", "Ada Lovelace")]
    assert presidio.find("The engine of <PERSON>.") == []
    assert Presidio().find(text) == []


def test_what_nothing_recognises_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match="recognises no `PERSON` without a `spacy_model`"):
        Presidio(("PERSON",))
    with pytest.raises(ValueError, match="did you mean `EMAIL_ADDRESS`"):
        Presidio(("EMAIL_ADRESS",))
    assert Presidio(("PERSON",), model).wanted() == ["PERSON"]


def test_a_model_that_is_not_installed_is_refused_and_not_downloaded() -> None:
    with pytest.raises(RequestError, match="'en_core_web_none' is not installed: python -m spacy download"):
        analyser("en", "en_core_web_none")


def test_a_language_that_nobody_knows_is_refused() -> None:
    with pytest.raises(RequestError, match="cannot load the language 'qq'"):
        Presidio(language="qq")


def test_without_the_extra_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    analyser.cache_clear()
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(RequestError, match=r"needs presidio_analyzer: pip install 'prefmill\[pii\]'"):
        Presidio()
