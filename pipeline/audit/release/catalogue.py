"""Every figure of a release: its theme, what it means, the bound it should keep and why, and what to do when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["traits", "sample", "probe", "judges", "gold", "topics", "near"]
"""What a figure takes: the table of traits, a sample of texts, the probe on it, verdicts, gold labels, tags, likeness."""

NO_HELD_OUT = "give the release a second split"
NO_JUDGE = "the release needs a step that judges pairs"
NO_JURY = "ask two judges, or one judge twice with `votes: 2`"


@dataclass(frozen=True, slots=True)
class Spec:
    """One figure. `bound` is what we advise, `why` where that is from; None is a figure to know, not to bound.

    A two-sided figure says nothing at one half, and is as bad below as above. `absent` says what it takes to be measured.
    """

    name: str
    theme: str
    part: Part
    bound: float | None
    meaning: str
    remedy: str
    why: str = ""
    absent: str = "the release needs more pairs"
    side: Literal["min", "max"] = "max"
    is_two_sided: bool = False

    @property
    def gate(self) -> str:
        """The gate that bounds it in a recipe."""
        return f"{self.side}_{self.name}"


SAME_LENGTH = (
    "compare answers of one length: draw them with a length limit, or keep pairs of like length with "
    "`select/filter: {by: length_ratio, min: 0.7}`"
)
OTHER_MODEL = "let every model write on both sides, or take pairs within one model"
SPREAD = "add other sources, or cap the largest"
CLEAN = "drop them before pairs are made"
SURER = "keep pairs that all voters agree on, or take stronger judges"

SPECS = (
    Spec(
        "longer_chosen", "length", "traits", 0.65,
        "pairs of unequal length in which the longer answer was chosen", SAME_LENGTH,
        "people chose the longer one in .64 of AlpacaEval's pairs, GPT-4 in .68", is_two_sided=True,
    ),
    Spec(
        "length_auc", "length", "traits", 0.65,
        "how well length alone tells chosen from rejected; .5 is not at all", SAME_LENGTH,
        "that of people's own taste for length, see `longer_chosen`", is_two_sided=True,
    ),
    Spec(
        "length_auc_matched", "length", "traits", 0.6,
        "the same where the shorter has at least .9 of the longer one's characters",
        "even a small lead tells the label: take a judge that is told to pass over length, or `select/residualise`",
        "within a tenth of the length, length should say next to nothing", is_two_sided=True,
    ),
    Spec(
        "lists_chosen", "form", "traits", 0.65,
        "pairs with a list on one side only in which that side was chosen",
        "ask for one form of answer, or judge with Markdown taken out",
        "people chose the list in .61 of AlpacaEval's pairs, GPT-4 in .69", is_two_sided=True,
    ),
    Spec(
        "markdown_auc", "form", "traits", 0.65,
        "how well the density of headers, list items and bold type tells chosen from rejected",
        "ask for one form of answer, or judge with Markdown taken out", "as `lists_chosen`", is_two_sided=True,
    ),
    Spec(
        "markdown_auc_matched", "form", "traits", 0.65,
        "the same among answers of about one length", "ask for one form of answer, or judge with Markdown taken out",
        "as `lists_chosen`", is_two_sided=True,
    ),
    Spec(
        "probe_auc", "words", "probe", 0.75,
        "how well words and word pairs tell chosen from rejected, without the prompt, on documents not trained on",
        "read the heaviest n-grams: a phrase of one model or template is to be taken out; else make pairs within one model",
        "ours: above it a model may reach three of four labels and never read the prompt",
        "the probe needs 50 pairs of 5 documents",
    ),
    Spec(
        "probe_auc_matched", "words", "probe", 0.75,
        "the same among answers of about one length", "as for `probe_auc`; here length is not what it sees",
        "as `probe_auc`", "the probe needs 50 pairs of 5 documents",
    ),
    Spec(
        "refusal_share_chosen", "words", "traits", 0.02,
        "chosen answers that begin with a refusal", f"{CLEAN}, unless to refuse was right",
        "ours: rarer than one in fifty, refusing is not what is learnt",
    ),
    Spec(
        "refusal_share_rejected", "words", "traits", 0.1,
        "rejected answers that begin with a refusal", f"{CLEAN}: what is learnt from them is never to refuse",
        "ours: one in ten teaches it by itself",
    ),
    Spec(
        "identity_share_chosen", "words", "traits", 0.005,
        "chosen answers that say what wrote them", f"{CLEAN}: a model should not be taught another one's name",
        "ours: a name that is said again and again is learnt as a fact",
    ),
    Spec(
        "identity_share_rejected", "words", "traits", 0.05,
        "rejected answers that say what wrote them", CLEAN, "ours: the phrase then tells the label",
    ),
    Spec(
        "model_win_rate", "models", "traits", 0.9,
        "how often the most successful model wins against other models", OTHER_MODEL,
        "ours: above it, who wrote an answer tells its label", "no model has 20 pairs with another",
    ),
    Spec(
        "first_position_wins", "judges", "judges", 0.6,
        "decided verdicts for the answer that was shown first", "ask in both orders, and keep pairs that both agree on",
        "ours: odds of 3 to 2 for a place are those of a judge that reads places", NO_JUDGE, is_two_sided=True,
    ),
    Spec(
        "order_flips", "judges", "judges", 0.35,
        "questions asked in both orders that got two answers", "take a stronger judge, or keep pairs that both orders agree on",
        "GPT-4 gave one verdict in both orders on .65 of MT-Bench's pairs", "ask in both orders",
    ),
    Spec(
        "jury_agreement", "labels", "judges", None, "how often two voters on one pair agree", SURER, absent=NO_JURY, side="min",
    ),
    Spec(
        "voter_error", "labels", "judges", None,
        "how often one voter errs, if voters err independently; a lower bound", SURER, absent=NO_JURY,
    ),
    Spec(
        "label_noise", "labels", "judges", 0.25,
        "labels that are wrong, estimated from how much the voters disagree; a lower bound",
        SURER,
        "a quarter of HH-RLHF has little or no agreement with a committee (arXiv 2410.01957)", NO_JURY,
    ),
    Spec(
        "label_accuracy", "labels", "gold", 0.622,
        "pairs with a gold label in which the chosen answer is the better one",
        "take a stronger judge: see `prefmill audit judge`",
        "always taking the longest reaches .622 of people's agreement on AlpacaEval", "no pair has a gold label", side="min",
    ),
    Spec(
        "always_longest", "labels", "gold", None,
        "the accuracy that always choosing the longer answer would have on these pairs: the floor", SAME_LENGTH,
        absent="no pair has a gold label",
    ),
    Spec(
        "leakage", "splits", "traits", 0.0,
        "held-out pairs whose prompt, document or an answer is in a split before theirs",
        "drop duplicates with `select/exact_duplicates` and `select/near_duplicates`", "a test that was trained on tests nothing",
        NO_HELD_OUT,
    ),
    Spec(
        "shared_prompts", "splits", "traits", 0.0,
        "held-out pairs whose prompt is in a split before theirs",
        "drop prompts that are there twice with `select/exact_duplicates`", "as `leakage`", NO_HELD_OUT,
    ),
    Spec(
        "shared_documents", "splits", "traits", 0.0,
        "held-out pairs whose document is in a split before theirs",
        "report it: documents are shared out whole", "as `leakage`", NO_HELD_OUT,
    ),
    Spec(
        "shared_answers", "splits", "traits", 0.0,
        "held-out pairs with an answer, of 50 characters or more, that is in a split before theirs",
        "drop responses that are there twice with `select/exact_duplicates`", "as `leakage`", NO_HELD_OUT,
    ),
    Spec(
        "near_duplicates_across_splits", "splits", "near", 0.0,
        "held-out pairs whose prompt is nearly that of a pair in a split before theirs (J of 5-character sets from .8 on)",
        "keep them in one split, or drop them, with `select/near_duplicates` on prompts", "as `leakage`", NO_HELD_OUT,
    ),
    Spec(
        "source_share", "coverage", "traits", 0.5,
        "pairs from the largest source: a dataset, a host or a folder", SPREAD, "ours: no source should be the release",
    ),
    Spec(
        "document_share", "coverage", "traits", 0.05,
        "pairs from the document with the most pairs", "draw fewer pairs of one document",
        "ours: one document in twenty is one that is learnt by heart",
    ),
    Spec(
        "topic_share", "coverage", "topics", 0.5,
        "tagged pairs of the largest topic (`category:` tags)", SPREAD,
        "ours, as `source_share`", "no prompt has a `category:` tag",
    ),
    Spec("language_share", "coverage", "sample", None, "pairs in the most frequent language", "add documents in other languages"),
    Spec("effective_sources", "coverage", "traits", None, "as many sources of one size are as diverse", SPREAD, side="min"),
    Spec("effective_documents", "coverage", "traits", None, "as many documents of one size are as diverse", SPREAD, side="min"),
    Spec(
        "effective_topics", "coverage", "topics", None, "as many topics of one size are as diverse", SPREAD,
        absent="no prompt has a `category:` tag", side="min",
    ),
    Spec(
        "effective_languages", "coverage", "sample", None, "as many languages of one size are as diverse",
        "add documents in other languages", side="min",
    ),
)  # fmt: skip
FIGURES = {spec.name: spec for spec in SPECS}
BY_GATE = {spec.gate: spec for spec in SPECS}
THEMES = tuple(dict.fromkeys(spec.theme for spec in SPECS))
NEEDS: dict[Part, tuple[str, str]] = {"probe": ("sklearn", "judging"), "near": ("numba", "dedup")}
"""The library that a part cannot do without, and the extra that holds it."""
