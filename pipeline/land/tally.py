"""What is counted of a release while its rows pass, without ever holding them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pipeline.audit.release.languages import guess_language
from pipeline.land.columns import calls_tools, last_texts
from pipeline.land.facts import AuthorFact
from pipeline.land.shortcuts import Shortcuts
from pipeline.land.splits import SPLITS
from schemas.errors import BuildError

if TYPE_CHECKING:
    import pyarrow as pa


LANGUAGE_SAMPLE = 1000
"""So many answers are looked at for their language: a share is then known to within three points in a hundred."""


class Tally:
    """Counts rows, splits, licences, rules, authors, languages and tools; refuses a document that is in two splits.

    It remembers each document's split, about 200 bytes a document.
    """

    def __init__(self) -> None:
        self.last_id = ""
        self._splits: Counter[str] = Counter()
        self._licences: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._chosen: Counter[tuple[str, str]] = Counter()
        self._rejected: Counter[tuple[str, str]] = Counter()
        self._documents: dict[str, str] = {}
        self._languages: Counter[str] = Counter()
        self._shortcuts = Shortcuts()
        self._rehearsal = self._longer_chosen = self._tools = 0

    def add(self, rows: pa.Table) -> None:
        """Count rows that passed `check_rows`."""
        import pyarrow.compute as pc

        if rows.num_rows == 0:
            return
        for document_id, split in _count(rows, "document_id", "split"):
            if self._documents.setdefault(document_id, split) != split:
                raise BuildError(
                    f"the document {document_id!r} is in the splits {self._documents[document_id]!r} and {split!r}; "
                    "a document has one side: please report this as a fault of prefmill, with the recipe"
                )
        self._splits.update({key[0]: count for key, count in _count(rows, "split").items()})
        for (licence,), count in _count(rows, "licence").items():
            self._licences[licence or ""] += count
        self._rules.update({key[0]: count for key, count in _count(rows, "rule").items()})
        self._chosen.update(_count(rows, "chosen_model", "chosen_role"))
        self._rejected.update(_count(rows, "rejected_model", "rejected_role"))
        self._rehearsal += pc.sum(rows["rehearsal"]).as_py()
        chosen, rejected = (last_texts(rows[name]) for name in ("chosen", "rejected"))
        self._shortcuts.add(chosen, rejected)
        self._longer_chosen += pc.sum(pc.greater(pc.utf8_length(chosen), pc.utf8_length(rejected))).as_py()
        self._tools += pc.sum(calls_tools(rows)).as_py()
        wanted = max(0, LANGUAGE_SAMPLE - self._languages.total())
        self._languages.update(map(guess_language, last_texts(rows["chosen"]).slice(0, wanted).to_pylist()))
        self.last_id = rows["pair_id"][-1].as_py()

    def totals(self) -> dict[str, Any]:
        """What was counted, by the names of a `Manifest`'s fields; sorted, so that batches leave no trace."""
        chosen, rejected = self._chosen, self._rejected
        return {
            "rows": self._splits.total(),
            "documents": len(self._documents),
            "splits": {name: self._splits[name] for name in SPLITS if self._splits[name]},
            "licences": dict(sorted(self._licences.items())),
            "rules": dict(sorted(self._rules.items())),
            "authors": tuple(
                AuthorFact(model=model, role=role, chosen=chosen[model, role], rejected=rejected[model, role])
                for model, role in sorted(chosen.keys() | rejected.keys())
            ),
            "rehearsal_rows": self._rehearsal,
            "longer_chosen_rows": self._longer_chosen,
            "tool_rows": self._tools,
            "languages": dict(sorted(self._languages.items())),
            "shortcuts": self._shortcuts.totals(),
        }


def _count(rows: pa.Table, *names: str) -> dict[tuple[Any, ...], int]:
    """How many rows there are of each combination of values in the columns `names`."""
    grouped = rows.select(list(names)).group_by(list(names), use_threads=False).aggregate([([], "count_all")])
    columns = [grouped[name].to_pylist() for name in (*names, "count_all")]
    return {key[:-1]: key[-1] for key in zip(*columns, strict=True)}
