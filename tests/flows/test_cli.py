"""The command line: what people type, what they see, and what they see when it was wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import builds
import pytest
from mills import PASSWORD, Mill, written
from typed import Run, Said

from pipeline.registry import STRATEGIES
from warehouse.address import resolve_address
from warehouse.store import Store

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "build",
    "check",
    "plan",
    "preview",
    "sql",
    "explain",
    "releases",
    "export",
    "import",
    "revoke",
    "schedule",
    "recipes",
    "strategies",
    "doctor",
]
KEY = "sk-planted-secret"


@pytest.fixture
def at(mill: Mill) -> list[str]:
    """The option that names the warehouse with a build in it."""
    return ["-w", written(mill.address)]


def pair_of(mill: Mill) -> str:
    """A released pair."""
    return str(builds.ask(mill.address, "SELECT min(pair_id) FROM latest_pairs")[0][0])


ON_SQLITE = pytest.mark.parametrize("mill", ["sqlite"], indirect=True)

# --- building --------------------------------------------------------------------------------------------------------


def test_plan_preview_build_and_build_again(prefmill: Run, tmp_path: Path, documents: Path) -> None:
    """A plan changes nothing, a preview is work that the build does not repeat, and the second build has none."""
    recipe, address = builds.write_recipe(tmp_path), resolve_address(str(tmp_path / "lake"))
    ahead = prefmill("plan", recipe, documents, "--json")
    assert ahead.code == 0
    assert not address.root.exists()
    forecast = {row["step"]: row for row in ahead.json}
    assert forecast["mine/read"]["units"] == 3

    preview = prefmill("preview", recipe, documents, "-n", "1", "--json")
    assert preview.code == 0
    assert preview.json["release"] is None
    assert preview.json["preview"]["prompts"][0]["question"]
    assert builds.ask(address, "SELECT count(DISTINCT document_id) FROM passages") == [(1,)]
    assert builds.ask(address, "SELECT count(*) FROM releases") == [(0,)]

    first = prefmill("build", recipe, documents, "--direct", "--json")
    assert (first.code, first.err) == (0, "")
    assert first.json["status"] == "done"
    assert first.json["release"]["status"] == "published"
    calls = dict(builds.ask(address, "SELECT step, calls::BIGINT FROM cost_by_step"))
    assert preview.json["calls"] + first.json["calls"] == sum(calls.values())
    assert min(preview.json["calls"], first.json["calls"]) > 0
    for step in ("mine/qa", "sample/grid", "judge/pairwise"):
        assert calls[step] <= forecast[step]["calls"], "a plan names at least what a build takes"

    again = prefmill("build", recipe, documents, "--direct")
    assert again.code == 0
    assert "0 model calls, 0 units done; nothing was to be done" in again.out
    assert "unchanged" in again.out
    assert "This is rehearsal data" in again.out
    assert "prefmill explain par_" in again.out
    assert again.out.count("╭─ pair ") == 3
    assert sum(row["calls"] for row in prefmill("plan", recipe, documents, "--json").json) == 0


def test_a_preview_shows_its_rows(prefmill: Run, tmp_path: Path, documents: Path) -> None:
    recipe = builds.write_recipe(tmp_path, steps=["mine/chunk"])
    said = prefmill("preview", recipe, documents, "-n", "1")
    assert said.code == 0
    assert "Tallow keeps the wooden teeth" in " ".join(said.out.split())
    assert "nothing was released" in said.out


def test_check_does_only_that(prefmill: Run, tmp_path: Path) -> None:
    assert prefmill("check", "quickstart").out.strip() == "quickstart: 8 steps, no mistakes"
    said = prefmill("check", builds.write_recipe(tmp_path), "--json")
    assert [step["step"] for step in said.json["steps"]][-1] == "land/release"
    assert {step["fingerprint"][:4] for step in said.json["steps"]} == {"stp_"}
    assert not (tmp_path / "lake").exists()


def test_a_release_that_is_held_back_ends_with_one(prefmill: Run, tmp_path: Path, documents: Path) -> None:
    steps = [*builds.STEPS[:-1], {"land/release": {"gates": {"min_pairs": 1000}}}]
    said = prefmill("build", builds.write_recipe(tmp_path, steps=steps), documents / "stones.md", "--direct", "--json")
    assert said.code == 1
    assert said.json["status"] == "heldback"
    assert said.json["release"]["status"] == "held"
    assert said.err.startswith("prefmill: release ")
    assert "is held back, `latest` has not moved" in said.err
    assert prefmill("export", "latest", "--to", tmp_path / "out").code == 2


def test_a_warehouse_in_use_ends_with_one(prefmill: Run, tmp_path: Path, documents: Path) -> None:
    store = Store.open(resolve_address(str(tmp_path / "lake")))
    said = prefmill("build", builds.write_recipe(tmp_path), documents, "--direct")
    store.close()
    assert said.code == 1
    assert "another process" in said.err


@pytest.mark.slow
def test_a_build_runs_under_prefect_unless_told_otherwise(tmp_path: Path, documents: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "build", str(builds.write_recipe(tmp_path)), str(documents), "--json"],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "PREFECT_HOME": str(tmp_path / "prefect"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "done"
    assert (tmp_path / "prefect" / "prefect.db").exists()


# --- asking ----------------------------------------------------------------------------------------------------------


@ON_SQLITE
def test_sql_prints_a_table_or_json(prefmill: Run, mill: Mill, at: list[str]) -> None:
    assert mill.built.landed is not None
    said = prefmill("sql", "SELECT count(*) AS pairs FROM latest_pairs", *at, "--json")
    assert (said.code, said.json) == (0, {"pairs": mill.built.landed.release.pairs})
    lines = prefmill("sql", "SELECT step FROM funnel ORDER BY position", *at, "--json").out.splitlines()
    assert [json.loads(line)["step"] for line in lines][:2] == ["mine/read", "mine/chunk"]
    assert "mine/chunk" in prefmill("sql", "FROM funnel", *at).out
    assert "the first 200 rows" in prefmill("sql", "FROM range(300)", *at).out
    assert "[bold]" in prefmill("sql", "SELECT '[bold]x' AS \"[red]\"", *at).out, "data is no markup"


@ON_SQLITE
def test_sql_without_a_question_is_a_shell(prefmill: Run, at: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["SELECT count(*)", "FROM pairs;", "SELEC 1;", ".tables", "SELECT 41 + 1 AS answer;"])

    def type_next(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", type_next)
    said = prefmill("sql", *at)
    assert said.code == 0
    assert "count_star()" in said.out
    assert 'syntax error at or near "SELEC"' in said.out
    assert "latest_pairs" in said.out
    assert "42" in said.out


@ON_SQLITE
def test_sql_init_is_for_duckdbs_own_shell(prefmill: Run, mill: Mill, at: list[str]) -> None:
    said = prefmill("sql", "--init", *at)
    assert said.code == 0
    assert "READ_ONLY" in said.out
    assert said.out.rstrip().endswith("USE lake;")


@ON_SQLITE
def test_explain_goes_from_a_pair_to_its_sentence(prefmill: Run, mill: Mill, at: list[str]) -> None:
    pair = pair_of(mill)
    said = prefmill("explain", pair, *at, "--json")
    assert said.code == 0
    assert [node["table"] for node in said.json["above"]][:3] == ["documents", "passages", "prompts"]
    assert said.json["node"]["id"] == pair
    shown = prefmill("explain", pair[:-3], *at)
    assert shown.code == 0
    for words in (
        "where it comes from",
        "document doc_",
        "evidence: ",
        "pair par_",
        "grounded, shown ab",
        "in release ",
    ):
        assert words in shown.out


@ON_SQLITE
def test_releases_are_listed(prefmill: Run, mill: Mill, at: list[str]) -> None:
    assert mill.built.landed is not None
    name = mill.built.landed.release.release
    said = prefmill("releases", *at, "--json")
    assert [row["release"] for row in said.json] == [name]
    assert said.json[0]["splits"] == mill.built.landed.release.splits
    assert name in prefmill("releases", *at).out


@ON_SQLITE
def test_a_release_is_exported_with_its_card(prefmill: Run, mill: Mill, at: list[str], tmp_path: Path) -> None:
    said = prefmill("export", "latest", "--to", "out", *at, "--json")
    assert said.code == 0
    assert all(Path(file).exists() for file in said.json["files"])
    assert (tmp_path / "out" / "README.md").exists()
    assert prefmill("export", "latest", "--to", "out", *at).code == 0


@ON_SQLITE
def test_a_release_is_exported_in_the_layouts_that_are_named(prefmill: Run, at: list[str], tmp_path: Path) -> None:
    two = ("--layout", "unpaired", "--layout", "implicit")
    assert prefmill("export", "latest", "--to", "two", *two, "--jsonl", *at).code == 0
    assert {path.parent.name for path in (tmp_path / "two").glob("*/*.jsonl")} == {"implicit", "unpaired"}
    assert not [*(tmp_path / "two").glob("*/*.parquet")]
    assert prefmill("export", "latest", "--to", "two", *two, *at).code == 2
    assert prefmill("export", "latest", "--to", "two", *two, *at, "--overwrite").code == 0


# --- knowing ---------------------------------------------------------------------------------------------------------


def test_recipes_and_strategies_are_listed(prefmill: Run) -> None:
    assert "quickstart" in {row["recipe"] for row in prefmill("recipes", "--json").json}
    assert "quickstart" in prefmill("recipes").out
    rows = prefmill("strategies", "--json").json
    assert {row["strategy"] for row in rows} == set(STRATEGIES)
    assert all(row["about"] and "\n" not in row["about"] for row in rows)
    shown = prefmill("strategies")
    assert "judge/pairwise" in shown.out.replace("\n", "")


def test_doctor_examines_without_changing_anything(prefmill: Run, tmp_path: Path) -> None:
    said = prefmill("doctor", "--json")
    findings = {row["what"]: row for row in said.json}
    assert said.code == int(any(row["state"] == "broken" for row in findings.values()))
    assert findings["engine rehearsal"]["state"] == "good"
    assert findings["warehouse"]["state"] == "missing"
    assert all(row["advice"] for row in findings.values() if row["state"] != "good")
    assert prefmill("doctor").code == said.code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(prefmill: Run, command: str) -> None:
    said = prefmill(command, "--help")
    assert said.code == 0
    assert f"prefmill {command}" in said.out
    assert said.err == ""


def test_help_names_every_command_and_the_exit_codes(prefmill: Run) -> None:
    said = prefmill("--help")
    assert said.code == 0
    assert [command for command in COMMANDS if command not in said.out] == []
    assert "1 a build or a gate failed, 2 the request itself was wrong" in " ".join(said.out.replace("│", "").split())
    assert prefmill("-h").out == said.out


def test_help_loads_nothing_heavy() -> None:
    """`--help` answers in half a second; DuckDB, Prefect, pyarrow and the engines stay on the shelf."""
    heavy = ["duckdb", "prefect", "pyarrow", "aiohttp", "kreuzberg", "vllm", "torch", "jinja2", "markdown_it"]
    code = f"import sys, flows.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what was wrong --------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[list[str], str]] = {
    "no such recipe": (["build", "quikstart", "{documents}"], "there is no recipe 'quikstart'; did you mean `quickstart`?"),
    "a source for a recipe": (["build", "{documents}"], "is not a recipe"),
    "no source": (["build", "quickstart"], "no sources are given"),
    "missing source": (["build", "quickstart", "{documents}/stone.md"], "does not exist; did you mean `stones.md`?"),
    "empty folder": (["build", "quickstart", "{empty}", "--direct"], "{empty}"),
    "no such engine": (["build", "quickstart", "{documents}", "--engine", "vlm"], "did you mean `vllm`?"),
    "engine without a model": (["build", "quickstart", "{documents}", "--engine", "openai"], "needs a model"),
    "model without an engine": (["build", "{modelled}", "{documents}"], "no engine for model 'Qwen/Qwen3-8B'"),
    "mistake in a recipe": (["check", "{misspelt}"], "misspelt.yaml:4: `mine/chunk` has no parameter `tokns`; did you mean"),
    "mistake in a build": (["build", "{misspelt}", "{documents}"], "misspelt.yaml:4: "),
    "mistake in a plan": (["plan", "{misspelt}", "{documents}"], "misspelt.yaml:4: "),
    "mistake in a preview": (["preview", "{misspelt}", "{documents}"], "misspelt.yaml:4: "),
    "foreign warehouse": (["releases", "-w", "mysql://host/mill"], "neither a folder nor a `postgresql://` address"),
    "warehouse that is a file": (["build", "quickstart", "{documents}", "-w", "{misspelt}"], "is a file; give a folder"),
    "warehouse that is not there": (["sql", "FROM pairs", "-w", "{empty}"], "there is no warehouse in"),
    "releases of nothing": (["releases", "-w", "{empty}"], "there is no warehouse in"),
    "explain in nothing": (["explain", "par_1", "-w", "{empty}"], "there is no warehouse in"),
    "server that does not answer": (["releases", "-w", "postgresql://127.0.0.1:9/mill"], "cannot be opened"),
}  # fmt: skip
WRONG_IN_A_WAREHOUSE: dict[str, tuple[list[str], str]] = {
    "writing": (["sql", "DELETE FROM pairs"], "DELETE is not a question"),
    "bad SQL": (["sql", "SELEC 1"], 'syntax error at or near "SELEC"'),
    "misspelt table": (["sql", "FROM pair"], 'Did you mean "pairs'),
    "no id": (["explain", "pairs"], "'pairs' is not an id"),
    "unknown id": (["explain", "par_00000000"], "is not among the pairs"),
    "unknown release": (["export", "nothing", "--to", "out"], "there is no release 'nothing'"),
    "unknown layout": (["export", "latest", "--to", "out", "--layout", "implict"], "did you mean `implicit`?"),
    "layout without rows": (["export", "latest", "--to", "out", "--layout", "tool_trace"], "call no tools"),
    "export over something else": (["export", "latest", "--to", "{documents}"], "documents"),
}


@pytest.fixture
def places(tmp_path: Path, documents: Path) -> dict[str, str]:
    """Files and folders that a wrong command may name."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "misspelt.yaml").write_text("recipe: r\nsteps:\n  - mine/chunk:\n      tokns: 3\n")
    modelled = builds.write_recipe(tmp_path, name="modelled", models={"default": {"model": "Qwen/Qwen3-8B"}})
    found = {
        "empty": tmp_path / "empty",
        "misspelt": tmp_path / "misspelt.yaml",
        "modelled": modelled,
        "documents": documents,
    }
    return {name: str(path) for name, path in found.items()}


