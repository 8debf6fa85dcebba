"""The documentation is a contract: what a reader can paste is run here, and what there is must be spoken of.

Three markings keep a block from being run as it stands; each of the first two carries its reason.

    <!-- not run: why -->           it needs a GPU, a server, an account
    <!-- may be empty: why -->      a query that finds nothing in a rehearsal
    <!-- output is checked -->      what a console block shows is what is printed; a line `…` stands for any lines

`PAIR_ID`, `SNAPSHOT`, `RELEASE_A` and `RELEASE_B` are replaced by real ones. `prefmill schedule` is run by
`tests/flows/test_schedule.py`. Where DuckDB's command line is not installed, a stand-in runs its queries in Python.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from doc_pages import PAGES, ROOT, Block, anchors_of, blocks_of, links_of, text_of

from warehouse.address import resolve_address
from warehouse.guest import guest
from warehouse.travel import at_releases

LANGUAGES = {"bash", "console", "diff", "json", "markdown", "mermaid", "python", "sql", "text", "yaml"}
MOST_NOT_RUN = 18
PATIENCE_SECONDS = 300
PACKAGES = ("flows", "pipeline", "prompts", "schemas", "warehouse")
# These pages change the code, so they are run in a copy of it.
CHANGE_THE_CODE = {"docs/strategy.md"}

STAND_IN = """#!{python}
import sys, duckdb
arguments = sys.argv[1:]
connection = duckdb.connect()
while arguments:
    flag, value = arguments.pop(0), arguments.pop(0)
    done = connection.execute(open(value).read() if flag == "-init" else value)
    if flag == "-c":
        print(done.fetchall())
"""


@dataclass(frozen=True)
class Reader:
    """Somebody who pastes what a page says, in `folder`."""

    folder: Path
    environment: Mapping[str, str]
    ids: Mapping[str, str]

    def fill(self, text: str) -> str:
        """The text with real ids in place of the placeholders."""
        for name, value in self.ids.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return text

    def paste(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script; both of its outputs come back as one."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.fill(script)],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with `prefmill` and `duckdb` on its path, and nothing that a developer has set."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "OPENAI_", "PREFMILL_"))
    }
    places = [str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    if shutil.which("duckdb") is None:
        tools = tmp_path_factory.mktemp("tools")
        (tools / "duckdb").write_text(STAND_IN.format(python=sys.executable))
        (tools / "duckdb").chmod(0o755)
        places.insert(0, str(tools))
    return {
        **kept,
        "PATH": os.pathsep.join(places),
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path_factory.mktemp("hub")),
        "PYTHONWARNINGS": "",
    }


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """A folder with this documentation and the warehouse that the quickstart makes of it."""
    folder = tmp_path_factory.mktemp("quickstart")
    shutil.copy(ROOT / "README.md", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    done = Reader(folder, environment, {}).paste(
        "prefmill build quickstart README.md docs/ --engine rehearsal --direct"
    )
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def ids(quickstart: Path) -> dict[str, str]:
    """What stands for the placeholders of the pages."""
    with guest(resolve_address(str(quickstart / "lake"))) as connection:
        pair_id = connection.execute("SELECT min(pair_id) FROM latest_pairs WHERE uri = 'README.md'").fetchone()
        release = connection.execute("SELECT release, snapshot_id FROM releases ORDER BY created_at LIMIT 1").fetchone()
    assert pair_id
    assert release
    return {"PAIR_ID": pair_id[0], "SNAPSHOT": str(release[1]), "RELEASE_A": release[0], "RELEASE_B": release[0]}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code, its tests and a little of the documentation, to be changed."""
    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "concepts.md", tmp_path / "docs")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_can_be_pasted(
    page: str, quickstart: Path, environment: dict[str, str], ids: dict[str, str], request: pytest.FixtureRequest
) -> None:
    folder = quickstart
    if page in CHANGE_THE_CODE:
        folder = request.getfixturevalue("checkout")
        environment = {**environment, "PYTHONPATH": str(folder)}
    reader = Reader(folder, environment, ids)
    for block in blocks_of(page):
        if block.note("not run") is None:
            RUN[block.language](reader, block)


# --- each kind of block ------------------------------------------------------------------------------------------------


def leave_out(script: str) -> str:
    """A script without what other tests look at."""
    return "\n".join(line for line in script.split("\n") if not re.match(r"(make|prefmill schedule) ", line))


def run_bash(reader: Reader, block: Block) -> None:
    done = reader.paste(leave_out(block.text))
    assert done.returncode == 0, f"{block.place}: exit code {done.returncode}\n{done.stdout}"


