"""Private data and secrets: every planted one is found, and what only looks like one is left alone.

Secrets are put together from parts, so that no scanner takes this file for a leak; all are made up.
"""

from __future__ import annotations

import base64
import itertools
import json
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.private import numbers, secrets
from pipeline.private.find import find, mask, merged
from pipeline.private.kinds import KINDS, Kind, Span, masked, placeholder

LETTERS = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zAbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"


def part(data: dict[str, str]) -> str:
    """One part of a web token."""
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


TOKEN = ".".join([part({"alg": "HS256", "typ": "JWT"}), part({"sub": "1234567890", "name": "Ada"}), LETTERS[:43]])
KEY_BODY = "\n".join([LETTERS[:64]] * 4)

CANARIES: list[tuple[Kind, str]] = [
    ("email", "ada.lovelace+mill@analytical-engine.co.uk"),
    ("email", "o'neil_7@mail.mills.museum"),
    ("ip", "93.184.216.34"),
    ("ip", "2606:4700:4700::1111"),
    ("phone", "+49 170 1234567"),
    ("phone", "+1 (415) 555-2671"),
    ("phone", "+8613812345678"),
    ("phone", "+44.20.7946.0958"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("iban", "FR14-2004-1010-0505-0001-3M02-606"),
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("card", "5555-5555-5555-4444"),
    ("ssn", "536-90-4399"),
    ("api_key", "AKIA" + "IOSFODNN7ABCDEFG"),
    ("api_key", "ghp_" + LETTERS[:36]),
    ("api_key", "github_pat_" + LETTERS[:22] + "_" + LETTERS[:59]),
    ("api_key", "sk-" + LETTERS[:48]),
    ("api_key", "sk-proj-" + LETTERS[:30] + "-_" + LETTERS[:30]),
    ("api_key", "sk-ant-api03-" + LETTERS[:60]),
    ("api_key", "sk-or-v1-" + HEX),
    ("api_key", "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh"),
    ("api_key", "xoxb-" + "123456789012-1234567890123-" + LETTERS[:24]),
    ("api_key", "https://hooks.slack.com/services/" + "T00000000/B00000000/" + LETTERS[:24]),
    ("api_key", "AIza" + LETTERS[:35]),
    ("api_key", "sk_live_" + LETTERS[:24]),
    ("api_key", "glpat-" + LETTERS[:20]),
    ("api_key", "npm_" + LETTERS[:36]),
    ("private_key", f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----"),
    ("private_key", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_BODY}"),
    ("private_key", f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{KEY_BODY}\n=njUN\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("jwt", TOKEN),
]
INSIDE: list[tuple[Kind, str, str]] = [
    ("bearer", "curl -H 'Authorization: Bearer {}'", "tK9f" + LETTERS[:24]),
    ("password", "postgres://miller:{}@db.mill.internal/grain", "h0pper-Stone9"),
    ("password", 'API_KEY = "{}"', "f9Kd82hGq0Lw71Zx"),
    ("password", "db_password: '{}'", "c0rn&Rye!2Grind"),
    ("api_key", "aws_secret_access_key = {}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzKd93hGq0L"),
]

INNOCENT = [
    "version 1.2.3.4",
    "v10.20.30.40 of the driver", "Release 93.184.216.34", "numpy>=12.34.56.78",
    'opencv_version = "5.0.0.93"', 'ObjectIdentifier("2.5.29.30")',
    "1.2.3.4.5", "pkg-21.31.41.51",
    "192.168.1.10", "10.0.0.7", "127.0.0.1", "172.16.254.1", "169.254.10.20", "0.0.0.0", "255.255.255.255", "203.0.113.9",
    "300.200.100.50", "224.0.0.251", "DNS at 8.8.8.8 and 1.1.1.1",
    "::1", "fe80::1ff:fe23:4567:890a", "2001:db8::1", "std::vector", "dead::beef", "12:30:45", "00:1a:2b:3c:4d:5e", "a::b",
    "order 4111 1111 1111 1112", "order 1234567812345678", "ISBN 978-3-16-148410-0", "0000 0000 0000 0000",
    "4111111111111111.5", "id-4111111111111111", "4444 4444 4444 4444",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit 9fceb02d0ae598e95dc970b74767f19372d6af4f",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "550e8400-e29b-41d4-a716-446655440000",
    "000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "078-05-1120", "2024-01-1999", "123-45-67890",
    "call 555-2671", "+20 % more", "1+12345678", "C++20 2011 2014", "x = +1234567", "+1 123 456 7890", "+999 12345678",
    "+12 345", "a+491701234567",
    "DE00 3704 0044 0532 0130 00", "GB82WEST12345698765431", "XX82WEST12345698765432", "DE89 3704", "AB12 CD34 EF56",
    "DE89370400440532013000X",
    "ada@example.com", "root@localhost", "bob@mill.test", "git@github.com:miller/mill.git", "icon@2x.png", "@mill.stones",
    "user@host", "a @ b.com", "matrix @ vector.T",
    "AKIA" + "IOSFODNN7EXAMPLE", "AKIAISSHORT", "sk-learn-based-pipelines-2024-results", "sk-short1", "hf_hub_download",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "npm_config_registry", "xoxb-your", "task-" + LETTERS[:48],
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "a -----BEGIN PRIVATE KEY----- line",
    "eyJub3QiOiJhIHRva2VuIn0.eyJub3QiOiJhIHRva2VuIn0.c2lnbmF0dXJlc2lnbmF0dXJl", "Bearer of good news and of bad news",
    "Bearer YOUR_ACCESS_TOKEN_GOES_HERE_1", "Authorization: Bearer <token>", "https://user:password@host/", "ftp://u:${PASS}@h",
    'password = "correct horse"', 'token: "aaaaaaaaaaaaaaa1"', 'secret = "<your-secret-here-1>"', 'api_key="example-key-12345"',
    "http://host:8080/a@b", "mailto:ada@example.org", "passwords are long", 'key: "abcdefghijkl"',
]  # fmt: skip
SENTENCES = ["{}", "Write to {} today.", "({})", "seen: {}, then nothing", "日本語{}日本語", "x\n{}\ny", '"{}"']


def test_there_are_enough_canaries() -> None:
    assert len(CANARIES) + len(INSIDE) >= 25
    assert {kind for kind, *_ in [*CANARIES, *INSIDE]} == set(KINDS)


@pytest.mark.parametrize(("kind", "secret"), CANARIES)
@pytest.mark.parametrize("sentence", [each for each in SENTENCES if "日" not in each])
def test_a_canary_is_found_wherever_it_stands(kind: Kind, secret: str, sentence: str) -> None:
    text = sentence.format(secret)
    (span,) = find(text, KINDS)
    assert (span.kind, text[span.start : span.end]) == (kind, secret)
    assert find(text, set(KINDS) - {kind}) == [] or kind in ("api_key", "private_key")


@pytest.mark.parametrize(("kind", "sentence", "secret"), INSIDE)
def test_a_secret_is_found_by_what_stands_around_it(kind: Kind, sentence: str, secret: str) -> None:
    text = sentence.format(secret)
    (span,) = find(text, KINDS)
    assert (span.kind, text[span.start : span.end]) == (kind, secret)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_private_data_is_left_alone(text: str) -> None:
    assert find(text, KINDS) == []
    assert find(f"See {text} here.", KINDS) == []


def test_all_canaries_in_one_text_are_found_and_masked() -> None:
    text = "\n".join(f"- {secret} ;" for _, secret in CANARIES)
    found = find(text, KINDS)
    assert [span.kind for span in found] == [kind for kind, _ in CANARIES]
    clean = mask(text, partial(find, kinds=KINDS))
    assert [line.strip("- ;") for line in clean.split("\n")] == [placeholder(kind) for kind, _ in CANARIES]
    assert not any(secret in clean for _, secret in CANARIES)


@pytest.mark.parametrize("before", ["ip=", "<td>", "> ", "http://", "from:", "(", "rev "])
def test_an_address_is_found_behind_other_signs(before: str) -> None:
    text = f"{before}93.184.216.34/a"
    assert [text[span.start : span.end] for span in find(text, KINDS)] == ["93.184.216.34"]


def test_kinds_that_were_not_asked_for_are_left() -> None:
    text = "ada@mill.org and 93.184.216.34"
    assert [span.kind for span in find(text, ["ip"])] == ["ip"]
    assert mask(text, partial(find, kinds=("email",))) == "<EMAIL> and 93.184.216.34"


def test_what_two_detectors_find_is_one_stretch_of_the_first() -> None:
    key = "ghp_" + LETTERS[:36]
    assert [span.kind for span in find(f'token: "{key}"', KINDS)] == ["api_key"]
    assert [span.kind for span in find(f'token: "{key}"', ["password"])] == ["password"]
    assert merged([Span(0, 4, "b"), Span(2, 6, "a"), Span(6, 7, "b")], {"b": 0, "a": 1}) == [Span(0, 6, "b"), Span(6, 7, "b")]


def test_a_number_after_a_telephone_number_is_not_part_of_it() -> None:
    text = "+1 415 555 2671 100 sacks"
    (span,) = find(text, ["phone"])
    assert text[span.start : span.end] == "+1 415 555 2671"


def test_what_is_only_seen_beside_a_masked_stretch_is_masked_too() -> None:
    assert mask("ada@mill.org+491701234567", partial(find, kinds=KINDS)) == "<EMAIL><PHONE>"


@pytest.mark.parametrize(
    ("digits", "passes"), [("79927398713", True), ("79927398710", False), ("0", True), ("18", True), ("19", False)]
)
def test_luhn(digits: str, passes: bool) -> None:
    assert numbers.passes_luhn(digits) is passes


@pytest.mark.parametrize(("iban", "passes"), [("BE68539007547034", True), ("BE68539007547035", False)])
def test_mod_97(iban: str, passes: bool) -> None:
    assert numbers.passes_mod_97(iban) is passes


@pytest.mark.parametrize(("value", "bits"), [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0), ("01234567", 3.0)])
def test_entropy(value: str, bits: float) -> None:
    assert secrets.entropy(value) == pytest.approx(bits)


def test_masking_replaces_stretches_and_nothing_else() -> None:
    assert masked("a secret b", [Span(2, 8, "api_key")]) == "a <API_KEY> b"
    assert masked("ab", []) == "ab"


PIECES = st.one_of(
    st.sampled_from([secret for _, secret in CANARIES] + INNOCENT + ["+", "-", " ", "@", "Bearer ", "://u:", "\n", "1", "x"]),
    st.text(max_size=12),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_masked_text_has_nothing_to_mask(text: str) -> None:
    clean = mask(text, partial(find, kinds=KINDS))
    assert find(clean, KINDS) == []
    assert mask(clean, partial(find, kinds=KINDS)) == clean


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join), st.sets(st.sampled_from(KINDS)))
def test_fewer_kinds_find_no_more_and_spans_are_in_order(text: str, kinds: set[Kind]) -> None:
    few, many = find(text, kinds), find(text, KINDS)
    assert all(any(each.start <= span.start and span.end <= each.end for each in many) for span in few)
    assert all(0 <= span.start < span.end <= len(text) for span in many)
    assert all(one.end <= other.start for one, other in itertools.pairwise(many))
