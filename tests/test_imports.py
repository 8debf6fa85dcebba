"""The rules of the house that a machine can check: who imports whom, where SQL lives, how large a file may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "prompts", "warehouse", "pipeline", "flows")
STAGES = ("mine", "sample", "judge", "select", "land")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "prompts": {"prompts", "schemas"},
    "warehouse": {"warehouse", "schemas"},
    "pipeline": {"pipeline", "prompts", "schemas"},
    "pipeline/runner": {"pipeline", "prompts", "schemas", "warehouse"},
    "flows": set(PACKAGES),
}
MODULES_OF_THE_ORCHESTRATOR = {"prefect"}

SQL = re.compile(r"\bSELECT\b.*\bFROM\b|\bINSERT INTO\b|\bCREATE (?:OR REPLACE )?(?:TEMP )?(?:TABLE|VIEW)\b", re.DOTALL)
# Modules whose strings quote SQL for people (docstrings may anyway), each with the reason; none of them runs any.
MAY_QUOTE_SQL: dict[str, str] = {}

LONGEST_FILE, LONGEST_FUNCTION = 300, 60
LONG_FILES = {"flows/cli.py": "every command is one function with its options spelled out; they belong on one page"}
LONG_FUNCTIONS: dict[str, str] = {}
NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


def modules() -> list[str]:
    """Every module of ours, as a path from the root."""
    return sorted(path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tree_of(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """The full name of everything a module imports, in functions too."""
    package = module.split("/")[:-1]
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*above, *([node.module] if node.module else [])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def folder_of(module: str) -> str:
    """The key of `MAY_IMPORT` that a module falls under."""
    return "pipeline/runner" if module.startswith("pipeline/runner/") else module.split("/")[0]


def test_the_packages_are_found() -> None:
    assert len(modules()) > 50
    assert {module.split("/")[0] for module in modules()} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if module.startswith(f"{package}/")
        for name in imported(module)
        if (top := name.split(".")[0]) in PACKAGES and top not in MAY_IMPORT[folder_of(module)]
    ]
    assert wrong == []


def test_only_flows_knows_the_orchestrator() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if not module.startswith("flows/")
        for name in imported(module)
        if name.split(".")[0] in MODULES_OF_THE_ORCHESTRATOR
    ]
    assert wrong == []


def test_product_code_does_not_import_tests_or_benchmarks() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        for name in imported(module)
        if name.split(".")[0] in {"tests", "benchmarks", "pytest", "hypothesis"}
    ]
    assert wrong == []


@pytest.mark.parametrize("stage", STAGES)
def test_stages_do_not_import_each_other(stage: str) -> None:
    others = {f"pipeline.{other}" for other in STAGES if other != stage}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if module.startswith(f"pipeline/{stage}/")
        for name in imported(module)
        if ".".join(name.split(".")[:2]) in others
    ]
    assert wrong == []


def test_strategies_know_neither_engines_nor_the_runner() -> None:
    machinery = {"pipeline.models", "pipeline.runner", "pipeline.sources"}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if module.startswith(tuple(f"pipeline/{stage}/" for stage in STAGES))
        for name in imported(module)
        if ".".join(name.split(".")[:2]) in machinery
    ]
    assert wrong == []


def test_sql_is_written_in_the_warehouse_alone() -> None:
    wrong = [
        f"{module}:{line} {text[:60]!r}"
        for module in modules()
        if not module.startswith("warehouse/") and module not in MAY_QUOTE_SQL
        for line, text in texts_of(module)
        if SQL.search(text)
    ]
    assert wrong == []


def texts_of(module: str) -> Iterator[tuple[int, str]]:
    """The line and text of every string that is not documentation; the parts of an f-string are one text."""
    tree = tree_of(module)
    words = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            yield node.lineno, " ".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words | inside:
            yield node.lineno, node.value


def test_a_file_ends_where_its_idea_does() -> None:
    lengths = {module: len((ROOT / module).read_text(encoding="utf-8").splitlines()) for module in modules()}
    too_long = {module: length for module, length in lengths.items() if length > LONGEST_FILE}
    assert set(too_long) <= set(LONG_FILES), too_long


def test_a_function_fits_on_a_screen() -> None:
    too_long = {
        f"{module}:{node.name}": length
        for module in modules()
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert set(too_long) <= set(LONG_FUNCTIONS), too_long


def test_no_module_is_named_after_nothing() -> None:
    assert [module for module in modules() if Path(module).stem in NAMES_OF_NOTHING] == []


def test_every_module_says_what_it_is() -> None:
    assert [module for module in modules() if not ast.get_docstring(tree_of(module))] == []


def test_one_name_in_five_places() -> None:
    """Strategy class, file, registry key, prompt and cases are named alike."""
    from pipeline.registry import STRATEGIES

    for key, strategy in STRATEGIES.items():
        stage, name = key.split("/")
        assert strategy.__name__ == "".join(part.capitalize() for part in name.split("_"))
        assert strategy.__module__ == f"pipeline.{stage}.{name}"
        for prompt in getattr(strategy, "prompts", ()):
            assert (ROOT / "prompts" / f"{prompt}.md").is_file()
        if stage != "land":
            assert (ROOT / "tests" / "cases" / stage / f"{name}.yaml").is_file(), f"{key} has no cases"
