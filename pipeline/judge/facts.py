"""What a judge is shown as true, which the one who answered may never have seen (Fact-RLHF, arXiv 2309.14525)."""

from __future__ import annotations

from schemas.fingerprints import derive_seed
from schemas.rows import Facts, Prompt


def facts_for(prompt: Prompt, show: Facts) -> str:
    """The texts a prompt rests on, its evidence, its reference answer, or nothing; what is missing is the empty text.

    Several texts come in an order that is drawn from the prompt's id: no text is always first, and both candidates, in
    both orders, are judged by the same one. (The released code of Fact-RLHF shuffles anew for each candidate.)
    """
    if show == "reference":
        return prompt.reference or ""
    if show != "passage":
        return prompt.facts(show)
    places = sorted(
        range(len(prompt.context)), key=lambda place: (derive_seed(prompt.prompt_id, "facts", place), place)
    )
    return "\n\n".join(prompt.context[place]["text"] for place in places)
