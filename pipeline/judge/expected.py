"""How likely each label of one request is, asked for until they are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.judge.likelihood import Likelihood, likelihood_of
from schemas.requests import Asking, Choice, Completion, Request

LOGPROBS = 20
"""As many alternatives as servers tell at most."""


def ask_likelihood(request: Request, labels: Sequence[str]) -> Asking[tuple[Completion, Likelihood | None]]:
    """The likelihood of each label as the reply to a request, whose shape and log-probabilities are set here.

    Where a first token left labels together (1 and 10), those are asked for once more by themselves. None where no
    log-probability speaks of the labels, or where some are still together.
    """
    (completion,) = yield [_with(request, labels)]
    found = likelihood_of(completion.draws[0], labels)
    if found is None or found.is_divided:
        return completion, found
    groups = [group for group, _ in found.undivided]
    replies = yield [_with(request, group) for group in groups]
    for group, reply in zip(groups, replies, strict=True):
        shares = likelihood_of(reply.draws[0], group)
        if shares is None or not shares.is_divided:
            return completion, None
        known = sum(shares.labels.values())
        found = found.divided_by(group, {label: share / known for label, share in shares.labels.items()})
    return completion, found


def most_groups(labels: Sequence[str]) -> int:
    """How many groups of labels one token may leave together: one for each first letter that several share."""
    letters = [label[0] for label in labels]
    return len({letter for letter in letters if letters.count(letter) > 1})


def _with(request: Request, labels: Sequence[str]) -> Request:
    return replace(request, shape=Choice(tuple(labels)), logprobs=LOGPROBS)
