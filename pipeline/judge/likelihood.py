"""How likely each label was, read from the log-probabilities of one constrained reply.

A judge that answers `A` or `B` says more than the letter: the probability of each at the place where they part is a soft
label (arXiv 2309.00267, section 2.1), and over the numbers of a scale an expected score (section 2.2). Tokenizers cut as
they like: a label may be several tokens, several labels may begin with the same one, and `1` is where `10` begins.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.requests import Draw, TokenLogprob

LEAST_MASS = 1e-4
"""A share of the mass that may stay undivided between labels: it moves an expected score of ten by less than 0.001."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Probabilities of labels, which sum to 1 with those of `undivided` groups: labels that one draw cannot tell apart.

    An undivided group is told apart by asking again with those labels alone: their shares then divide its mass.
    """

    labels: Mapping[str, float]
    undivided: tuple[tuple[tuple[str, ...], float], ...] = ()

    @property
    def is_divided(self) -> bool:
        """Whether every label has its own probability, but for a mass that does not matter."""
        return sum(mass for _, mass in self.undivided) <= LEAST_MASS

    def divided_by(self, group: Sequence[str], shares: Mapping[str, float]) -> Likelihood:
        """With the mass of one undivided group dealt out in these shares, which sum to 1."""
        labels = dict(self.labels)
        rest = []
        for members, mass in self.undivided:
            if members == tuple(group):
                for label in members:
                    labels[label] += mass * shares[label]
            else:
                rest.append((members, mass))
        return Likelihood(labels, tuple(rest))


def likelihood_of(draw: Draw, labels: Sequence[str]) -> Likelihood | None:
    """The likelihood of each label in a reply that is one of them; None when no log-probability speaks of any.

    Labels are unique and not empty. A label that is not among the alternatives of its token has probability 0: servers
    tell the likeliest twenty at most.
    """
    masses = dict.fromkeys(labels, 0.0)
    lumps: dict[tuple[str, ...], float] = {}
    prefix, factor = "", 1.0
    for token in (*draw.logprobs, *([draw.ending] if draw.ending else [])):
        onward: tuple[str, float] | None = None
        alternatives = _alternatives(token)
        reach = {text: (prefix + text).lstrip() if not prefix.strip() else prefix + text for text in alternatives}
        for text, logprob in alternatives.items():
            group = _meant(reach[text], reach.values(), labels)
            mass = factor * math.exp(logprob)
            if len(group) == 1:
                masses[group[0]] += mass
            elif group and text == token.token:
                onward = (reach[text], mass)
            elif 0 < len(group) < len(labels):  # one that may be any label (white space) tells nothing
                lumps[group] = lumps.get(group, 0.0) + mass
        if onward is None:
            prefix = ""
            break
        prefix, factor = onward
    if group := _compatible(prefix, labels) if prefix else ():
        lumps[group] = lumps.get(group, 0.0) + factor  # the reply ended before its labels parted
    total = sum(masses.values()) + sum(lumps.values())
    if total <= 0 or not math.isfinite(total):
        return None
    return Likelihood(
        {label: mass / total for label, mass in masses.items()},
        tuple((group, mass / total) for group, mass in sorted(lumps.items()) if mass > 0),
    )


def expected_score(likelihood: Likelihood) -> float:
    """The mean of numeric labels under a divided likelihood: sum of i · P(i), P renormalised over what is known."""
    known = sum(likelihood.labels.values())
    return sum(float(label) * share for label, share in likelihood.labels.items()) / known


def _alternatives(token: TokenLogprob) -> dict[str, float]:
    """The alternatives of a token, itself among them."""
    return {token.token: token.logprob, **token.alternatives}


def _meant(reached: str, others: Collection[str], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that a token means among its alternatives: where one of those is `10` itself, `1` is not its beginning."""
    group = _compatible(reached, labels)
    return tuple(label for label in group if label == reached or label not in others) if reached else group


def _compatible(reached: str, labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that a reply which has come so far may still be.

    Nothing yet: all of them. A text that goes on beyond a label (`1"`, `1<end>`) is that label, the longest that it
    begins with, for a longer one would have been spelled.
    """
    ahead = tuple(label for label in labels if label.startswith(reached))
    if ahead:
        return ahead
    passed = [label for label in labels if reached.startswith(label)]
    return (max(passed, key=len),) if passed else ()
