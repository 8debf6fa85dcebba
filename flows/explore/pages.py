"""The pages: each reads the warehouse, and fills one template."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from flows.explore.difference import difference
from flows.explore.origin import origin_of, spent_on
from flows.explore.state import key_of, read_asked, read_key, without, write_asked, write_key
from flows.explore.verdicts import COLUMNS, verdicts_of
from flows.explore.words import last, number, told
from schemas.errors import RequestError, WarehouseError
from warehouse import browsing, refusals
from warehouse.address import Address
from warehouse.guest import desk, guest, locked_guest, run_sql, stopped_after
from warehouse.lineage import trace
from warehouse.releases import ReleaseRow, find_release, list_releases

TEMPLATES = Path(__file__).parent / "templates"
SECONDS = 30.0
"""So long may a page take, and a question in SQL."""
SHOWN_ROWS = 500
CSV_ROWS = 100_000
CELL = 400
"""A cell of a table of answers shows so many characters."""
PAIRS = "pairs.parquet"


class Pages:
    """All pages over one warehouse: two connections, one for our own questions and a locked one for those of people."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._stack = ExitStack()
        self._ours: duckdb.DuckDBPyConnection | None = None
        self._theirs: duckdb.DuckDBPyConnection | None = None
        self._columns: dict[str, tuple[dict[str, browsing.Column], dict[str, list[str]]]] = {}
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"told": told, "number": number}
        self.routes: dict[str, Callable[[Request], Response]] = {
            "/": self.releases,
            "/release/{release}": self.release,
            "/release/{release}/pairs": self.pairs,
            "/release/{release}/pair/{pair_id}": self.pair,
            "/row/{row_id}": self.row,
            "/funnel": self.funnel,
            "/dropped": self.dropped,
            "/sql": self.sql,
            "/sql.csv": self.sql_as_csv,
        }

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Open the warehouse, and close it at the end."""
        with self._stack:
            self._ours = self._stack.enter_context(guest(self.address))
            self._theirs = self._stack.enter_context(locked_guest(self.address))
            yield

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        assert self._ours is not None, "the warehouse is opened by the lifespan of the app"
        with desk(self._ours) as cursor, stopped_after(cursor, SECONDS):
            yield cursor

    def _filled(self, template: str, request: Request | None = None, **values: Any) -> HTMLResponse:
        path = request.url.path if request else ""
        words = self._templates.get_template(template).render(path=path, warehouse=self.address.shown, **values)
        return HTMLResponse(words)

    def releases(self, request: Request) -> Response:
        """All releases."""
        with self._cursor() as cursor:
            rows = list_releases(cursor)
        return self._filled("releases.html", request, releases=rows)

    def release(self, request: Request) -> Response:
        """One release: its gates, figures and splits."""
        with self._cursor() as cursor:
            row = find_release(cursor, request.path_params["release"])
        return self._filled("release.html", request, release=row)

    def pairs(self, request: Request) -> Response:
        """A page of the pairs of a release."""
        asked = read_asked(request.query_params)
        after, before = (read_key(request.query_params.get(name, "")) for name in ("after", "before"))
        with self._cursor() as cursor:
            row = find_release(cursor, request.path_params["release"])
            file = self._file(row)
            columns, suggested = self._columns_of(cursor, row, file)
            page = browsing.find_pairs(cursor, file, columns, asked, after=after, before=before)
            is_all = not asked.words and not asked.filters
            found = row.pairs if is_all else None
            if found is None and row.pairs <= browsing.COUNTED:
                found = browsing.count_pairs(cursor, file, columns, asked)
        base = f"/release/{row.release}"
        return self._filled(
            "pairs.html",
            request,
            release=row,
            asked=asked,
            columns=columns,
            operators=json.dumps({name: browsing.OPERATORS[column.kind] for name, column in columns.items()}),
            all_operators=list(dict.fromkeys(each for known in browsing.OPERATORS.values() for each in known)),
            suggested=json.dumps(suggested),
            rows=[(each, f"{base}/pair/{each['pair_id']}{write_asked(asked)}") for each in page.rows],
            found=found,
            without=[(each, base + "/pairs" + write_asked(without(asked, each))) for each in asked.filters],
            earlier=page.earlier and page.keys and write_asked(asked, before=write_key(page.keys[0])),
            later=page.later and page.keys and write_asked(asked, after=write_key(page.keys[-1])),
        )

    def pair(self, request: Request) -> Response:
        """One pair, with everything that is known of it."""
        asked = read_asked(request.query_params)
        pair_id = request.path_params["pair_id"]
        with self._cursor() as cursor:
            row = find_release(cursor, request.path_params["release"])
            file = self._file(row)
            columns, _ = self._columns_of(cursor, row, file)
            if not (rows := browsing.read_pairs(cursor, file, [pair_id])):
                raise WarehouseError(f"there is no pair {pair_id!r} in {row.release}")
            key = key_of(rows[0], asked, columns)
            later = browsing.find_pairs(cursor, file, columns, asked, after=key, size=1).keys
            earlier = browsing.find_pairs(cursor, file, columns, asked, before=key, size=1).keys
            traced = None
            with suppress(WarehouseError):  # a release may be older than what is left in the tables
                traced = trace(cursor, pair_id)
        pair = rows[0]
        base = f"/release/{row.release}/pair/"
        search = write_asked(asked)
        return self._filled(
            "pair.html",
            request,
            release=row,
            pair=pair,
            sides=dict(
                zip(("chosen", "rejected"), difference(last(pair["chosen"]), last(pair["rejected"])), strict=True)
            ),
            others=[(name, pair[name]) for name in columns if name not in ("prompt", "chosen", "rejected", "pair_id")],
            verdicts=verdicts_of(
                (node.row for node in traced.node.children if node.table == "signals") if traced else (),
                pair["chosen_id"],
                pair["rejected_id"],
            ),
            orders=COLUMNS,
            traced=traced,
            origin=origin_of(traced) if traced else None,
            spent=spent_on(traced) if traced else [],
            back=f"/release/{row.release}/pairs{search}",
            earlier=earlier and base + earlier[0].pair_id + search,
            later=later and base + later[0].pair_id + search,
        )

    def row(self, request: Request) -> Response:
        """Any row of the warehouse by its id: where it comes from and what came of it."""
        with self._cursor() as cursor:
            found = trace(cursor, request.path_params["row_id"])
        return self._filled("row.html", request, traced=found, origin=origin_of(found))

    def funnel(self, request: Request) -> Response:
        """What one build kept and dropped."""
        with self._cursor() as cursor:
            builds = refusals.list_builds(cursor)
            wanted = request.query_params.get("build", "") or (builds[0]["build_id"] if builds else "")
            rows = refusals.funnel_of(cursor, wanted)
            if wanted and not rows:
                raise WarehouseError(
                    f'there is no funnel of a build {wanted!r}; `prefmill sql "FROM builds"` lists them'
                )
            costs = refusals.costs_of(cursor, wanted)
        steps: dict[str, list[dict[str, Any]]] = {}
        for each in rows:
            steps.setdefault(each["step"], []).append(each)
        most = max((sum(each["units"] for each in rows) for rows in steps.values()), default=1)
        return self._filled(
            "funnel.html", request, builds=builds, build_id=wanted, steps=steps, costs=costs, most=max(1, most)
        )

    def dropped(self, request: Request) -> Response:
        """Units that one step dropped for one reason."""
        query = request.query_params
        build_id, step, reason = query.get("build", ""), query.get("step", ""), query.get("reason", "")
        size = 25
        with self._cursor() as cursor:
            rows = refusals.dropped_units(cursor, build_id, step, reason, query.get("after", ""), size)
        return self._filled(
            "dropped.html",
            request,
            build_id=build_id,
            step=step,
            reason=reason,
            rows=rows[:size],
            later=rows[size - 1]["unit_id"] if len(rows) > size else "",
        )

    def sql(self, request: Request) -> Response:
        """A question in SQL, and the first rows of its answer."""
        query = request.query_params.get("query", "")
        names: list[str] = []
        rows: list[tuple[object, ...]] = []
        problem = ""
        if query.strip():
            try:
                with self._asking() as cursor:
                    names, answer = run_sql(cursor, query)
                    rows = list(islice(answer, SHOWN_ROWS + 1))
            except RequestError as refused:
                problem = str(refused)
        return self._filled(
            "sql.html", request, query=query, names=names, rows=rows[:SHOWN_ROWS], more=len(rows) > SHOWN_ROWS,
            problem=problem, seconds=SECONDS, shown=SHOWN_ROWS, most=CSV_ROWS, cell=CELL,
        )  # fmt: skip

    def sql_as_csv(self, request: Request) -> Response:
        """The answer to a question in SQL as a CSV file, up to `CSV_ROWS` rows."""
        with self._asking() as cursor:
            names, answer = run_sql(cursor, request.query_params.get("query", ""))
            rows = list(islice(answer, CSV_ROWS))

        def lines() -> Iterator[str]:
            for row in [names, *rows]:
                line = io.StringIO()
                csv.writer(line).writerow(row)
                yield line.getvalue()

        headers = {"content-disposition": 'attachment; filename="answer.csv"'}
        return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)

    @contextmanager
    def _asking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        assert self._theirs is not None, "the warehouse is opened by the lifespan of the app"
        with desk(self._theirs) as cursor, stopped_after(cursor, SECONDS):
            yield cursor

    def on_mistake(self, request: Request, problem: Exception) -> Response:
        """A request that was wrong, in one sentence."""
        is_missing = isinstance(problem, WarehouseError)
        answer = self._filled("problem.html", request, problem=str(problem))
        answer.status_code = HTTPStatus.NOT_FOUND if is_missing else HTTPStatus.BAD_REQUEST
        return answer

    def on_fault(self, request: Request, problem: Exception) -> Response:
        """What DuckDB could not do for us; most likely the tables are those of another prefmill."""
        first = str(problem).splitlines()[0]
        words = f"the warehouse did not answer ({first}); if an earlier prefmill made it, the next build brings it up to date"
        answer = self._filled("problem.html", request, problem=words)
        answer.status_code = HTTPStatus.INTERNAL_SERVER_ERROR
        return answer

    def on_missing(self, request: Request, problem: Exception) -> Response:
        """An address that leads nowhere."""
        assert isinstance(problem, HTTPException)
        answer = self._filled("problem.html", request, problem=f"there is no page {request.url.path!r} here")
        answer.status_code = problem.status_code
        return answer

    def _file(self, row: ReleaseRow) -> Path:
        file = self.address.root / row.folder / PAIRS
        if not file.is_file():
            raise WarehouseError(
                f"the files of {row.release} are not in this warehouse: {PAIRS} is missing in {row.folder}"
            )
        return file

    def _columns_of(
        self, cursor: duckdb.DuckDBPyConnection, row: ReleaseRow, file: Path
    ) -> tuple[dict[str, browsing.Column], dict[str, list[str]]]:
        """The columns of a release, which never change, and what a form suggests for them."""
        if row.release not in self._columns:
            columns = browsing.columns_of(cursor, file)
            self._columns[row.release] = columns, browsing.suggestions(cursor, file, columns)
        return self._columns[row.release]
