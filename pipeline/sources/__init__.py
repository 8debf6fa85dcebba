"""Documents in: files, folders, tables and datasets become `Item`s, each one document, or the reason why not.

    find.py      what was asked for: checked before anything is read, then walked in order
    walk.py      a folder, file by file
    kinds.py     what a file is, by its suffix and its first bytes
    files.py     a file that is one document
    tables.py    a file in which every row is a document; `rows.py` reads the rows
    hub.py       Hugging Face datasets, saved on disk or on the hub
    decode.py    from bytes to text
    text.py      from text to a `DocumentAnswer`
    parser.py    PDF, Word, HTML … to Markdown, in a process of its own (`worker.py`, `markup.py`, `repairs.py`)

Why a document could not be read is one of: `empty`, `too_large`, `binary`, `undecodable`, `password_protected`,
`unreadable`, `malformed_row`, `unsupported_type`, `no_access`.
"""

from pipeline.sources.find import find_items
from pipeline.sources.item import Item
from pipeline.sources.text import identify_document

__all__ = ["Item", "find_items", "identify_document"]
