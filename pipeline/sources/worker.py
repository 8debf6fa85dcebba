"""The process in which documents are parsed; `parser.py` starts it and speaks with it over its standard streams.

A message is eight bytes of length and that many bytes of JSON; a request is followed by the document itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import sys
from typing import Any, BinaryIO

from pipeline.sources.markup import tidy_markup
from pipeline.sources.repairs import (
    drop_image_links,
    keep_entities,
    restore_symbols,
    unescape_markdown,
)
from schemas.errors import Unanswerable

HEADER_BYTES = 8
MAX_MEMORY_BYTES = 4 * 2**30
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
PASSWORD = re.compile("password|encrypted", re.IGNORECASE)


def main() -> None:
    """Answer requests until there are no more."""
    _limit_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a native library prints must not get into the answers
    while size := int.from_bytes(requests.read(HEADER_BYTES), "big"):
        request = json.loads(requests.read(size))
        data = requests.read(request["size"])
        # The alarm is a thread outside the interpreter: it goes off whatever native code holds, and ends the process.
        faulthandler.dump_traceback_later(request["deadline"], exit=True, file=sys.stderr)
        answer = answer_request(request["media_type"], data)
        faulthandler.cancel_dump_traceback_later()
        write_answer(answers, answer)


def write_answer(answers: BinaryIO, answer: dict[str, Any]) -> None:
    """Send one answer."""
    body = json.dumps(answer).encode()
    answers.write(len(body).to_bytes(HEADER_BYTES, "big") + body)
    answers.flush()


def answer_request(media_type: str, data: bytes) -> dict[str, Any]:
    """The text of a document, or why there is none; `worn` when the parser is not to be trusted with another one."""
    try:
        text = parse_document(media_type, data)
    except Unanswerable as problem:
        return {"reason": problem.reason, "detail": problem.detail}
    except ImportError as problem:
        return {"missing": str(problem)}
    except BaseException as problem:  # a panic is no Exception
        message = getattr(problem, "message", None) or str(problem) or type(problem).__name__
        message = str(message).strip().splitlines()[0][:300]
        if PASSWORD.search(message):
            return {"reason": "password_protected", "detail": "it cannot be opened without its password"}
        worn = type(problem).__module__ != "kreuzberg.exceptions" and not isinstance(problem, (OSError, ValueError))
        return {"reason": "unreadable", "detail": f"it cannot be parsed: {message}", "worn": worn}
    if re.search(r"\w", text):
        return {"text": text.strip() + "\n"}
    return {"reason": "empty", "detail": _say_empty(media_type)}


def parse_document(media_type: str, data: bytes) -> str:
    """The Markdown of a document, with what kreuzberg loses put back."""
    _check_container(media_type, data)
    if media_type == "text/html":
        return drop_image_links(extract_text(media_type, tidy_markup(data.decode()).encode(), "markdown"), "data:")
    if media_type == DOCX:
        data, restore = keep_entities(data)
        return drop_image_links(unescape_markdown(restore(extract_text(media_type, data, "markdown"))))
    markdown = drop_image_links(unescape_markdown(extract_text(media_type, data, "markdown")))
    return restore_symbols(markdown, extract_text(media_type, data, "plain")) if media_type == PDF else markdown


def extract_text(media_type: str, data: bytes, output_format: str) -> str:
    """What kreuzberg makes of a document: no OCR, no network, no cache, no clean-up of its own taste."""
    import kreuzberg

    config = kreuzberg.ExtractionConfig(
        output_format=output_format, use_cache=False, enable_quality_processing=False,
        html_options={"preprocessing": {"enabled": True, "remove_navigation": True, "remove_forms": False}},
    )
    return kreuzberg.extract_bytes_sync(data, media_type, config=config).content


def _limit_memory() -> None:
    """Let a document that wants too much end this process, rather than have the system choose whom to end."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _check_container(media_type: str, data: bytes) -> None:
    if data.startswith(OLE_MAGIC):
        if ENCRYPTED_PACKAGE in data:
            raise Unanswerable("password_protected", "it cannot be opened without its password")
        raise Unanswerable("unreadable", "it is in the binary format of old Office versions; save it in the new one")
    if media_type == "application/rtf" and not data.lstrip().startswith(b"{\\rtf"):
        raise Unanswerable("unreadable", "it does not begin as RTF does")


def _say_empty(media_type: str) -> str:
    if media_type == PDF:
        return "it has no text layer, only images; run OCR over it first"
    return "it holds no text"


if __name__ == "__main__":
    main()
