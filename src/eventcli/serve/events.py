"""Takes events: a body, within limits of size and time, and its answer once it is durable; and describes that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from eventcli.serve.api import Detail, Lines, why
from eventcli.serve.bodies import CODINGS, check_kind, coding_of, decompressed, too_long
from eventcli.serve.guard import Application, Receive, Scope, Send
from eventcli.serve.intake import Intake, Outcome, Posted, Reply
from eventcli.serve.problems import RETRY, RefusedError
from eventcli.serve.serving import Serving

PATH: Final = "/events"

KINDS: Final = ("application/x-ndjson", "text/plain")
"""The types of bodies that are described; others that mean the same are understood."""

_ROOM: Final = 512 * 1024 * 1024
"""Bytes of bodies that are held at any moment."""

_SILENCE: Final = 30.0
"""Seconds within which some of a body has to arrive."""

_LONGEST_KEY: Final = 255


class Rejected(BaseModel):
    """A line that was rejected; `eventstats rejects` has all of it."""

    line: int
    reason: str
    message: str


class Taken(Lines):
    """Where every line of the body went. All of it is durable."""

    rejects: list[Rejected] = Field(description="The first few lines that were rejected.")


class _Bodies:
    """Receives bodies, and has them written."""

    def __init__(self, serving: Serving, intake: Intake, max_body: int) -> None:
        self._serving = serving
        self._intake = intake
        self._max_body = max_body
        self._held = 0

    async def take(self, scope: Scope, receive: Receive) -> Reply:
        """Return the answer to a body. Raises RefusedError, or whatever kept it from being written."""
        # Of two headers of one name, the first counts.
        headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
        key = headers.get(b"idempotency-key")
        if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
            raise RefusedError(400, f"an Idempotency-Key has 1 to {_LONGEST_KEY} printable ASCII characters")
        check_kind(headers.get(b"content-type", ""))
        coding = coding_of(headers.get(b"content-encoding", ""))
        length = headers.get(b"content-length", "")
        if length.isdigit() and int(length) > self._max_body:
            raise too_long(self._max_body)
        parts: list[bytes] = []
        held = 0
        try:
            async for part in self._parts(receive):
                parts.append(part)
                held += len(part)
                self._held += len(part)
                if held > self._max_body:
                    raise too_long(self._max_body)
                if self._held > _ROOM:
                    raise RefusedError(503, "too many bodies are being received: try again", RETRY)
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            if coding:
                body = await asyncio.to_thread(decompressed, body, coding, self._max_body)
            return await self._written(body, key)
        finally:
            self._held -= held

    async def _parts(self, receive: Receive) -> AsyncIterator[bytes]:
        loop, serving = asyncio.get_running_loop(), self._serving
        try:
            async with asyncio.timeout(_SILENCE) as limit, serving.interruptible(limit):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RefusedError(400, "the body ended too early")
                    yield message.get("body", b"")
                    if not message.get("more_body", False):
                        return
                    limit.reschedule(loop.time() + _SILENCE)
        except TimeoutError:
            if serving.stopping.is_set():
                raise RefusedError(503, "the server is ending: try again", RETRY) from None
            raise RefusedError(408, f"nothing of the body arrived for {_SILENCE:g} seconds") from None

    async def _written(self, body: bytes, key: str | None) -> Reply:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def take(outcome: Outcome) -> None:
            if not future.done():  # its client may be gone
                future.set_result(outcome)

        self._intake.post(Posted(body, key, take))
        outcome = await future
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Posts:
    """Answers what is posted, before the routes, whose way took half of the processor time of a posted line."""

    def __init__(self, application: Application, serving: Serving, intake: Intake, max_body: int) -> None:
        """Pass on to the application what is something else."""
        self._application = application
        self._bodies = _Bodies(serving, intake, max_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"] != PATH or scope["method"] != "POST":
            await self._application(scope, receive, send)
            return
        reply = await self._bodies.take(scope, receive)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(reply.body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if reply.is_repeated:
            headers.append((b"idempotent-replayed", b"true"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


def describe_events(app: FastAPI) -> None:
    """Describe the route, which `Posts` serves."""
    responses: dict[int | str, dict[str, Any]] = {
        200: {
            "model": Taken,
            "headers": {
                "Idempotent-Replayed": {
                    "description": "`true` if the body was counted before.",
                    "schema": {"type": "string"},
                }
            },
        },
        **why(422, 503),
        **{
            status: {"model": Detail, "description": text}
            for status, text in (
                (400, "The body is damaged, the key is none, or the Host is no name of this server."),
                (408, "The body does not arrive."),
                (413, "The body is too long."),
                (415, "The body is no lines of JSON, or compressed with something else."),
                (422, "The Idempotency-Key came before with another body."),
            )
        },
    }
    example = '{"type":"purchase","value":9.99,"occurred_at":"2020-10-06T10:02:05Z"}\n'
    body = {
        "required": True,
        "description": f"Lines of JSON. Content-Encoding may be {' or '.join(CODINGS)}.",
        "content": {kind: {"schema": {"type": "string"}, "example": example} for kind in KINDS},
    }

    @app.post(PATH, summary="Add events", responses=responses, openapi_extra={"requestBody": body})
    async def events() -> None:
        """Count the lines of the body, each once. The answer comes when they are durable.

        A client that had no answer sends the body again with the header `Idempotency-Key` that it had: the same key
        with the same body counts once, and has the same answer, for a day. With another body, it is refused with 422.
        """


def refuse_events(app: FastAPI) -> None:
    """Say why there is no such route."""

    @app.post(PATH, include_in_schema=False)
    async def events() -> Response:
        raise RefusedError(403, "this server only shows its ledger (--read-only)")
