"""Several answers shown at once: under names that tell nothing, in an order that tells nothing."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from pipeline.strategy import Nothing
from schemas.fingerprints import derive_seed
from schemas.rows import Response
from schemas.units import ResponseGroup

NAMES = string.ascii_uppercase
"""What answers are called in a prompt; there are no more of them at once."""

Lineup = Mapping[str, Response]


def line_up(unit: ResponseGroup, criterion: str, number: int = 0) -> Lineup:
    """The responses of a prompt by the name they are shown under, A first.

    The order is a shuffle that hangs on the prompt, the responses and the criterion alone: the same in any process,
    whatever order the responses come in. The next `number` moves every answer up by one place and the first one to the
    end, so that over as many line-ups as there are answers each has stood at each place; then comes another shuffle.
    """
    shuffle, turn = divmod(number, len(unit.responses))
    shuffled = sorted(
        unit.responses,
        key=lambda each: (
            derive_seed(unit.prompt.prompt_id, each.response_id, criterion, shuffle),
            each.response_id,
        ),
    )
    return dict(zip(NAMES, shuffled[turn:] + shuffled[:turn], strict=False))


def shown(lineup: Lineup) -> list[dict[str, str]]:
    """The answers as a prompt takes them."""
    return [{"name": name, "text": response.text} for name, response in lineup.items()]


def name_of(lineup: Lineup, response_id: str) -> str:
    """The name that a response is shown under."""
    return next(name for name, response in lineup.items() if response.response_id == response_id)


def refuse(responses: Sequence[Response], least: int, most: int) -> Nothing | None:
    """Why so many responses are not shown at once, or None when they are."""
    if len(responses) < least:
        return Nothing("too_few_candidates", f"{len(responses)} responses; it takes {least} to compare them")
    if len(responses) > most:
        return Nothing(
            "too_many_candidates", f"{len(responses)} responses, of which {most} are shown at once; raise `most`"
        )
    return None
