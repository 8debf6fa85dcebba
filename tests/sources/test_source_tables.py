"""Tables: every row is a document, or says why not; the table itself never ends up in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_files import find, read, reason, reason_of, write

from pipeline.sources import find_items, rows
from pipeline.sources.item import MAX_BYTES
from schemas.errors import SourceError

ROWS: list[dict[str, Any]] = [
    {"id": 1, "title": "One", "text": "First, with a comma\nand a line", "license": "MIT"},
    {"id": 2, "title": None, "text": "# Second\n\nof two", "license": None},
]


def write_jsonl(path: Path, values: list[Any]) -> Path:
    return write(path, "".join(json.dumps(value) + "\n" for value in values))


def write_csv(path: Path, values: list[dict[str, Any]], delimiter: str = ",") -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(values[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(values)
    return path


def write_parquet(path: Path, values: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(values), path, **options)
    return path


@pytest.fixture(params=["a.jsonl", "a.ndjson", "a.csv", "semicolon.csv", "a.tsv", "a.parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same two rows in every kind of table."""
    path = tmp_path / request.param
    if path.suffix == ".parquet":
        return write_parquet(path, ROWS)
    if path.suffix in (".jsonl", ".ndjson"):
        return write_jsonl(path, ROWS)
    return write_csv(path, ROWS, "\t" if path.suffix == ".tsv" else ";" if "semi" in path.name else ",")


def test_every_row_is_a_document(table: Path) -> None:
    first, second = (item.read() for item in find(table, licence="CC0-1.0"))
    assert (first.uri, first.title, first.text, first.licence) == (
        f"{table.as_posix()}#row=0", "One", "First, with a comma\nand a line", "MIT",
    )
    assert (second.uri, second.title, second.licence) == (f"{table.as_posix()}#row=1", "Second", "CC0-1.0")
    assert first.media_type == {
        ".jsonl": "application/jsonl", ".ndjson": "application/jsonl", ".csv": "text/csv",
        ".tsv": "text/tab-separated-values", ".parquet": "application/vnd.apache.parquet",
    }[table.suffix]


def test_any_column_of_text_can_be_the_document(table: Path) -> None:
    assert find(table, text_column="title")[0].read().text == "One"


def test_unknown_text_column_names_the_nearest(table: Path) -> None:
    with pytest.raises(SourceError, match=r"'txt'.*did you mean `text`"):
        find(table, text_column="txt")


@pytest.mark.parametrize("name", ["text", "content", "document", "body", "markdown", "article", "Text"])
def test_usual_text_columns_need_no_option(tmp_path: Path, name: str) -> None:
    assert read(write_jsonl(tmp_path / "a.jsonl", [{"id": "x", name: "found"}])).text == "found"


def test_first_of_the_usual_text_columns_wins(tmp_path: Path) -> None:
    assert read(write_jsonl(tmp_path / "a.jsonl", [{"body": "no", "content": "yes"}])).text == "yes"


def test_table_without_usual_column_lists_its_columns_and_the_option(tmp_path: Path) -> None:
    for path in (
        write_jsonl(tmp_path / "a.jsonl", [{"question": "q", "answer": "a"}]),
        write_csv(tmp_path / "a.csv", [{"question": "q", "answer": "a"}]),
        write_parquet(tmp_path / "a.parquet", [{"question": "q", "answer": "a"}]),
    ):
        with pytest.raises(SourceError, match=r"--text-column; there is: question, answer"):
            find(path)


def test_column_of_numbers_is_no_text_column(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is: name"):
        find(write_parquet(tmp_path / "a.parquet", [{"text": 1, "name": "x"}]))


def test_row_without_words_as_title_has_none(tmp_path: Path) -> None:
    assert find(write_jsonl(tmp_path / "a.jsonl", [{"text": "x"}, {"text": "y"}]))[1].read().title == ""


def test_rows_that_cannot_be_had_do_not_hide_the_others(tmp_path: Path) -> None:
    lines = [
        b'{"text": "good"}', b'{"text": "cut', b"[1, 2]", b"", b'{"text": null}', b'{"other": 1}', b'{"text": ["x"]}',
        b'{"text": " "}', b'{"text": "\x00"}', b'{"text": "last"}',
    ]
    items = find(write(tmp_path / "a.jsonl", b"\n".join(lines)))
    assert [item.uri.rpartition("=")[2] for item in items] == [str(number) for number in range(9)]
    assert [items[0].read().text, items[-1].read().text] == ["good", "last"]
    assert [reason_of(item)[0] for item in items[1:-1]] == [
        "malformed_row", "malformed_row", "empty", "empty", "malformed_row", "empty", "malformed_row",
    ]
    assert "line 2 " in reason_of(items[1])[1]


def test_json_that_only_python_reads_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'{"text": "half \\ud83d", "n": NaN}\n' + '{"text": "café"}'.encode("latin-1"))
    assert [item.read().text for item in find(path)] == ["half \ufffd", "café"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_tables_with_a_byte_order_mark_are_read(tmp_path: Path, encoding: str) -> None:
    assert read(write(tmp_path / "a.jsonl", '{"text": "日本"}\n'.encode(encoding))).text == "日本"
    assert read(write(tmp_path / "a.csv", "text\r\n日本\r\n".encode(encoding))).text == "日本"


def test_csv_in_an_old_encoding_is_read(tmp_path: Path) -> None:
    text = "Le café était fermé à cause de la fête nationale"
    assert read(write(tmp_path / "a.csv", f"text;id\n{text};1\n".encode("latin-1"))).text == text


def test_csv_keeps_rows_around_a_broken_one(tmp_path: Path) -> None:
    items = find(write(tmp_path / "a.csv", 'id,text\n1,good\n2\n3,"a "quote" b"\n4,fine\n5,"never closed\n'))
    assert [item.read().text for item in (items[0], items[3])] == ["good", "fine"]
    assert [reason_of(item)[0] for item in (items[1], items[2], items[4])] == ["malformed_row"] * 3
    assert "1 columns, the header 2" in reason_of(items[1])[1]


def test_csv_with_single_broken_bytes_keeps_its_other_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, b"text\n" + b"plain row of text\n" * 70_000 + "déjà vu, encore\n".replace(",", "").encode("latin-1"))
    last = list(find(path))[-1]
    assert last.read().text == "déjà vu encore"


