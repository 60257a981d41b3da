"""The routes: what is asked for, and the answer. FastAPI describes them at /openapi.json."""

import time
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from eventcli import __version__
from eventcli.reporting.columns import Stat
from eventcli.serve import shown
from eventcli.serve.problems import EXPECTED, Problem, RefusedError, problem_of
from eventcli.serve.questions import BOUND, LONGEST, SIZES, Question, stats_of
from eventcli.serve.repeated import response_to
from eventcli.serve.serving import Serving

_ABOUT: Final = """
Exact totals of a ledger as it grows. Every answer is one state of the ledger, and every number is exact: as in any
JSON, a reader that makes binary floats of numbers loses digits of large ones.

`GET /live` streams what changes as server-sent events, for the page at `/`. It takes `since`, `until` and `tz`. Each
event is JSON in which all numbers are texts: the first one has everything, each later one only what is different.
"""


_STAT: Final = "|".join(Stat)


class Detail(BaseModel):
    """Why there is no other answer."""

    detail: str = Field(description="A sentence for people.")


class Row(BaseModel):
    """The statistics of a type, in one bucket of time if buckets were asked for."""

    start: str | None = Field(None, description="The first instant of the bucket; null for events in none.")
    type: str
    count: int | None = None
    sum: float | int | None = None
    min: float | int | None = None
    max: float | int | None = None
    mean: float | int | None = None


class _Asked(BaseModel):
    """The options of `eventstats totals`, as parameters of a URL: one that is not given is absent, never null."""

    type: list[str] = Field([], description="Keep this type only. Repeatable.")
    since: str | SkipJsonSchema[None] = Field(
        None,
        description="Keep events from this time on: a time, a date, 24h, 7d (ago), today, now or an epoch.",
        examples=["24h"],
        json_schema_extra={"pattern": BOUND},
    )
    until: str | SkipJsonSchema[None] = Field(
        None, description="Keep events before this time.", json_schema_extra={"pattern": BOUND}
    )
    by: str | SkipJsonSchema[None] = Field(
        None,
        description="Print in buckets of time, as far as the ledger keeps them.",
        json_schema_extra={"enum": [*SIZES]},
    )
    tz: str | SkipJsonSchema[None] = Field(
        None,
        description="Time zone of buckets and of times without an offset: a name, or +02:00; UTC if empty, as TZ is.",
        json_schema_extra={"enum": ["", *sorted(available_timezones())]},
    )
    gaps: bool = Field(False, description="Print rows of count 0 for empty buckets.")  # noqa: FBT003
    stats: str | SkipJsonSchema[None] = Field(
        None,
        description=f"What to print of each type: {', '.join(Stat)}.",
        json_schema_extra={"pattern": f"^({_STAT})(,({_STAT}))*$"},
    )


class Lines(BaseModel):
    """Where every line went: lines = accepted + rejected + filtered + blank."""

    lines: int
    accepted: int
    rejected: int
    filtered: int
    blank: int
    salvaged: int = Field(description="Lines among those accepted that were damaged.")
    reasons: dict[str, int] = Field(description="Rejected lines by reason.")


class Uncertain(BaseModel):
    """A discontinuity: data of a source that was lost, or may have been counted in part."""

    offset: int
    noticed_at: str
    kind: str
    message: str


class SourceLines(BaseModel):
    """Where the lines of a source went."""

    lines: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    filtered: int | None = None
    blank: int | None = None
    salvaged: int | None = None
    reasons: dict[str, int] | None = None


class Source(SourceLines):
    """A log, a queue, or what was posted, and how far it was read."""

    source: str
    stream: str | None = Field(None, description="Its key, for `eventstats forget`.")
    state: str | None = None
    position: int | None = Field(None, description="Bytes of it that were read, whole lines.")
    bytes: int | None = None
    pending: int | None = Field(None, description="Bytes of a last line that had no newline yet.")
    lag: int | None = Field(None, description="Bytes that are there and not read yet; null if that is not known.")
    first_seen: str | None = None
    last_seen: str | None = None
    discontinuities: list[Uncertain]


