"""Answers a question that was asked before in the same words, without going through the routes again.

That takes 45 microseconds of a processor instead of 170, most of which FastAPI needs to understand the parameters.
"""

from collections import OrderedDict
from typing import Final

from eventcli.serve.guard import Application, Receive, Scope, Send
from eventcli.serve.questions import Question
from eventcli.serve.views import View, Views
from eventcli.text import printable

_MOST: Final = 256

PATH: Final = "/stats"

Headers = list[tuple[bytes, bytes]]


class Repeated:
    """Stands before the routes."""

    def __init__(self, application: Application, views: Views) -> None:
        """Pass on to the application what was not asked before, or has another answer now."""
        self._application = application
        self._views = views
        self._known: OrderedDict[bytes, Question] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"] == PATH and scope["method"] == "GET":
            question = self._known.get(scope["query_string"])
            if question is None:
                # Its route leaves the question here once it has understood it.
                scope["learn"] = self._learn
            elif (view := self._views.current(question)) is not None:
                status, headers, body = response_to(scope, view)
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self._application(scope, receive, send)

    def _learn(self, query: bytes, question: Question) -> None:
        self._known[query] = question
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def response_to(scope: Scope, view: View) -> tuple[int, Headers, bytes]:
    """Return the status, the headers and the body that answer a request with a view."""
    tag = view.tag.encode()
    headers: Headers = [(b"etag", tag), (b"cache-control", b"no-cache")]
    if view.missing:
        text = printable("; ".join(view.missing)).encode("ascii", "backslashreplace")[:1000]
        headers.append((b"eventstats-missing", text))
    for name, value in scope["headers"]:
        if name == b"if-none-match" and _is_match(value, tag):
            return 304, headers, b""
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(view.body)).encode())]
    return 200, headers, view.body


def _is_match(wanted: bytes, tag: bytes) -> bool:
    return wanted.strip() == b"*" or tag in [one.strip().removeprefix(b"W/") for one in wanted.split(b",")]
