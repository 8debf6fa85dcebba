"""What a file is: by its suffix, and without a telling suffix by its first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Family = Literal["text", "html", "parsed", "table", "unsupported", "unknown"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of files that are read alike; `hint` is the way out for a kind that is not read."""

    family: Family
    media_type: str
    hint: str = ""


MARKDOWN = Kind("text", "text/markdown")
PLAIN = Kind("text", "text/plain")
HTML = Kind("html", "text/html")
PDF = Kind("parsed", "application/pdf")
DOCX = Kind("parsed", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
PPTX = Kind("parsed", "application/vnd.openxmlformats-officedocument.presentationml.presentation")
UNKNOWN = Kind("unknown", "application/octet-stream")

KINDS = {
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".txt": PLAIN, ".text": PLAIN, ".rst": Kind("text", "text/x-rst"),
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".pdf": PDF, ".docx": DOCX, ".pptx": PPTX,
    ".odt": Kind("parsed", "application/vnd.oasis.opendocument.text"),
    ".epub": Kind("parsed", "application/epub+zip"), ".rtf": Kind("parsed", "application/rtf"),
    ".jsonl": Kind("table", "application/jsonl"), ".ndjson": Kind("table", "application/jsonl"),
    ".csv": Kind("table", "text/csv"), ".tsv": Kind("table", "text/tab-separated-values"),
    ".parquet": Kind("table", "application/vnd.apache.parquet"),
}

HINTS = {
    "save it as JSONL, one object a line": ".json",
    "save it as .docx or PDF": ".doc .pages .wpd",
    "save it as .pptx or PDF": ".ppt .key .odp",
    "export its sheets as CSV": ".xls .xlsx .xlsm .ods .numbers",
    "it is an image, and prefmill does no OCR": ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .heic .avif .ico .svg .psd",
    "unpack it first": ".zip .gz .tgz .bz2 .xz .zst .7z .rar .tar .jar .whl .iso .dmg",
    "transcribe it first": ".mp3 .wav .flac .ogg .m4a .mp4 .mov .avi .mkv .webm",
    "it is a program or its data": ".exe .dll .so .dylib .o .a .class .pyc .wasm .bin .db .sqlite .npy .npz .pt .pkl"
    " .safetensors .gguf .onnx .woff .woff2 .ttf .otf .eot .arrow",
}
UNSUPPORTED = {
    suffix: Kind("unsupported", f"suffix/{suffix[1:]}", hint) for hint, list_of in HINTS.items()
    for suffix in list_of.split()
}


def find_kind(path: PurePath | str) -> Kind:
    """The kind that the suffix of `path` tells; `unknown` where only a look inside can tell."""
    suffix = PurePath(path).suffix.lower()
    return KINDS.get(suffix) or UNSUPPORTED.get(suffix) or UNKNOWN


def sniff_kind(head: bytes) -> Kind:
    """The kind that the first bytes of a file without a telling suffix give away; text where they give nothing away."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith(b"%pdf-"):
        return PDF
    return HTML if start.startswith((b"<!doctype html", b"<html")) else PLAIN
