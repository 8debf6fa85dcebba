"""Numbers as people write them, and when two of them are the same."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Decimal = Literal[".", ","]
MINUS = str.maketrans({"−": "-", "–": "-", "⁄": "/", "\u00a0": " ", "\u202f": " ", "\u2009": " "})
PERCENT = r"(?P<percent>\s?(?:%|percent\b|per cent\b))?"
EXPONENT = r"(?:[eE][+-]?\d{1,3}|\s?[×x*·]\s?10\s?\^\s?\{?(?P<power>[+-]?\d{1,3})\}?)?"


def _pattern(point: str, thousands: str) -> re.Pattern[str]:
    whole = rf"(?:\d{{1,3}}(?:[{thousands}]\d{{3}})+(?!\d)|\d+)"
    return re.compile(
        rf"(?P<sign>(?<![\w.)])[-+]\s?)?[$€£¥]?\s?(?<![\w.])(?:"
        rf"(?P<mixed>\d+)\s+(?P<above>\d+)/(?P<below>\d+)"
        rf"|(?P<upper>\d+)\s?/\s?(?P<lower>\d+)(?![/\d])"
        rf"|(?P<plain>(?:{whole}(?:{point}\d+)?|{point}\d+){EXPONENT})"
        rf"){PERCENT}"
    )


PATTERNS: dict[Decimal, tuple[re.Pattern[str], str]] = {
    ".": (_pattern(r"\.", r",'’_ "), ",'’_ "),
    ",": (_pattern(",", r".'’_ "), ".'’_ "),
}
VULGAR = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
RAISED = re.compile(r"(?<=10)[⁺⁻]?[⁰¹²³⁴-⁹]+")
FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(-?\d+)\s*\}")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written: its value before a percent sign is heeded, and whether there is one."""

    value: float
    is_percent: bool = False

    @property
    def readings(self) -> tuple[float, ...]:
        """What it may mean: 45 % is 0.45, and where a percentage is asked for it is 45."""
        return (self.value, self.value / 100) if self.is_percent else (self.value,)


def numbers_in(text: str, decimal: Decimal = ".") -> list[Number]:
    """All numbers of a text, in order: signs, thousands separators, fractions, powers of ten and percent are understood.

    What surrounds them (a currency, a unit) is left out. What is no finite number (1/0, 1e999) is left out too.
    """
    text = RAISED.sub(lambda match: "^" + match.group(), VULGAR.sub(" ", text))
    text = unicodedata.normalize("NFKC", text.translate(MINUS)).translate(MINUS)
    text = FRACTION.sub(r"\1/\2", text)
    pattern, thousands = PATTERNS[decimal]
    found = []
    for match in pattern.finditer(text):
        value = _value(match, decimal, thousands)
        if value is not None and math.isfinite(value):
            found.append(Number(-value if (match["sign"] or "").startswith("-") else value, bool(match["percent"])))
    return found


def _value(match: re.Match[str], decimal: str, thousands: str) -> float | None:
    if match["mixed"]:
        below = _whole(match["below"])
        return _whole(match["mixed"]) + _whole(match["above"]) / below if below else None
    if match["upper"]:
        lower = _whole(match["lower"])
        return _whole(match["upper"]) / lower if lower else None
    plain = match["plain"]
    power = 0
    if match["power"] is not None:
        power = int(match["power"])
        plain = re.split(r"\s?[×x*·]", plain)[0]
    for sign in thousands:
        plain = plain.replace(sign, "")
    return float(plain.replace(decimal, ".")) * 10.0**power


def _whole(digits: str) -> float:
    return float(digits)


def equal(first: Number, second: Number, *, tolerance: float, absolute: float) -> bool:
    """Whether two numbers are the same within `tolerance` of the greater one or within `absolute`; in either order.

    A percentage may stand against the number before its sign or against its hundredth.
    """
    if first.is_percent and second.is_percent:
        pairs = [(first.value, second.value)]
    else:
        pairs = [(one, other) for one in first.readings for other in second.readings]
    return any(math.isclose(one, other, rel_tol=tolerance, abs_tol=absolute) for one, other in pairs)
