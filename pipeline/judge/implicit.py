"""What two log-probabilities of the same response, or of two responses, say together; log-probabilities are in nats."""

from __future__ import annotations

import math


def implicit_reward(policy: float, reference: float) -> float:
    """SPA's reward of a response (arXiv 2406.04412): log pi(y|x) - log pi_ref(y|x), summed over tokens."""
    return policy - reference


def preference_probability(first: float, second: float, *, beta: float) -> float:
    """How likely the first of two responses is preferred under their implicit rewards: sigmoid(beta (r1 - r2))."""
    return math.exp(-softplus(-beta * (first - second)))


def ranking_difficulty(chosen: float, rejected: float) -> float:
    """How far a reference model is from ranking a pair right (arXiv 2405.19534): log pi_ref(y_l|x) - log pi_ref(y_w|x).

    At most 0: it ranks the pair right already.
    """
    return rejected - chosen


def required_loss(difficulty: float, *, beta: float) -> float:
    """The DPO loss under which a trained model ranks a pair of this difficulty right: softplus(-beta c) (same paper)."""
    return softplus(-beta * difficulty)


def softplus(value: float) -> float:
    """log(1 + e^value), for values of any size."""
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))
