"""A release's figures: planted shortcuts are found with their values, and an innocent release has none."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from releases import STEP, asked, innocent, insert, open_lake, report_on, said, write
from sklearn.metrics import roc_auc_score

from pipeline.audit.release.catalogue import FIGURES
from pipeline.audit.release.figures import Measured
from pipeline.audit.release.intervals import area_of
from pipeline.audit.release.report import ReleaseReport
from warehouse.address import Address, resolve_address

BY_TEXT = ("traits", "near", "sample", "probe")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Address:
    """A warehouse without a row: what is measured is in the files."""
    address = resolve_address(str(tmp_path_factory.mktemp("audits") / "lake"))
    open_lake(address)
    return address


def audited(address: Address, folder: Path, rows: list[dict[str, Any]], parts: Any = ("traits",)) -> ReleaseReport:
    return report_on(address, write(folder / "release", rows), parts)


def over(report: ReleaseReport) -> set[str]:
    return {name for name, _, stands in report.standings() if stands == "over"}


# --- nothing, and nothing wrong --------------------------------------------------------------------------------------


def test_an_innocent_release_has_no_shortcut(empty: Address, tmp_path: Path) -> None:
    report = audited(empty, tmp_path, innocent(800), BY_TEXT)
    assert over(report) == set()
    assert report.notes == []
    unmeasured = {name for name, spec in FIGURES.items() if spec.part in BY_TEXT} - set(report.figures)
    assert unmeasured == {"lists_chosen"} == report.vacant
    assert report.figures["probe_auc"].value == pytest.approx(0.5, abs=0.08)
    for name in ("longer_chosen", "length_auc", "length_auc_matched", "markdown_auc", "markdown_auc_matched"):
        found = report.figures[name]
        assert found.low is not None
        assert found.high is not None
        assert found.low <= 0.5 <= found.high, name
    assert report.figures["effective_sources"].value == pytest.approx(4)
    assert report.figures["source_share"].value == 0.25
    assert report.figures["document_share"].value == 5 / 800
    assert report.figures["effective_documents"].value == pytest.approx(160)
    assert report.figures["leakage"] == report.figures["near_duplicates_across_splits"]
    assert report.figures["leakage"].value == 0


def test_a_release_of_nothing_says_so(empty: Address, tmp_path: Path) -> None:
    report = audited(empty, tmp_path, [], BY_TEXT)
    assert (report.pairs, report.figures) == (0, {})
    assert report.notes == ["the release holds no pair, so there is nothing to measure"]
    assert report.as_dict()["figures"] == []


def test_a_release_of_one_pair_has_values_and_no_false_sureness(empty: Address, tmp_path: Path) -> None:
    rows = innocent(1)
    said(rows[0], "chosen", "# The river\n- turns **the wheel**")
    said(rows[0], "rejected", "Wind.")
    report = audited(empty, tmp_path, rows, BY_TEXT)
    assert report.figures["length_auc"] == report.figures["markdown_auc"] == Measured(1.0, 1)
    assert report.figures["lists_chosen"].value == report.figures["longer_chosen"].value == 1
    assert report.figures["source_share"].value == 1
    assert {"length_auc_matched", "model_win_rate"} <= report.vacant
    assert "probe_auc" not in report.figures


def test_the_order_of_the_rows_leaves_no_trace(empty: Address, tmp_path: Path) -> None:
    """The same pairs under other ids stand in another order; what is sampled by ids is left out."""
    rows = innocent(300)
    for row in rows[::3]:
        said(row, "chosen", said(row, "chosen") + "\n- a list")
    shuffled = [dict(row) for row in rows]
    random.Random(1).shuffle(shuffled)
    renamed = [row | {"pair_id": f"par_{at:08d}"} for at, row in enumerate(shuffled)]
    one = audited(empty, tmp_path / "a", rows)
    assert audited(empty, tmp_path / "b", renamed) == one


# --- length and form -------------------------------------------------------------------------------------------------


def test_length_by_hand(empty: Address, tmp_path: Path) -> None:
    """Lengths 4:2, 2:4, 6:3, 3:3: of three unequal pairs two have the longer one chosen; leads 1/3, -1/3, 1/3, 0."""
    rows = innocent(4, per_document=1)
    for row, (chosen, rejected) in zip(rows, [("aaaa", "bb"), ("cc", "dddd"), ("eeeeee", "fff"), ("ggg", "hhh")], strict=True):
        said(row, "chosen", chosen)
        said(row, "rejected", rejected)
    report = audited(empty, tmp_path, rows)
    assert (report.figures["longer_chosen"].value, report.figures["longer_chosen"].n) == (pytest.approx(2 / 3), 3)
    # 1/3 is above -1/3 twice, above 0 and equal to 1/3 once: 3.5 of 4; -1/3: 0.5 + 0.5 of 4; 0: 2 of 4 and 0.5.
    assert report.figures["length_auc"].value == pytest.approx((3.5 + 3.5 + 1.0 + 2.5) / 16)
    assert report.figures["length_auc_matched"] == Measured(0.5, 1)


def test_areas_are_those_of_scikit_learn_with_the_interval_by_document(empty: Address, tmp_path: Path) -> None:
    rows = innocent(250)
    for row in rows[::2]:
        said(row, "chosen", said(row, "chosen") + " and on\n\n**and on** it goes\n1. and\n2) on")
    report = audited(empty, tmp_path, rows)

    def leads(of: Any) -> list[tuple[str, float]]:
        return [(row["document_id"], of(said(row, "chosen"), said(row, "rejected"))) for row in rows]

    def length(one: str, other: str) -> float:
        return (len(one) - len(other)) / (len(one) + len(other))

    def markdown(one: str, other: str) -> float:
        return 3 * ("**" in one) / len(one) - 3 * ("**" in other) / len(other)

    for name, of in (("length_auc", length), ("markdown_auc", markdown)):
        told = leads(of)
        wanted = area_of(told)
        assert wanted is not None
        found = report.figures[name]
        assert found == wanted.rounded()
        values = [lead for _, lead in told]
        labels = [1] * len(rows) + [0] * len(rows)
        assert found.value == pytest.approx(roc_auc_score(labels, [*values, *(-lead for lead in values)]))
        matched = [each for each, row in zip(told, rows, strict=True) if is_matched(row)]
        wanted = area_of(matched)
        assert wanted is not None
        assert report.figures[f"{name}_matched"] == wanted.rounded()


def is_matched(row: dict[str, Any]) -> bool:
    sizes = [len(said(row, side)) for side in ("chosen", "rejected")]
    return min(sizes) >= 0.9 * max(sizes)


def test_planted_length_is_found_and_is_gone_between_equals(empty: Address, tmp_path: Path) -> None:
    rows = innocent(500)
    for row in rows:
        if len(said(row, "chosen")) < len(said(row, "rejected")) and int(row["pair_id"][-2:]) < 80:
            chosen, rejected = said(row, "chosen"), said(row, "rejected")
            said(row, "chosen", rejected)
            said(row, "rejected", chosen)
    report = audited(empty, tmp_path, rows)
    assert {"longer_chosen", "length_auc"} <= over(report)
    assert report.figures["longer_chosen"].value == pytest.approx(0.9, abs=0.03)


def test_planted_markdown_is_found_in_either_direction(empty: Address, tmp_path: Path) -> None:
    for side, area in (("chosen", 0.5 + 0.5 * (1 - 0.4**2)), ("rejected", 0.5 * 0.4**2)):
        rows = innocent(200)
        for row in rows[:120]:
            said(row, side, "# Head\n* item\n" + said(row, side))
        report = audited(empty, tmp_path / side, rows)
        # With a lead in 0.6 of the pairs and none in the others, only two pairs without one are told apart by chance.
        assert report.figures["markdown_auc"].value == pytest.approx(area)
        assert report.figures["lists_chosen"].value == (side == "chosen")
        assert {"markdown_auc", "lists_chosen"} <= over(report)


# --- words -----------------------------------------------------------------------------------------------------------


def test_planted_phrases_are_counted_by_side(empty: Address, tmp_path: Path) -> None:
    rows = innocent(200)
    for at, row in enumerate(rows):
        if at % 10 == 0:
            said(row, "chosen", "I'm sorry, but I cannot help with that. " + said(row, "chosen"))
        if at % 4 == 0:
            said(row, "rejected", "As an AI language model, " + said(row, "rejected"))
        if at % 8 == 1:
            said(row, "rejected", said(row, "rejected") + " mill" * 60 + " I cannot help.")
    report = audited(empty, tmp_path, rows)
    shares = {name: report.figures[name].value for name in FIGURES if "_share_" in name}
    assert shares == {
        "refusal_share_chosen": 0.1,
        "refusal_share_rejected": 0.0,  # what comes after 300 characters is about something else
        "identity_share_chosen": 0.0,
        "identity_share_rejected": 0.25,
    }
    assert {"refusal_share_chosen", "identity_share_rejected"} <= over(report)


def test_a_planted_phrase_is_the_heaviest_of_the_probe(empty: Address, tmp_path: Path) -> None:
    rows = innocent(400)
    for row in rows[::2]:
        said(row, "rejected", said(row, "rejected") + " hope this helps")
    report = audited(empty, tmp_path, rows, ("probe",))
    assert report.probe is not None
    assert report.figures["probe_auc"].value > 0.75
    assert "hope this" in {gram.text for gram in report.probe.rejected[:5]}
    assert report.probe.rejected[0].rejected == pytest.approx(0.5)
    told = report.as_dict()["ngrams"]["rejected"]
    assert len(told) == 20
    assert set(told[0]) == {"text", "weight", "chosen", "rejected"}


def test_languages_are_those_of_the_chosen_answers(empty: Address, tmp_path: Path) -> None:
    rows = innocent(100)
    for at, row in enumerate(rows):
        said(row, "chosen", "Der Fluss dreht das Rad und die Mühle." if at % 4 else "The river turns the wheel of it.")
        said(row, "rejected", f"no {at}")
    report = audited(empty, tmp_path, rows, ("sample",))
    assert [(row.name, row.n) for row in report.tables["language_share"]] == [("de", 75), ("en", 25)]
    assert report.figures["language_share"].value == 0.75


# --- models ----------------------------------------------------------------------------------------------------------


def test_win_rates_are_over_pairs_of_two_models(empty: Address, tmp_path: Path) -> None:
    rows = innocent(100)
    for at, row in enumerate(rows):
        row["chosen_model"], row["rejected_model"] = ("a", "b") if at < 57 else ("b", "a") if at < 60 else ("a", "a")
    report = audited(empty, tmp_path, rows)
    assert [(row.name, row.value, row.n) for row in report.tables["model_win_rate"]] == [
        ("a", 57 / 60, 60), ("b", 3 / 60, 60),
    ]  # fmt: skip
    assert report.figures["model_win_rate"].value == 57 / 60
    for row in rows:
        row["chosen_model"] = row["rejected_model"] = "a"
    assert "model_win_rate" in audited(empty, tmp_path / "one", rows).vacant


# --- splits ----------------------------------------------------------------------------------------------------------


def test_what_leaks_is_counted_by_kind(empty: Address, tmp_path: Path) -> None:
    """Of 20 held-out pairs of 100: one asks a train prompt in other case and white space, two answer with a train answer."""
    rows = innocent(100)
    test, train = ([row for row in rows if row["split"] == split] for split in ("test", "train"))
    asked(test[0], "  " + train[0]["prompt"][0]["content"].upper().replace(" ", "\n"))
    said(test[1], "chosen", said(train[1], "rejected"))
    said(test[2], "rejected", said(train[2], "chosen") + " ")
    said(test[3], "chosen", "Yes.")
    said(train[3], "chosen", "Yes.")
    report = audited(empty, tmp_path, rows, ("traits", "near"))
    values = {name: report.figures[name].value for name in FIGURES if FIGURES[name].theme == "splits"}
    assert values == {
        "leakage": 3 / 20, "shared_prompts": 1 / 20, "shared_documents": 0.0, "shared_answers": 2 / 20,
        "near_duplicates_across_splits": 1 / 20,
    }  # fmt: skip
    assert {"leakage", "shared_prompts", "shared_answers", "near_duplicates_across_splits"} <= over(report)


def test_near_duplicates_are_found_over_others_and_only_across_splits(empty: Address, tmp_path: Path) -> None:
    rows = innocent(100)
    test, train = ([row for row in rows if row["split"] == split] for split in ("test", "train"))
    long = train[0]["prompt"][0]["content"] * 3
    asked(train[0], long)
    asked(test[0], long + " quern stone")  # nearly one of train
    asked(test[5], long + " quern stone of the mill")  # … over the one before
    inside = test[10]["prompt"][0]["content"] * 2
    asked(test[10], inside)
    asked(test[15], inside + " now")  # both held out
    asked(train[5], "".join(reversed(long)))  # the same letters in another order
    report = audited(empty, tmp_path, rows, ("traits", "near"))
    assert report.figures["near_duplicates_across_splits"].value == 2 / 20
    assert report.figures["shared_prompts"].value == 0


def test_validation_leaks_into_test_and_not_the_other_way(empty: Address, tmp_path: Path) -> None:
    rows = innocent(30, per_document=1)
    for at, row in enumerate(rows):
        row["split"] = ("train", "validation", "test")[at % 3]
    asked(rows[2], rows[1]["prompt"][0]["content"])
    report = audited(empty, tmp_path, rows)
    assert (report.figures["shared_prompts"].value, report.figures["shared_prompts"].n) == (1 / 20, 20)


def test_one_split_cannot_leak(empty: Address, tmp_path: Path) -> None:
    rows = [row | {"split": "train"} for row in innocent(20)]
    report = audited(empty, tmp_path, rows, ("traits", "near"))
    splits = {name for name, spec in FIGURES.items() if spec.theme == "splits"}
    assert splits <= report.vacant
    assert not splits & set(report.figures)


# --- what judges and people said -------------------------------------------------------------------------------------


@pytest.fixture
def lake_of_verdicts(tmp_path: Path) -> Address:
    """Ten pairs, the chosen one being a in the first half and b in the second; verdicts, tags and gold labels on them."""
    address = resolve_address(str(tmp_path / "lake"))
    open_lake(address)
    rows = innocent(10)
    signals = [
        verdict(row, at, judge, order, probability)
        for at, row in enumerate(rows)
        for judge, order, probability in VERDICTS.get(at, [])
    ]
    # None of these is a verdict of this release's judges on its pairs.
    signals += [
        verdict(rows[9], 9, "x", "ab", 0.9) | {"fingerprint": "stp_other", "signal_id": "sig_other"},
        verdict(rows[9], 9, "x", "ab", 0.9) | {"name": "control/helpful", "signal_id": "sig_control"},
        verdict(rows[9], 9, "x", "ab", 0.9) | {"probability": None, "signal_id": "sig_told"},
        verdict(rows[9], 9, "x", "ab", 0.9) | {"response_ids": [rows[9]["chosen_id"], "rsp_z"], "signal_id": "sig_else"},
    ]
    insert(address, "signals", signals)
    insert(
        address,
        "prompts",
        [
            {"prompt_id": row["prompt_id"], "messages": row["prompt"], "tags": [f"category:{topic}", "x:y"]}
            for row, topic in zip(rows, ["water"] * 6 + ["stone"] * 2, strict=False)
        ],
    )
    insert(
        address,
        "labels",
        [
            {"label_id": f"lab_{at}", "prompt_id": row["prompt_id"], "response_ids": ids(row, at)}
            | {"annotator": "gold", "vote": vote}
            for at, (row, vote) in enumerate(zip(rows, ["a", "a", "a", "b", "tie"], strict=False))
        ],
    )
    return address


# By pair, (judge, order shown, probability of a); chosen is a up to pair 4 and b from there on.
VERDICTS: dict[int, list[tuple[str, str, float]]] = {
    0: [("j", "ab", 0.9), ("j", "ba", 0.8), ("k", "ab", 1.0), ("k", "ba", 1.0)],  # 2 for the label
    1: [("j", "ab", 0.9), ("j", "ba", 0.4), ("k", "ab", 0.0), ("k", "ba", 0.0)],  # j flips and leans to a: 1 for, 1 against
    5: [("j", "ab", 0.2), ("j", "ba", 0.2), ("k", "ab", 0.1), ("k", "ba", 0.1)],  # 2 for
    6: [("j", "ab", 0.5), ("j", "ba", 0.5)],  # ties are no votes
    7: [("j", "ab", 0.1)],  # one order, one voter
}


def ids(row: dict[str, Any], at: int) -> list[str]:
    order = [row["chosen_id"], row["rejected_id"]]
    return order if at < 5 else order[::-1]


def verdict(row: dict[str, Any], at: int, judge: str, order: str, probability: float) -> dict[str, Any]:
    return {
        "signal_id": f"sig_{at}_{judge}_{order}", "fingerprint": STEP, "prompt_id": row["prompt_id"],
        "response_ids": ids(row, at), "name": "helpful", "evaluator": judge, "order": order, "draw": 0,
        "vote": "tie" if probability == 0.5 else "a" if probability > 0.5 else "b", "probability": probability,
    }  # fmt: skip


def test_judges_topics_and_gold_labels_by_hand(lake_of_verdicts: Address, tmp_path: Path) -> None:
    rows = innocent(10)
    for row, (chosen, rejected) in zip(rows, [("aaa", "b"), ("aa", "b"), ("a", "bb"), ("aaa", "b"), ("a", "bb")], strict=False):
        said(row, "chosen", chosen)
        said(row, "rejected", rejected)
    report = report_on(lake_of_verdicts, write(tmp_path / "r", rows), ("traits", "judges", "gold", "topics"))
    figures = report.figures
    # Of 13 decided calls, those for the answer shown first: (a in ab, b in ba) 0: ab, ab; 1: ab, ba, ba; 5: ba, ba.
    assert (figures["first_position_wins"].value, figures["first_position_wins"].n) == (pytest.approx(7 / 13), 13)
    assert (figures["order_flips"].value, figures["order_flips"].n) == (pytest.approx(1 / 7), 7)
    assert (figures["jury_agreement"].value, figures["jury_agreement"].n) == (pytest.approx(2 / 3), 3)
    error = (1 - (1 / 3) ** 0.5) / 2
    assert figures["voter_error"].value == pytest.approx(error)
    both = error**2 / (error**2 + (1 - error) ** 2)
    assert figures["label_noise"].value == pytest.approx((2 * both + 0.5) / 3)
    # Gold says a, a, a, b of pairs whose chosen one is a; the longer one is a, a, b, a.
    assert (figures["label_accuracy"].value, figures["label_accuracy"].n) == (0.75, 4)
    assert figures["always_longest"].value == 0.5
    assert [(row.name, row.n) for row in report.tables["topic_share"]] == [("water", 6), ("stone", 2)]
    assert (figures["topic_share"].value, figures["topic_share"].n) == (0.75, 8)


def test_what_nobody_judged_or_tagged_is_missing(empty: Address, tmp_path: Path) -> None:
    report = audited(empty, tmp_path, innocent(10), ("judges", "gold", "topics"))
    assert report.figures == {}
    assert report.vacant == set()
