"""The dataset card: valid for the hub, honest about what is missing, and closed to markup from the data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.land.card import render_card
from pipeline.land.columns import MEANINGS, export_schema
from pipeline.land.export import export_release
from pipeline.land.files import write_release
from pipeline.land.gates import Gates, check
from pipeline.land.licences import HUB_LICENCES, name_licence
from pipeline.land.markdown import escape

from .rows import make_batches, make_facts, make_rows

HOSTILE = [
    "a|b", "a\nb", "---\nlicense: mit\n---", "# title", "{x: [1", "'\"", "no", "~", "1e3", "`code`", "<img src=x>",
    "[a](javascript:x)", "![a](b)", "\u202etxt", "a\u2028b", "a\x85b", "\x00\x07", "e\u0301", "粉 🌾", "&amp;", "$x$",
    "| --- |", "```", "*b*", "_b_", "%YAML", "@a", "!!python/object", "- a", "a: b", "\\", "\ufeff", "x" * 5000,
]  # fmt: skip


def make_manifest(**changes: Any) -> dict[str, Any]:
    """A manifest as JSON gives it."""
    return {
        **{key: value for key, value in make_facts().items() if key != "recipe_text"},
        "recipe": "quickstart", "about": "Pairs from documents.", "paper": "arXiv 2311.10614", "rows": 300,
        "documents": 60, "splits": {"test": 60, "train": 240}, "licences": {"CC-BY-4.0": 300},
        "rules": {"agreement": 300}, "rehearsal_rows": 0, "longer_chosen_rows": 150,
        "authors": [{"model": "Qwen/Qwen3-8B", "role": "candidate", "chosen": 300, "rejected": 300}],
        "written_with": {"pyarrow": "26.0.1"}, "files": {},
    } | changes  # fmt: skip


def judged(**changes: Any) -> dict[str, Any]:
    """A judge as a manifest tells of it."""
    return {
        "evaluator": "judge-8b", "name": "helpful", "calls": 200, "verdicts": 190, "ties": 19, "abstained": 4, "pairs": 100,
        "checked": 50, "right": 40, "asked_twice": 95, "consistent": 76, "first": 12, "second": 7, "error": 0.05,
    } | changes  # fmt: skip


def read_head(card: str) -> dict[str, Any]:
    head: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return head


def test_head_says_what_the_hub_reads() -> None:
    assert read_head(render_card(make_manifest())) == {
        "pretty_name": "quickstart-1",
        "license": "cc-by-4.0",
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
        "tags": ["prefmill", "preference", "dpo", "rlhf"],
        "configs": [{
            "config_name": "conversational", "default": True,
            "data_files": [
                {"split": "train", "path": "conversational/train.parquet"},
                {"split": "test", "path": "conversational/test.parquet"},
            ],
        }],
    }  # fmt: skip


def test_hub_reads_and_validates_the_card(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    write_release(tmp_path / "r", make_batches(make_rows(50)), make_facts())
    export_release(tmp_path / "r", tmp_path / "e")
    card = hub.DatasetCard.load(tmp_path / "e" / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.configs[0]["default"] is True
    assert hub.metadata_load(tmp_path / "e" / "README.md") == card.data.to_dict()
    assert card.text.lstrip().startswith("# quickstart-1")


def test_datasets_reads_the_configuration(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_release(tmp_path / "r", make_batches(make_rows(50)), make_facts())
    export_release(tmp_path / "r", tmp_path / "e")
    names = datasets.get_dataset_config_names(str(tmp_path / "e"))
    assert names[0] == "conversational"
    assert sorted(names) == sorted(path.name for path in (tmp_path / "e").iterdir() if path.is_dir())
    assert datasets.get_dataset_default_config_name(str(tmp_path / "e")) == "conversational"


@pytest.mark.parametrize(
    ("licences", "head"),
    [
        ({"Apache-2.0": 3}, {"license": "apache-2.0"}),
        ({"CC BY 4.0": 3}, {"license": "cc-by-4.0"}),
        ({"": 3}, {"license": "unknown"}),
        ({"MIT": 3, "": 1}, {"license": "other", "license_name": "mixed"}),
        ({"MIT": 3, "Apache-2.0": 1}, {"license": "other", "license_name": "mixed"}),
        ({"MIT": 3, "Apache-2.0": 0}, {"license": "mit"}),
        ({"All rights reserved": 3}, {"license": "other", "license_name": "all-rights-reserved"}),
        ({"©": 3}, {"license": "unknown"}),
    ],
)
def test_licence_is_claimed_only_where_all_rows_agree(licences: dict[str, int], head: dict[str, str]) -> None:
    assert name_licence(licences) == head
    assert head["license"] in HUB_LICENCES


def test_rehearsal_data_is_the_first_thing_said(tmp_path: Path) -> None:
    rows = make_rows(50)
    rows[7]["rehearsal"] = True
    manifest = write_release(tmp_path / "r", make_batches(rows), make_facts())
    card = render_card(manifest.model_dump())
    assert card.split("---\n")[2].lstrip().startswith("> **Do not train on this.** 1 of 50 pairs are rehearsal data")
    assert "rehearsal" in read_head(card)["tags"]
    assert "Do not train" not in render_card(make_manifest())


def test_release_that_was_held_back_says_so() -> None:
    gates = check(Gates(min_pairs=1000), {"pairs": 300, "pending_share": 0})
    card = render_card(make_manifest(gates=gates))
    assert "> **Held back.** This release did not pass: min_pairs." in card
    assert "Held back" not in render_card(make_manifest())


def test_figures_are_shown_or_said_to_be_missing() -> None:
    card = render_card(make_manifest(figures={"position_consistency": 0.9137, "pairs": 300}), {"agreement_with_people": 0.8})
    assert "| position_consistency | 0.9137 | share of judged comparisons" in card
    assert "| pairs | 300" not in card
    assert "| agreement_with_people | 0.8 | – |" in card
    assert "No figures of the judge were recorded." in render_card(make_manifest(figures={}))


def test_every_column_of_the_export_is_explained() -> None:
    card = render_card(make_manifest())
    for name in export_schema().names:
        assert re.search(rf"^\| {name} \| [^|]+ \| {re.escape(escape(MEANINGS[name]))} \|$", card, re.MULTILINE), name


def test_long_tables_are_cut_and_say_so() -> None:
    card = render_card(make_manifest(licences={f"licence {number:03d}": 1 for number in range(300)}))
    assert "licence 049" in card
    assert "licence 050" not in card
    assert "250 more are in `manifest.json`." in card


@pytest.mark.parametrize(
    ("rows", "category"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (1_000_000, "1M<n<10M")]
)
def test_size_is_in_the_words_of_the_hub(rows: int, category: str) -> None:
    assert read_head(render_card(make_manifest(rows=rows)))["size_categories"] == [category]


def assert_well_formed(card: str) -> None:
    """One YAML head, headings that are ours, and tables whose rows have as many cells as their header."""
    assert card.startswith("---\n")
    assert card.count("\n---\n") == 1
    head = yaml.safe_load(card[4 : card.index("\n---\n")])
    assert set(head) <= {
        "pretty_name", "license", "license_name", "task_categories", "size_categories", "tags", "configs", "language",
    }  # fmt: skip
    assert card.count("\n# ") == 1
    assert card.count("\n## ") == 11
    fences = re.findall(r"^```(\w*)$", card.partition("\n---\n")[2], re.MULTILINE)
    assert len(fences) % 2 == 0
    assert not any(fences[1::2])
    assert set(fences[::2]) <= {"", "bash", "json", "python", "yaml"}
    width = 0
    for line in card.split("\n"):
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells in (width, 0) or width == 0, line
        width = cells
    assert not re.search(r"(?<!\\)<|(?<!\\)!\[", card.partition("## Train on it")[0].partition("\n---\n")[2])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_break_neither_head_nor_tables(text: str) -> None:
    card = render_card(make_manifest(
        release=text, release_id=text, recipe=text, about=text, paper=text, code_version=text,
        licences={text: 300}, rules={text: 300}, figures={text: 1.0}, written_with={text: text},
        authors=[{"model": text, "role": text, "chosen": 1, "rejected": 2}],
        languages={"en": 9, text: 1}, output_licences={text: text}, left_out={text: 3},
        judges=[judged(evaluator=text, name=text)],
        funnel=[{"position": 0, "step": text, "status": "none", "reason": text, "units": 1, "rows": 0}],
        models={text: {"model": text, "revision": text}}, fingerprints=[{"step": text, "fingerprint": text}],
        gates=[{"name": text, "wanted": 1.0, "value": 0.0, "passed": False, "sentence": text}],
    ))  # fmt: skip
    assert_well_formed(card)


def test_ordinary_card_is_well_formed() -> None:
    assert_well_formed(render_card(make_manifest()))


@given(st.text())
def test_any_text_stays_in_its_cell(text: str) -> None:
    cell = escape(text)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)(\\\\)*\|", cell)
    assert len(cell.splitlines()) <= 1


def test_what_was_revoked_is_counted_and_no_place_is_named() -> None:
    revoked = [
        {"revocation_id": "rev_1", "kind": "licence", "value": "CC-BY-NC-4.0 | *x*", "documents": 1200},
        {"revocation_id": "rev_2", "kind": "source", "value": "", "documents": 2},
        {"revocation_id": "rev_3", "kind": "source", "value": "", "documents": 3},
        {"revocation_id": "rev_4", "kind": "document", "value": "", "documents": 1},
    ]
    card = render_card(make_manifest(revoked=revoked))
    assert (
        "1,206 documents are left out because they were revoked: 1,200 under the licence CC-BY-NC-4.0 \\| \\*x\\*, "
        "5 from revoked sources, 1 named one by one.\n"
    ) in card
    one = render_card(make_manifest(revoked=revoked[3:]))
    assert "1 document is left out because it was revoked: 1 named one by one.\n" in one
    assert "left out because" not in render_card(make_manifest())


def test_the_judge_is_told_with_intervals_and_what_was_not_checked_is_missing() -> None:
    card = render_card(make_manifest(judges=[judged(), judged(name="true", checked=0, right=0, error=None, first=7)]))
    rows = [line for line in card.split("\n") if line.startswith("| judge-8b")]
    assert rows == [
        "| judge-8b | helpful | 100 | 0.800 (0.709 to 0.868) | the first | 0.950 (0.910 to 0.973) | 0.100 (0.065 to 0.151) | "
        "0.800 (0.670 to 0.888) | 0.050 |",
        "| judge-8b | true | 100 | 0.800 (0.709 to 0.868) | – | 0.950 (0.910 to 0.973) | 0.100 (0.065 to 0.151) | – | – |",
    ]


def test_the_funnel_has_a_line_for_each_step_with_its_reasons() -> None:
    ends = [("mine/qa", "ok", "", 8), ("mine/qa", "none", "nothing_to_ask", 2), ("select/filter", "none", "below", 5)]
    funnel = [
        {"position": 1 + (step != "mine/qa"), "step": step, "status": status, "reason": reason, "units": units, "rows": 0}
        for step, status, reason, units in ends
    ]
    card = render_card(make_manifest(funnel=funnel, left_out={"split_conflict": 3}))
    assert "| mine/qa | 10 | 8 | nothing_to_ask 2 |\n| select/filter | 5 | 0 | below 5 |" in card
    assert "split_conflict 3 pairs" in card


def test_generating_models_have_the_licence_that_the_recipe_states() -> None:
    authors = [{"model": model, "role": "candidate", "chosen": 1, "rejected": 1} for model in ("Qwen/Qwen3-8B", "own", "x")]
    card = render_card(make_manifest(authors=authors, output_licences={"Qwen/*": "apache-2.0", "own": "document"}))
    assert "| Qwen/Qwen3-8B | apache-2.0 |\n| own | that of the source document |\n| x | not stated |" in card


def test_languages_of_a_tenth_or_more_are_in_the_head() -> None:
    head = read_head(render_card(make_manifest(languages={"de": 20, "en": 60, "fr": 5, "other": 15})))
    assert head["language"] == ["en", "de"]


def test_shortcuts_are_held_against_the_advised_bounds(tmp_path: Path) -> None:
    rows = make_rows(40)
    for row in rows:
        row["chosen"] = [{"role": "assistant", "content": "- a list\n- of things that are long enough to win " + "x" * 200}]
    manifest = write_release(tmp_path / "r", make_batches(rows), make_facts())
    assert {name: (share.part, share.n) for name, share in manifest.shortcuts.items() if share.part} == {
        "longer_chosen": (40, 40), "lists_chosen": (40, 40),
    }  # fmt: skip
    card = render_card(manifest.model_dump())
    assert "| longer_chosen | 1.000 (0.912 to 1.000) | 40 | 0.35 to 0.65 | beyond |" in card
