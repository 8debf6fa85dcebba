"""The page as a browser and a stranger meet it: a real server over a real warehouse, on loopback."""

from __future__ import annotations

import asyncio
import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import builds
import httpx
import pytest
from mills import write_documents
from releases import asked, innocent, plant, said

from warehouse.address import Address, resolve_address
from warehouse.guest import guest

HOSTILE = "<script>window.broken = 1</script><img src=x onerror='window.broken=1'>\u202e\"'&amp; {{ 7*7 }} </title>"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Address:  # type: ignore[override]
    """A warehouse with a finished build, and a planted release of hostile texts."""
    folder = tmp_path_factory.mktemp("explored")
    address = resolve_address(str(folder / "lake"))
    built = asyncio.run(builds.run(builds.write_recipe(folder), write_documents(folder / "documents"), address))
    assert built.problem is None
    rows = innocent(120)
    asked(rows[7], f"needle {HOSTILE}")
    said(rows[7], "chosen", HOSTILE)
    rows[7]["flags"] = [HOSTILE]
    for at, row in enumerate(rows):
        row["score_gap"] = 1.0 + at % 7
    plant(address, rows, "hostile")
    return address


@pytest.fixture(scope="module")
def url(lake: Address) -> Iterator[str]:
    """The address that the command prints."""
    command = [sys.executable, "-m", "flows.cli", "ui", "-w", str(lake.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture(scope="module")
def visitor(url: str) -> Iterator[httpx.Client]:
    """Somebody who has opened the printed address."""
    base, _ = url.split("/?")
    with httpx.Client(base_url=base, timeout=60) as client:
        entered = client.get("/" + url.removeprefix(base + "/"))
        assert entered.status_code == 200
        assert "httponly" in entered.headers["set-cookie"].lower()
        assert "samesite=strict" in entered.headers["set-cookie"].lower()
        yield client


def links(page: str, part: str) -> list[str]:
    return [each.replace("&amp;", "&") for each in re.findall(r'href="([^"]*)"', page) if part in each]


# --- who may look ----------------------------------------------------------------------------------------------------


def test_without_the_token_nothing_is_shown(url: str) -> None:
    base = url.split("/?")[0]
    for path in ("/", "/sql", "/?token=wrong", "/static/explore.css"):
        answer = httpx.get(base + path)
        assert answer.status_code == 403
        assert "prefmill ui" in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"cookie": "prefmill=guess"}, 403),
    ],
)
def test_other_sites_and_other_names_are_refused(visitor: httpx.Client, headers: dict[str, str], status: int) -> None:
    answer = visitor.get("/", headers=headers)
    assert answer.status_code == status
    assert "hostile" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_page_is_only_read(visitor: httpx.Client, method: str) -> None:
    answer = visitor.request(method, "/sql")
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_forbids_foreign_scripts(visitor: httpx.Client) -> None:
    for path in ("/", "/nowhere", "/static/explore.js"):
        headers = visitor.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/../pages.py", "/static/%2e%2e/pages.py", "/static/..%2f..%2fcli.py"])
def test_no_file_but_the_pages_own_is_served(visitor: httpx.Client, path: str) -> None:
    assert visitor.get(path).status_code == 404


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_all_pairs_are_met_once_in_any_order(visitor: httpx.Client) -> None:
    for search in ("?", "?order=score_gap&down=1", "?order=licence"):
        seen: list[str] = []
        page = visitor.get(f"/release/hostile/pairs{search}").text
        while True:
            seen += [link.split("/pair/")[1].split("?")[0] for link in links(page, "/pair/")]
            later = links(page, "after=")
            if not later:
                break
            page = visitor.get(f"/release/hostile/pairs{later[0]}").text
        assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    ("search", "count"),
    [
        ("q=needle", 1),
        ("q=NEEDLE+script", 1),
        ("q=%22needle+script%22", 0),
        ("f=score_gap:min:7", 17),
        ("f=score_gap:min:7&f=split:is:test", 4),
        ("f=flags:present:", 1),
        ("f=rehearsal:is:true", 0),
        ("f=pair_id:contains:0000001", 11),
        (f"f=flags:has:{quote(HOSTILE)}", 1),
        ("f=licence:missing:", 120),
        ("f=chosen:contains:ONERROR", 1),
        ("column=split&operator=is+not&value=train", 25),
    ],
)
def test_a_search_finds_what_it_says(visitor: httpx.Client, lake: Address, search: str, count: int) -> None:
    page = visitor.get(f"/release/hostile/pairs?{search}")
    assert page.status_code == 200
    if "split:is:test" in search:
        count = sum(at // 5 % 5 == 0 and at % 7 == 6 for at in range(120))
    assert f"{count} of 120 pairs" in page.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/release/hostile/pairs?f=scoregap:min:1", "no column"),
        ("/release/hostile/pairs?f=score_gap:min:much", "is no number"),
        ("/release/hostile/pairs?f=score_gap:contains:1", "cannot be asked"),
        ("/release/hostile/pairs?f=rehearsal:is:perhaps", "neither true nor false"),
        ("/release/hostile/pairs?f=nothing", "is not column:operator:value"),
        ("/release/hostile/pairs?order=prompt", "order"),
        ("/release/hostile/pairs?after=here", "is no place"),
        ("/release/hostile/pairs?f=split%22)--:is:1", "no column"),
        ("/release/nowhere/pairs", "there is no release"),
        ("/release/hostile/pair/par_x", "there is no pair"),
        ("/row/par_x", "par_x"),
        ("/funnel?build=build-99", "no funnel"),
        ("/nowhere", "there is no page"),
    ],
)
def test_a_wrong_request_is_told_in_one_sentence(visitor: httpx.Client, path: str, words: str) -> None:
    page = visitor.get(path)
    assert page.status_code in (400, 404)
    assert words in page.text
    assert "Traceback" not in page.text