def run_console(reader: Reader, block: Block) -> None:
    for command, shown in commands_of(block):
        done = reader.paste(leave_out(command))
        if block.note("output is checked") is not None:
            assert fits(done.stdout, shown), f"{block.place}: {command}\nprints\n{done.stdout}"
        else:
            assert done.returncode == 0, f"{block.place}: {command}\n{done.stdout}"


def commands_of(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines shown below it."""
    command = ""
    shown: list[str] = []
    for line in block.text.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line.removeprefix("$ "), []
        else:
            shown.append(line)
    assert command, f"{block.place}: no line begins with `$ `"
    yield command, shown


def fits(printed: str, shown: list[str]) -> bool:
    """Whether what is shown is what was printed; a line `…` stands for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "…" else re.escape(line.rstrip()) + r"\s*\n" for line in shown)
    return re.fullmatch(pattern, printed if printed.endswith("\n") else printed + "\n") is not None


def run_sql(reader: Reader, block: Block) -> None:
    with guest(resolve_address(str(reader.folder / "lake"))) as connection:
        for statement in filter(str.strip, reader.fill(block.text).split(";")):
            try:
                rows = connection.execute(at_releases(connection, statement)).fetchall()
            except duckdb.Error as problem:
                raise AssertionError(f"{block.place}: {problem}\n{statement}") from None
            assert rows or block.note("may be empty"), f"{block.place}: finds nothing\n{statement}"


def run_python(reader: Reader, block: Block) -> None:
    if block.saved_as:
        save(reader, block)
        return
    done = subprocess.run(
        [sys.executable, "-c", reader.fill(block.text)],
        cwd=reader.folder,
        env=dict(reader.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}\n{done.stdout}"


def run_yaml(reader: Reader, block: Block) -> None:
    name = block.saved_as or f"block-{block.line}.yaml"
    (reader.folder / name).write_text(block.text, encoding="utf-8")
    if re.match(r"(#.*\n)*recipe:", block.text) and block.note("wrong on purpose") is None:
        done = reader.paste(f"prefmill check {name}")
        assert done.returncode == 0, f"{block.place}\n{done.stdout}"


def save(reader: Reader, block: Block) -> None:
    assert block.saved_as, f"{block.place}: nobody says under which name to save it"
    (reader.folder / block.saved_as).write_text(block.text, encoding="utf-8")


def change(reader: Reader, block: Block) -> None:
    """Apply a diff: the lines it keeps and takes away stand in the file, once."""
    assert block.changes, f"{block.place}: nobody says which file to change"
    lines = block.text.rstrip("\n").split("\n")
    before = "\n".join(line[1:] for line in lines if not line.startswith("+")) + "\n"
    after = "\n".join(line[1:] for line in lines if not line.startswith("-")) + "\n"
    path = reader.folder / block.changes
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{block.place}: {block.changes} does not have these lines\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def look_at_nothing(reader: Reader, block: Block) -> None:
    """What is only to be read."""


RUN = {
    "bash": run_bash,
    "console": run_console,
    "diff": change,
    "json": look_at_nothing,
    "markdown": save,
    "mermaid": look_at_nothing,
    "python": run_python,
    "sql": run_sql,
    "text": look_at_nothing,
    "yaml": run_yaml,
}


# --- the pages themselves ----------------------------------------------------------------------------------------------

ALL_BLOCKS = [block for page in PAGES for block in blocks_of(page)]
ALL_WORDS = "\n".join(text_of(page) for page in PAGES)


def test_the_pages_are_found() -> None:
    assert len(PAGES) >= 9
    assert len(ALL_BLOCKS) > 60


def test_every_block_is_of_a_known_kind() -> None:
    assert [block.place for block in ALL_BLOCKS if block.language not in LANGUAGES] == []


def test_few_blocks_are_not_run_and_each_has_its_reason() -> None:
    notes = {block.place: note for block in ALL_BLOCKS if (note := block.note("not run")) is not None}
    print(f"\n{len(notes)} of {len(ALL_BLOCKS)} blocks are not run:", *map(": ".join, notes.items()), sep="\n  ")
    assert [place for place, reason in notes.items() if not reason] == []
    assert len(notes) <= MOST_NOT_RUN


def test_every_comment_is_one_that_means_something() -> None:
    known = {"not run", "may be empty", "output is checked", "wrong on purpose"}
    comments = {comment.partition(":")[0] for block in ALL_BLOCKS for comment in block.comments}
    assert comments <= known


def test_commands_do_not_hide_in_text_blocks() -> None:
    hidden = [
        block.place
        for block in ALL_BLOCKS
        if block.language in ("text", "json", "")
        for line in block.text.split("\n")
        if re.match(r"\$ |prefmill |make |pip ", line)
    ]
    assert hidden == []


def test_every_target_of_make_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):(?!=)", makefile, re.MULTILINE))
    told = set(re.findall(r"(?:^|`|\$ )make ([\w-]+)", ALL_WORDS, re.MULTILINE))
    assert {"demo", "test"} <= told
    assert told <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    lost = []
    for link in links_of(page):
        target, _, anchor = link.partition("#")
        if target.startswith("http"):
            continue
        path = (ROOT / page).parent / target if target else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors_of(path.resolve().relative_to(ROOT).as_posix())):
            lost.append(link)
    assert lost == []


