"""Numbers that name a person or an account, with the checks that tell them from any other number."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from pipeline.private.kinds import Span

_UNICAST = ipaddress.IPv6Network("2000::/3")
_IPV4 = re.compile(r"(?<![\w.-])(?<![^/]/)\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{1,4}:|::)[0-9a-fA-F:]{2,38}(?![\w:])")
_SMALL = 20
_VERSION = re.compile(
    r"(?:(?:\b|_)(?:version|release|build|firmware|driver|oid|object ?identifier)[\s:=\"'(]*|\bv\.?|[~^<>=!]=\s*|[~^]\s*)$",
    re.IGNORECASE,
)

# The codes that the ITU has assigned (E.164, list of 2016 with its later notes); +1 and +7 have fixed lengths.
_COUNTRY = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|21[1-368]|2[2-6]\d|29[01789]|35\d|37[0-9]|38[0-35-79]|42[013]|50\d|59\d|67[02-9]|68[0-35-9]|69[0-2]"
    r"|8[05]0|85[2356]|87[08]|88[0-368]|96[0-8]|97[0-79]|99[2-68]"
)
_PHONE = re.compile(r"(?<![\w+.,=^*/-])\+(?=\d)(?:\d|[ .\u00a0-](?=[\d(])|\((?=\d)|\)(?=[ .-]?\d)){7,24}(?![\w%])")
_SHORTEST_PHONE, _LONGEST_PHONE = 8, 15

_SSN = re.compile(r"(?<![\w.-])(?!000|666|9)(\d{3})-(?!00)(\d{2})-(?!0000)(\d{4})(?![\w-]|\.\d)")
# Printed on specimen cards or in advertisements, and so nobody's (Social Security Administration).
_NO_SSN = {"078-05-1120", "219-09-9999"}

_CARD = re.compile(r"(?<![\w.,-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{1,3})?|\d{4}[ -]\d{6}[ -]\d{4,5})(?![\w-]|[.,]\d)")
_ISSUERS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = (
    (re.compile(r"4"), (13, 16, 19)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"6011|65|64[4-9]"), (16, 19)),  # Discover
    (re.compile(r"352[89]|35[3-8]"), (16, 19)),  # JCB
    (re.compile(r"30[0-5]|36|38|39"), (14, 16)),  # Diners Club
    (re.compile(r"62"), (16, 17, 18, 19)),  # UnionPay
)

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})\d{2}(?=[ -]?[A-Z0-9])")
# Length in characters by country: SWIFT's IBAN registry.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def addresses(text: str) -> Iterator[Span]:
    """IP addresses that the whole internet can reach; private, reserved and documentation ranges are none.

    A number in four parts that is called a version or an object identifier, or whose parts are all under 20, is taken for one.
    """
    for match in _IPV4.finditer(text):
        is_version = _VERSION.search(text[max(0, match.start() - 24) : match.start()]) or all(
            int(part) < _SMALL for part in match.group().split(".")
        )
        if not is_version and _is_global(match.group()):
            yield Span(match.start(), match.end(), "ip")
    for match in _IPV6.finditer(text):
        found = match.group().rstrip(":") if not match.group().endswith("::") else match.group()
        if _is_global(found):
            yield Span(match.start(), match.start() + len(found), "ip")


def _is_global(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 6:
        return address in _UNICAST and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved


def phones(text: str) -> Iterator[Span]:
    """Telephone numbers in international form: `+`, a code that a country has, and 8 to 15 digits in all (E.164)."""
    for match in _PHONE.finditer(text):
        ends = [match.end(), *(place for place in range(match.end() - 1, match.start(), -1) if text[place] in " \u00a0")]
        for end in ends:  # another number may follow the telephone number
            digits = "".join(sign for sign in text[match.start() : end] if sign in "0123456789")
            if _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE and _is_phone(digits):
                yield Span(match.start(), end, "phone")
                break


def _is_phone(digits: str) -> bool:
    code = _COUNTRY.match(digits)
    if code is None:
        return False
    if code.group() == "1":
        return len(digits) == 11 and digits[1] in "23456789" and digits[4] in "23456789"
    return code.group() != "7" or len(digits) == 11


def ibans(text: str) -> Iterator[Span]:
    """Bank accounts: as long as their country says, and 1 modulo 97 (ISO 13616, ISO 7064)."""
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group(1), 0)
        end = match.start()
        signs: list[str] = []
        while end < len(text) and len(signs) < length:
            if text[end].isalnum() and text[end].isascii():
                signs.append(text[end].upper())
            elif text[end] not in " -" or not text[end - 1].isalnum():
                break
            end += 1
        is_whole = end == len(text) or not text[end].isalnum()
        if length and len(signs) == length and is_whole and passes_mod_97("".join(signs)):
            yield Span(match.start(), end, "iban")


def passes_mod_97(iban: str) -> bool:
    """Whether the check digits of an IBAN without blanks are right: moved to the end, in decimal, it is 1 modulo 97."""
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def cards(text: str) -> Iterator[Span]:
    """Numbers of payment cards: an issuer's prefix and length, and a right check digit (Luhn, ISO/IEC 7812)."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ -]", "", match.group())
        is_issued = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _ISSUERS)
        if is_issued and digits.isascii() and passes_luhn(digits):
            yield Span(match.start(), match.end(), "card")


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is right: with every second one from the right doubled, the digits' sum is 0 modulo 10."""
    doubled = [int(sign) * (1 + place % 2) for place, sign in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def ssns(text: str) -> Iterator[Span]:
    """Social security numbers of the USA, with hyphens; areas 000, 666 and from 900 were never given out."""
    for match in _SSN.finditer(text):
        if match.group() not in _NO_SSN:
            yield Span(match.start(), match.end(), "ssn")
