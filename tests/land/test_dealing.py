"""Which side a document is on when releases follow each other: never another one, and no cluster is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.land.release import Release
from pipeline.runner.dealing import describe, share_out

HALF = Release(splits={"train": 0.5, "test": 0.5})
ids = st.text("abcdef", min_size=1, max_size=3)


def test_documents_that_are_alike_are_on_the_side_of_the_first_to_land() -> None:
    dealt = share_out(["a", "b", "c"], [["a", "b", "c"]], {"a": 3, "b": 1, "c": 2}, {}, HALF)
    assert set(dealt.splits.values()) == {HALF.split("b")}
    assert not dealt.left_out


def test_a_document_that_joins_two_sides_leaves_out_the_later_one() -> None:
    so_far = {"a": "train", "b": "test"}
    dealt = share_out(["a", "b", "c"], [["a", "b", "c"]], {"a": 1, "b": 2, "c": 3}, so_far, HALF)
    assert dealt.splits == {"a": "train", "c": "train"}
    assert dealt.left_out == {"b"}


def test_a_document_stays_where_a_cluster_once_put_it() -> None:
    away = "test" if HALF.split("a") == "train" else "train"
    assert share_out(["a"], [], {}, {"a": away}, HALF).splits == {"a": away}


def test_other_sizes_or_another_seed_deal_anew() -> None:
    assert describe(HALF) == describe(Release(splits={"test": 0.5, "train": 0.5}))
    assert len({describe(each) for each in (HALF, Release(), Release(splits=HALF.splits, seed=1))}) == 3


@given(
    st.lists(ids, unique=True),
    st.lists(st.lists(ids, max_size=4)),
    st.dictionaries(ids, st.sampled_from(["train", "test"])),
)
def test_no_side_changes_and_no_cluster_is_cut(
    documents: list[str], wanted: list[list[str]], so_far: dict[str, str]
) -> None:
    seen: set[str] = set()
    groups = [[each for each in dict.fromkeys(group) if each not in seen and not seen.add(each)] for group in wanted]  # type: ignore[func-returns-value]
    dealt = share_out(documents, [group for group in groups if group], {}, so_far, HALF)
    assert dealt.splits.keys() | dealt.left_out == set(documents)
    assert not dealt.splits.keys() & dealt.left_out
    assert all(dealt.splits[each] == side for each, side in so_far.items() if each in dealt.splits)
    for group in groups:
        assert len({dealt.splits[each] for each in group if each in dealt.splits}) <= 1
    assert dealt.left_out <= so_far.keys() & {each for group in groups for each in group}