class Health(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Whether the ledger can be read."""

    ready: bool
    detail: str | None = None
    age: float | None = Field(None, description="Seconds since the ledger last changed.")


def why(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of answers that give a reason."""
    texts = {
        400: "The Host is no name of this server.",
        401: "A token is needed.",
        403: "A page of another site asked.",
        409: "The ledger does not store what is asked for, or the parameters contradict each other.",
        422: "A parameter means nothing.",
        503: "The ledger cannot be read now; the sentence says why.",
    }
    return {status: {"model": Detail, "description": texts[status]} for status in (400, 401, 403, *statuses)}


def _bytes(kind: str, text: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": text, "content": {kind: {"schema": {"type": "string"}}}}}


def application(serving: Serving) -> FastAPI:
    """Return the routes that read."""
    app = FastAPI(
        title="eventstats",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        default_response_class=Response,
    )
    _handle_errors(app)
    _add_stats(app, serving)
    _add_others(app, serving)
    _add_probes(app, serving)
    return app


def _handle_errors(app: FastAPI) -> None:
    async def expected(_: Request, error: Exception) -> Response:
        return response_of(problem_of(error))

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = first["loc"][-1] if first["loc"] else "request"
        return response_of(Problem(422, f"{where}: {first['msg']}"))

    async def bug(_: Request, error: Exception) -> Response:
        return response_of(Problem(500, f"internal error: {type(error).__name__}"))

    app.add_exception_handler(Exception, bug)
    for kind in EXPECTED:
        app.add_exception_handler(kind, expected)
    app.add_exception_handler(RequestValidationError, invalid)


def response_of(problem: Problem) -> Response:
    """Return a problem as a response."""
    headers = {"cache-control": "no-store"}
    if problem.retry is not None:
        headers["retry-after"] = str(problem.retry)
    return JSONResponse({"detail": problem.detail}, problem.status, headers)


def _add_stats(app: FastAPI, serving: Serving) -> None:
    @app.get(
        "/stats",
        summary="Count and sum by type",
        response_description="The very bytes of `eventstats totals --format json`.",
        responses={
            200: {
                "model": list[Row],
                "headers": {
                    "ETag": {"schema": {"type": "string"}},
                    "Eventstats-Missing": {
                        "description": "What is missing from the answer: data that was lost, events without a time.",
                        "schema": {"type": "string"},
                    },
                },
            },
            304: {"description": "It is what the If-None-Match has."},
            **why(409, 422, 503),
        },
    )
    async def stats(request: Request, asked: Annotated[_Asked, Query()]) -> Response:
        if len(request.scope["query_string"]) > LONGEST:
            raise RefusedError(422, f"the question is longer than {LONGEST} bytes")
        question = Question(tuple(asked.type), asked.since, asked.until, asked.by, asked.tz, asked.gaps)
        if asked.stats is not None:
            question = question._replace(stats=stats_of(asked.stats))
        view = await serving.view(question)
        if "learn" in request.scope:
            request.scope["learn"](request.scope["query_string"], question)
        status, headers, body = response_to(request.scope, view)
        response = Response(body, status)
        response.raw_headers = headers
        return response


def _add_others(app: FastAPI, serving: Serving) -> None:
    headers = {"cache-control": "no-cache"}

    @app.get(
        "/account",
        summary="Where every line went",
        responses={200: {"model": Lines}, **why(503)},
    )
    async def account() -> Response:
        return Response(await serving.read(shown.account), media_type="application/json", headers=headers)

    @app.get(
        "/sources",
        summary="Where each source is",
        responses={200: {"model": list[Source]}, **why(503)},
    )
    async def sources() -> Response:
        return Response(await serving.read(shown.sources), media_type="application/json", headers=headers)

    @app.get(
        "/rejects",
        summary="Rejected lines, to be repaired and replayed",
        responses={**_bytes("application/x-ndjson", "What `eventstats rejects` writes."), **why(503)},
    )
    async def rejects() -> Response:
        return Response(await serving.read(shown.rejects), media_type="application/x-ndjson", headers=headers)

    @app.get(
        "/metrics",
        summary="Metrics for Prometheus",
        responses={**_bytes("text/plain", "The text format of Prometheus; it rounds to binary floats."), **why(503)},
    )
    async def metrics() -> Response:
        labels = shown.labels_of(serving.path)
        body = await serving.read(lambda database: shown.metrics(database, labels))
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8", headers=headers)


def _add_probes(app: FastAPI, serving: Serving) -> None:
    headers = {"cache-control": "no-store"}

    @app.get("/healthz", summary="Whether the process answers", responses={200: {"model": Health}, **why()})
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"}, headers=headers)

    @app.get(
        "/readyz",
        summary="Whether the ledger can be read",
        responses={200: {"model": Ready}, 503: {"model": Ready, "description": "It cannot."}, **why()},
    )
    async def readyz(request: Request) -> Response:
        try:
            await serving.view(Question())
            modified = serving.views.version().modified
        except EXPECTED as error:
            answer: dict[str, object] = {"ready": False}
            # The sentence names files.
            if request.scope.get("is_known", True):
                answer["detail"] = problem_of(error).detail
            return JSONResponse(answer, 503, headers)
        age = max(0.0, time.time() - modified / 1e9)
        return JSONResponse({"ready": True, "age": round(age, 3)}, headers=headers)
