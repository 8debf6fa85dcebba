"""Write the parts of `docs/trainers.md` that are made from the table of loaders: `python -m pipeline.trainers PAGE`."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.trainers.page import refresh

if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(refresh(page.read_text("utf-8")), "utf-8")