def test_field_longer_than_the_library_expects_is_read(tmp_path: Path) -> None:
    text = "long " * 100_000
    assert read(write_csv(tmp_path / "a.csv", [{"text": text}])).text == text


def test_row_of_too_much_text_is_too_large(tmp_path: Path) -> None:
    huge = b"x" * (2 * MAX_BYTES + 10)
    path = write(tmp_path / "a.jsonl", b'{"text": "' + huge + b'"}\n{"text": "small"}\n')
    first, second = find(path)
    assert reason_of(first)[0] == "too_large"
    assert second.read().text == "small"
    assert reason(write(path, b'{"text": "' + huge[:MAX_BYTES + 1] + b'"}'))[0] == "too_large"
    assert reason(write(tmp_path / "a.csv", b"text\n" + huge + b"\n"))[0] == "too_large"


def test_parquet_that_breaks_off_is_one_unreadable_item(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    code, detail = reason(path)
    assert code == "unreadable"
    assert "Parquet" in detail


def test_parquet_with_a_broken_page_keeps_the_rows_before_it(tmp_path: Path) -> None:
    values = [{"text": f"{number} " * 50} for number in range(3000)]
    path = write_parquet(tmp_path / "a.parquet", values, row_group_size=1000, use_dictionary=False)
    place = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[place + 30:place + 2000] = b"\xff" * 1970
    path.write_bytes(content)
    items = find(path)
    assert len(items) > 1500
    assert items[0].read().text.startswith("0 0")
    assert reason_of(items[-1])[0] == "unreadable"


def test_parquet_text_in_any_arrow_type_is_read(tmp_path: Path) -> None:
    kinds = (pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string()))
    for number, kind in enumerate(kinds):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"text": pa.array(["déjà"]).cast(kind)}), path)
        assert read(path).text == "déjà"


def test_only_what_is_taken_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    with open(path, "w") as file:
        file.writelines(f'{{"text": "document {number}"}}\n' for number in range(200_000))
    lines: list[int] = []
    parse = rows._parse_line

    def count(number: int, line: bytes) -> rows.RawRow:
        lines.append(number)
        return parse(number, line)

    monkeypatch.setattr(rows, "_parse_line", count)
    taken = list(islice(find_items([str(path)]), 3))
    assert [item.read().text for item in taken] == ["document 0", "document 1", "document 2"]
    assert len(lines) <= 3 + 2 * rows.PEEKED_ROWS


def test_all_of_a_long_table_is_read(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [{"text": f"document {number}"} for number in range(5000)])
    assert sum(1 for _ in _read_all(path)) == 5000


def _read_all(path: Path) -> Iterator[str]:
    for item in find_items([str(path)]):
        yield item.read().text


def test_saved_dataset_is_read_split_by_split(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    train = datasets.Dataset.from_list([{"text": "one", "title": "T"}, {"text": "two", "title": None}])
    datasets.DatasetDict({"train": train, "eval": train.select([1])}).save_to_disk(tmp_path / "both")
    train.save_to_disk(tmp_path / "single")
    both = find(tmp_path / "both")
    base = (tmp_path / "both").as_posix()
    assert [item.uri for item in both] == [f"{base}/eval#row=0", f"{base}/train#row=0", f"{base}/train#row=1"]
    assert [item.read().title for item in both] == ["", "T", ""]
    assert both[0].item_id == both[2].item_id
    assert [item.read().text for item in find(tmp_path / "single")] == ["one", "two"]
    assert len(find(tmp_path)) == 5
    with pytest.raises(SourceError, match="did you mean `text`"):
        find(tmp_path / "single", text_column="texts")


def test_saved_dataset_that_is_broken_is_unreadable(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    write(tmp_path / "a" / "dataset_info.json", "{}")
    write(tmp_path / "a" / "state.json", "{}")
    assert reason(tmp_path / "a")[0] == "unreadable"


def test_hub_dataset_is_streamed_split_by_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    write(tmp_path / "org" / "name" / "train.jsonl", '{"text": "one", "title": "T"}\n{"text": "two", "title": null}\n')
    write(tmp_path / "org" / "name" / "test.jsonl", '{"text": "three", "title": null}\n')
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)  # `datasets` takes a folder of this name for the dataset
    assert [item.uri for item in find("hf:org/name")] == [
        "hf:org/name/test#row=0", "hf:org/name/train#row=0", "hf:org/name/train#row=1",
    ]
    assert [item.read().title for item in find("hf:org/name/train")] == ["T", ""]
    with pytest.raises(SourceError, match="did you mean `train`"):
        find("hf:org/name/trian")
    with pytest.raises(SourceError, match="there is: "):
        find("hf:org/name", text_column="zzz")