# --- what there is, is spoken of ---------------------------------------------------------------------------------------


def test_every_command_is_in_the_readme() -> None:
    from flows.cli import app

    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert len(names) >= 12
    readme = text_of("README.md")
    assert [name for name in names if f"`prefmill {name}" not in readme] == []


def test_every_strategy_has_a_section_and_every_parameter_a_row() -> None:
    import dataclasses

    from pipeline.registry import STRATEGIES

    pages = [text_of(page) + "\n## end\n" for page in PAGES]
    found = [re.findall(r"^##+ (\w+/\w+)\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL) for page in pages]
    sections = dict(itertools.chain.from_iterable(found))
    assert set(sections) == set(STRATEGIES)
    assert sum(map(len, found)) == len(sections), "spoken of in one place"
    missing = [
        f"{key}: {field.name}"
        for key, strategy in STRATEGIES.items()
        for field in dataclasses.fields(strategy)
        if f"| `{field.name}` |" not in sections[key]
    ]
    assert missing == []


def test_every_key_of_a_model_and_every_gate_is_in_the_recipe_page() -> None:
    from pipeline.land.gates import Gates
    from schemas.models import ModelSpec
    from schemas.recipe import Recipe

    page = text_of("docs/recipe.md")
    names = [*Recipe.model_fields, *ModelSpec.model_fields, *Gates.model_fields]
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_every_principle_is_spoken_of() -> None:
    from prompts.principles import Principle

    assert [name for name in Principle.shipped() if f"`{name}`" not in ALL_WORDS] == []


def test_every_table_is_in_the_concepts_and_every_view_in_the_sql_page(quickstart: Path) -> None:
    with guest(resolve_address(str(quickstart / "lake"))) as connection:
        found = connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_catalog = 'lake'"
        ).fetchall()
    pages = {"BASE TABLE": text_of("docs/concepts.md"), "VIEW": text_of("docs/sql.md")}
    assert len(found) > 20
    assert [name for name, kind in found if f"`{name}`" not in pages[kind]] == []


def test_every_reason_is_explained_and_every_reason_explained_is_in_the_code() -> None:
    tables = re.findall(r"^\| reason \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", ALL_WORDS, re.MULTILINE)
    told = set(re.findall(r"^\| `(\w+)` \| (?:none|failed) \|", "".join(tables), re.MULTILINE))
    assert told == set(reasons_in_the_code())


def reasons_in_the_code() -> Iterator[str]:
    """Every reason that a strategy, an engine or a reader of sources can give, read from its source."""
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield from _reasons_of_call(node)
            elif isinstance(node, ast.Assign) and any(
                isinstance(name, ast.Name) and name.id == "reason" for name in node.targets
            ):
                yield from _words(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name == "_refusal" and path.parent.name == "mine":
                yield from (
                    word
                    for each in ast.walk(node)
                    if isinstance(each, ast.Return) and each.value
                    for word in _words(each.value)
                )
            elif isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                yield from (
                    word
                    for key, value in pairs
                    if isinstance(key, ast.Constant) and key.value == "reason"
                    for word in _words(value)
                )


def _reasons_of_call(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    place = {"Nothing": 0, "Drop": 1, "Unanswerable": 0, "_spent": 0, "_break_row": 0, "failed_item": 1}.get(name)
    if place is not None and len(node.args) > place:
        yield from _words(node.args[place])


def _words(value: ast.expr) -> Iterator[str]:
    """The codes that an expression can give: constants, and both sides of a choice."""
    if (
        isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and re.fullmatch(r"[a-z]+(_[a-z]+)*", value.value)
    ):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _words(value.body)
        yield from _words(value.orelse)


def test_the_example_of_the_readme_is_in_the_page_it_names() -> None:
    (block,) = [block for block in blocks_of("README.md") if block.language == "json"]
    pair = json.loads(block.text)
    page = " ".join(text_of(pair["uri"]).split())
    assert pair["evidence"] in page
    assert pair["rejected"][0]["content"] in page
    assert pair["rehearsal"] is True


def test_the_package_has_the_licence_it_names() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
