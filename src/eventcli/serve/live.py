"""What changes, to whoever watches: server-sent events, of which the first has everything and the others what differs.

See https://html.spec.whatwg.org/multipage/server-sent-events.html. All that watch the same get the same bytes, which
are made once. One that is too slow for the last few gets everything again.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import StreamingResponse

from eventcli.serve.problems import EXPECTED, RETRY, RefusedError, problem_of
from eventcli.serve.questions import LONGEST, Question
from eventcli.serve.scene import Scene
from eventcli.serve.serving import Serving

_EVERY: Final = 0.25
"""Seconds between two looks at the file, and at least between two events."""

_PING: Final = 10.0
"""Seconds of silence after which the server sends a page a sign of life."""

_FRESH: Final = 60.0
"""Seconds after which what is relative to now is looked at again, though nothing was added."""

_MOST_FEEDS: Final = 64

_KEPT: Final = 16


class Feed:
    """One question, and those who watch its answer."""

    def __init__(self, question: Question) -> None:
        """Begin without an answer."""
        self.question = question
        self.watchers = 0
        self._number = 0
        self._scene: Scene | None = None
        self._problem: str | None = None
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._whole: bytes | None = None
        self.changed = asyncio.Event()

    @property
    def is_new(self) -> bool:
        """Whether there is nothing to show yet."""
        return self._scene is None and self._problem is None

    def put(self, shown: Scene) -> None:
        """Show something else."""
        difference = _difference(self._scene, shown)
        if self._problem is not None:
            difference["problem"] = None
        self._scene, self._problem = shown, None
        if difference:
            self._tell(difference)

    def fail(self, problem: str) -> None:
        """Say why there is nothing new to show."""
        if problem != self._problem:
            self._problem = problem
            self._tell({"problem": problem})

    def _tell(self, difference: dict[str, Any]) -> None:
        self._number += 1
        self._whole = None
        self._frames.append((self._number, _event(self._number, difference)))
        self.wake()

    def wake(self) -> None:
        """Wake all that watch."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def since(self, number: int | None) -> tuple[int, bytes]:
        """Return what is new since an event, or everything, and the number of the last event."""
        if number == self._number:
            return number, b""
        if number is None or not self._frames or self._frames[0][0] > number + 1:
            if self._whole is None:
                everything = {"whole": True, "problem": self._problem}
                if self._scene is not None:
                    everything |= _difference(None, self._scene)
                self._whole = _event(self._number, everything)
            return self._number, self._whole
        return self._number, b"".join(frame for at, frame in self._frames if at > number)


def _difference(before: Scene | None, after: Scene) -> dict[str, Any]:
    if before is None:
        return {**after.parts, "types": [[name, *row] for name, row in after.rows.items()]}
    found: dict[str, Any] = {name: part for name, part in after.parts.items() if part != before.parts[name]}
    changed = [[name, *row] for name, row in after.rows.items() if before.rows.get(name) != row]
    if changed:
        found["types"] = changed
    gone = [name for name in before.rows if name not in after.rows]
    if gone:
        found["gone"] = gone
    return found


def _event(number: int, value: dict[str, Any]) -> bytes:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return b"id: %d\ndata: %b\n\n" % (number, data.encode("utf-8", "backslashreplace"))


class Live:
    """All feeds, and the task that looks for changes while somebody watches."""

    def __init__(self, serving: Serving) -> None:
        """Watch nothing yet."""
        self._serving = serving
        self._feeds: dict[Question, Feed] = {}
        self._task: asyncio.Task[None] | None = None
        self._seen: object = None
        self._fresh_until = 0.0
        serving.on_stop.append(self._stop)

    def _stop(self) -> None:
        for feed in self._feeds.values():
            feed.wake()

    def feed(self, question: Question) -> Feed:
        """Return the feed of a question, which has one watcher more."""
        feed = self._feeds.get(question)
        if feed is None:
            if len(self._feeds) >= _MOST_FEEDS:
                raise RefusedError(503, "too many different questions are being watched: try again", RETRY)
            feed = self._feeds[question] = Feed(question)
            self._serving.committed.set()  # which wakes the task
        feed.watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        return feed

    async def events(self, feed: Feed) -> AsyncIterator[bytes]:
        """Yield what changes until the server ends or the watcher leaves."""
        try:
            yield b"retry: 1000\n\n"
            number: int | None = None
            while not self._serving.stopping.is_set():
                changed = feed.changed
                if not feed.is_new:
                    number, frames = feed.since(number)
                    if frames:
                        yield frames
                        continue
                try:
                    async with asyncio.timeout(_PING):
                        await changed.wait()
                except TimeoutError:
                    yield b"event: ping\ndata:\n\n"
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                self._feeds.pop(feed.question, None)

    async def _watch(self) -> None:
        """Look for changes, as long as somebody watches."""
        serving, loop = self._serving, asyncio.get_running_loop()
        while self._feeds and not serving.stopping.is_set():
            began = loop.time()
            try:
                version: object = serving.views.version()
            except EXPECTED as error:
                version = problem_of(error).detail
            is_same = version == self._seen and began < self._fresh_until
            for feed in list(self._feeds.values()):
                if feed.is_new or not is_same:
                    await self._refresh(feed)
            if not is_same:
                self._seen, self._fresh_until = version, began + _FRESH
            # A commit of this server ends the pause; but what takes long is not done all the time.
            pause = max(_EVERY, loop.time() - began)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await serving.committed.wait()
            serving.committed.clear()
            await asyncio.sleep(max(0.0, began + _EVERY / 2 - loop.time()))

    async def _refresh(self, feed: Feed) -> None:
        try:
            feed.put(await self._serving.scene(feed.question))
        except EXPECTED as error:
            feed.fail(problem_of(error).detail)
        except Exception as error:  # noqa: BLE001  # the page shows it, and goes on
            feed.fail(f"internal error: {type(error).__name__}")


def add_live(app: FastAPI, serving: Serving) -> None:
    """Add the route. It is no part of the description: what tries it would wait for its end."""
    live = Live(serving)

    @app.get("/live", include_in_schema=False)
    async def events(
        request: Request,
        since: Annotated[str | None, Query()] = None,
        until: Annotated[str | None, Query()] = None,
        tz: Annotated[str | None, Query()] = None,
    ) -> StreamingResponse:
        if len(request.scope["query_string"]) > LONGEST:
            raise RefusedError(422, f"the question is longer than {LONGEST} bytes")
        question = Question(since=since, until=until, tz=tz)
        question.timing  # noqa: B018  # raises what is wrong with it
        feed = live.feed(question)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(live.events(feed), media_type="text/event-stream", headers=headers)
