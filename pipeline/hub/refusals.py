"""What is not pushed, and why: said in one sentence before anything is asked of the network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipeline.hub.licensing import Row, find_conflict, terms_of
from pipeline.land.card_making import AS_DOCUMENT
from pipeline.land.files import PAIRS
from pipeline.land.manifest import Manifest, find_damage
from pipeline.land.markdown import clean
from pipeline.licence_names import NOT_SAID, of_output, slug
from schemas.errors import BuildError, RequestError

NAMED_ROWS = 3
PARTS = ("licence", "chosen_model", "rejected_model")
# hub-docs: letters, digits, `-`, `_`, `.`; no `--` or `..`, no `-` or `.` at either end, no `.git` at the end.
PART = re.compile(r"(?![-.])(?!.*(?:--|\.\.))[A-Za-z0-9._-]{1,96}(?<![-.])")
BRANCH = re.compile(r"(?!refs/)(?![-./])(?!.*(?:\.\.|//|@\{))[A-Za-z0-9._/-]{1,200}(?<![./])")


def check_repo_id(repo_id: str) -> None:
    """Raise `RequestError` unless this names a dataset as `ORG/NAME`."""
    if re.match(r"(?:https?:|hf:|datasets/|models/|spaces/)", repo_id):
        raise RequestError(
            f"{repo_id!r} is not the name of a dataset; give it as ORG/NAME, and prefmill makes a dataset of it"
        )
    parts = repo_id.split("/")
    if len(parts) != 2 or not all(map(PART.fullmatch, parts)) or repo_id.endswith(".git"):
        raise RequestError(
            f"{repo_id!r} cannot name a dataset on the hub; take ORG/NAME of letters, digits, `.`, `_` and `-`, "
            "with a letter or digit at both ends of each and no `--` or `..`"
        )


def check_branch(branch: str) -> None:
    """Raise `RequestError` unless this can name a branch."""
    if not BRANCH.fullmatch(branch) or branch.endswith(".lock"):
        raise RequestError(f"`--revision {branch}` cannot name a branch; take letters, digits, `.`, `_`, `-` and `/`")


def check_status(release: str, status: str, *, held: bool) -> None:
    """Raise `RequestError` for a release that was withdrawn, or that is held back and was not asked for as such."""
    if status == "withdrawn":
        raise RequestError(f"the release {release!r} was withdrawn; push another one (see `prefmill releases`)")
    if status != "published" and not held:
        raise RequestError(
            f"the release {release!r} is held back: it failed a gate (see `prefmill releases`); "
            "mend what failed and build again, or push it as it is with `--held`"
        )


def check_files(release: Manifest, folder: Path) -> None:
    """Raise `BuildError` if a file of the release is not as its manifest says."""
    if damages := find_damage(folder, release.files):
        raise BuildError(
            f"the release {release.release!r} is damaged: `{damages[0].file}` {damages[0].problem}; "
            "delete its folder and build it again"
        )


def check_rehearsal(release: Manifest) -> None:
    """Raise `RequestError` for a release with rows that no model wrote or judged."""
    if release.rehearsal_rows:
        raise RequestError(
            f"{release.rehearsal_rows:,} of the {release.rows:,} pairs of {release.release!r} are rehearsal data, which is "
            "never pushed: no model wrote or judged them; build with a model (`prefmill doctor` says what is there)"
        )


def check_licences(release: Manifest, folder: Path, licence: str | None) -> None:
    """Raise `RequestError` for licences that do not go together, `licence` declared for the set; the rows are named."""
    if licence is not None and slug(licence) in NOT_SAID:
        raise RequestError(f"`--licence {licence}` declares no licence; name one, as in `--licence cc-by-4.0`")
    rows = Counter(row for _, row in _licences_of_rows(release, folder / PAIRS))
    if conflict := find_conflict(rows, licence):
        count = sum(rows[row] for row in conflict.rows)
        found = (pair_id for pair_id, row in _licences_of_rows(release, folder / PAIRS) if row in conflict.rows)
        ids = list(islice(found, NAMED_ROWS))
        more = f", and {count - len(ids):,} more" if count > len(ids) else ""
        names = ", ".join(repr(clean(name)) for name in conflict.licences[:NAMED_ROWS])
        raise RequestError(
            f"{release.release!r} has {count:,} pairs{f' under {names}' if names else ''} {conflict.why}: "
            f"{', '.join(ids)}{more}; {conflict.way_out}"
        )


def check_revoked(release: str, affected: int, pairs: int) -> None:
    """Raise `RequestError` for a release with pairs from documents that were revoked since."""
    if affected:
        raise RequestError(
            f"{affected:,} of the {pairs:,} pairs of {release!r} are from documents that were revoked since; "
            "build again and push the release that comes without them"
        )


def _licences_of_rows(release: Manifest, pairs: Path) -> Iterator[tuple[str, Row]]:
    """Each pair with the licence of its document and those of its answers that the recipe states and that differ."""
    import pyarrow.parquet as pq

    known: dict[tuple[str | None, ...], Row] = {}
    with pq.ParquetFile(pairs, pre_buffer=False) as file:
        for batch in file.iter_batches(columns=["pair_id", *PARTS], use_threads=False):
            for pair_id, *parts in zip(*(batch[name].to_pylist() for name in ("pair_id", *PARTS)), strict=True):
                key = tuple(parts)
                if key not in known:
                    known[key] = _row(release, *key)
                yield str(pair_id), known[key]


def _row(release: Manifest, licence: str | None, *models: str | None) -> Row:
    """What one pair is under."""
    stated = {of_output(model or "", release.output_licences) or AS_DOCUMENT for model in models}
    others = {name for name in stated if name != AS_DOCUMENT and not terms_of(name) & NOT_SAID and name != licence}
    return (licence or "", *sorted(others))