def test_a_pair_leads_back_to_its_document_and_to_its_verdicts(visitor: httpx.Client, lake: Address) -> None:
    with guest(lake) as cursor:
        release, pair_id, uri = cursor.execute(
            "SELECT release, pair_id, uri FROM latest_pairs WHERE recipe = 'r' ORDER BY pair_id LIMIT 1"
        ).fetchone() or ("", "", "")
    page = visitor.get(f"/release/{release}/pair/{pair_id}").text
    assert uri in page
    assert '<mark class="span">' in page
    assert "shown in this order" in page
    assert "shown the other way round" in page
    assert "judge/pairwise" in page
    for link in links(page, "/row/"):
        assert visitor.get(link).status_code == 200


def test_what_was_dropped_can_be_looked_at(visitor: httpx.Client) -> None:
    page = visitor.get("/funnel").text
    reasons = links(page, "/dropped")
    assert reasons
    for link in reasons:
        dropped = visitor.get(link).text
        shown = links(dropped, "/row/")
        assert shown
        assert visitor.get(shown[0]).status_code == 200


def test_hostile_texts_stay_texts(visitor: httpx.Client) -> None:
    for path in ("/release/hostile/pairs?q=needle", "/release/hostile/pair/par_00000007"):
        page = visitor.get(path).text
        assert "<script>window" not in page
        assert "<img src=x" not in page
        assert "{{ 7*7 }}" in page.replace("&#39;", "'")


# --- SQL -------------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_as_a_table_and_as_a_file(visitor: httpx.Client) -> None:
    query = "SELECT release, pairs FROM releases WHERE release = 'hostile'"
    assert "<td>" in visitor.get("/sql", params={"query": query}).text.replace(' dir="auto"', "")
    answer = visitor.get("/sql.csv", params={"query": query})
    assert answer.headers["content-type"].startswith("text/csv")
    assert list(csv.reader(answer.text.splitlines())) == [["release", "pairs"], ["hostile", "120"]]


@pytest.mark.parametrize("query", ["FROM '/etc/passwd'", "DELETE FROM pairs", "COPY pairs TO '/tmp/x'", "SELEC 1"])
def test_other_questions_are_refused_on_the_page(visitor: httpx.Client, query: str) -> None:
    page = visitor.get("/sql", params={"query": query}).text
    assert 'role="alert"' in page
    assert "root:" not in page
    assert visitor.get("/sql.csv", params={"query": query}).status_code == 400


def test_two_people_and_a_build_at_once(visitor: httpx.Client, lake: Address, tmp_path: Path) -> None:
    paths = ["/", "/release/hostile/pairs?q=needle", "/funnel", "/sql?query=FROM+funnel"] * 3
    build = [
        sys.executable,
        "-m",
        "flows.cli",
        "build",
        str(builds.write_recipe(tmp_path, name="other")),
        "-w",
        str(lake.root),
    ]
    with (
        subprocess.Popen(
            [*build, str(write_documents(tmp_path / "more")), "--direct"], stdout=subprocess.DEVNULL
        ) as building,
        ThreadPoolExecutor(4) as people,
    ):
        statuses = list(people.map(lambda path: visitor.get(path).status_code, paths))
        # It does all its work; then it finds the planted release, whose rows are in no table, and says so.
        assert building.wait(120) == 1
    assert statuses == [200] * len(paths)
    assert "other" in visitor.get("/").text, "what was built meanwhile is shown"