def assert_one_sentence(said: Said, words: str) -> None:
    """Exit code 2, nothing on stdout, and one line that says what was wrong."""
    assert said.code == 2, said.all
    assert said.out == ""
    assert said.err.startswith("prefmill: ")
    assert said.err.count("\n") == 1, said.err
    assert words in said.err


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_one_sentence(prefmill: Run, places: dict[str, str], name: str) -> None:
    command, words = WRONG[name]
    assert_one_sentence(prefmill(*(word.format(**places) for word in command)), words.format(**places))


@ON_SQLITE
@pytest.mark.parametrize("name", WRONG_IN_A_WAREHOUSE)
def test_a_wrong_question_is_one_sentence(prefmill: Run, at: list[str], places: dict[str, str], name: str) -> None:
    command, words = WRONG_IN_A_WAREHOUSE[name]
    assert_one_sentence(prefmill(*(word.format(**places) for word in command), *at), words)


@pytest.mark.parametrize(
    "command",
    [
        ["bild"],
        ["build", "--colour"],
        ["preview", "quickstart", "x", "-n", "0"],
        ["export", "latest"],
        ["explain"],
        ["check"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_told_by_its_command(prefmill: Run, command: list[str]) -> None:
    said = prefmill(*command)
    assert said.code == 2
    assert said.err.startswith("Usage: ")
    assert said.out == ""


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mill", ["postgres"], indirect=True)
def test_no_command_prints_a_key_or_a_password(
    prefmill: Run, mill: Mill, at: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, documents: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{KEY}@127.0.0.1:9/v1")
    monkeypatch.setenv("PREFECT_API_URL", f"http://user:{KEY}@127.0.0.1:9/api")
    model = {"model": "m", "engine": "openai", "attempts": 1, "timeout_seconds": 2}
    asking = builds.write_recipe(tmp_path, name="asking", models={"default": model}, steps=builds.STEPS[:2])
    wrong = f"postgresql://prefmill:{PASSWORD}@127.0.0.1:9/mill?connect_timeout=1"
    said = [
        prefmill("build", mill.recipe, mill.documents, "--direct", *at),
        prefmill("build", asking, documents, "--direct", "-w", tmp_path / "lake"),
        prefmill("plan", mill.recipe, mill.documents, *at),
        prefmill("sql", "FROM builds", *at),
        prefmill("sql", "FROM nothing", *at),
        prefmill("explain", pair_of(mill), *at),
        prefmill("explain", "par_000000", *at),
        prefmill("releases", *at),
        prefmill("doctor", *at),
        prefmill("doctor", "-w", wrong),
        prefmill("releases", "-w", wrong),
        prefmill("build", mill.recipe, mill.documents, "--direct", "-w", wrong),
        prefmill("export", "latest", "--to", "out", *at),
    ]
    assert {each.code for each in said} == {0, 1, 2}
    for each in said:
        assert KEY not in each.all
        assert PASSWORD not in each.all
    for file in [*(tmp_path / "out").rglob("*"), *mill.address.releases.rglob("*")]:
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes()
            assert KEY.encode() not in file.read_bytes()
