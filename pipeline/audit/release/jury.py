"""How wrong labels are, estimated from how much independent verdicts on the same pairs disagree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.audit.accuracy import wilson
from pipeline.audit.release.figures import Measured


@dataclass(frozen=True, slots=True)
class Jury:
    """What a jury says of a release: how often two voters agree, how often one errs, how often the label is wrong."""

    agreement: Measured
    voter_error: Measured
    label_noise: Measured


def jury(votes: Mapping[tuple[int, int], int]) -> Jury | None:
    """The estimates of the one-coin model from `{(for the label, against it): pairs}`; None without a pair of two voters.

    One-coin: every voter is right with the same probability p, independently of the others, and both answers are as likely
    the better one (Dawid & Skene 1979 with one parameter for all; Raykar et al. 2010). Two voters then agree with
    a = p² + (1 - p)², so p = (1 + √(2a - 1)) / 2, and one half where they agree no more than chance. Given k votes for the
    label and m against it, it is wrong with 1 / (1 + (p / (1 - p))^(k - m)); the noise is the mean over pairs. Voters who
    share their errors (draws of one model do) agree on them, so both errors are lower bounds.
    """
    heard = {vote: pairs for vote, pairs in votes.items() if sum(vote) >= 2 and pairs}
    pairs = sum(heard.values())
    if not pairs:
        return None
    both = sum(n * math.comb(k + m, 2) for (k, m), n in heard.items())
    same = sum(n * (math.comb(k, 2) + math.comb(m, 2)) for (k, m), n in heard.items())
    a = same / both
    low, high = wilson(a * pairs, pairs)  # comparisons within one pair are not independent: its pairs are counted
    errors = {each: voter_error(each) for each in (a, low, high)}
    noises = {each: _noise(heard, errors[each]) for each in (a, low, high)}
    return Jury(
        Measured(a, pairs, low, high),
        Measured(errors[a], pairs, errors[high], errors[low]),
        Measured(noises[a], pairs, min(noises.values()), max(noises.values())),
    )


def voter_error(agreement: float) -> float:
    """How often one voter errs, in [0, 0.5], when two of them agree that often."""
    return (1 - math.sqrt(max(0.0, 2 * agreement - 1))) / 2


def _noise(votes: Mapping[tuple[int, int], int], error: float) -> float:
    """The mean probability that the label is wrong."""
    wrong = math.fsum(n * chance_of_error(k - m, error) for (k, m), n in sorted(votes.items()))
    return wrong / sum(votes.values())


def chance_of_error(lead: int, error: float) -> float:
    """How likely a label is wrong that has so many votes more than the other side, each of them wrong with `error`."""
    if lead == 0 or error >= 0.5:
        return 0.5
    if error <= 0:
        return 0.0 if lead > 0 else 1.0
    return 1 / (1 + math.exp(min(700.0, lead * math.log((1 - error) / error))))
