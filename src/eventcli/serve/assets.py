"""The files that a browser gets: the page, the documentation, and the form that asks for the token."""

import os
from hashlib import blake2b
from importlib.util import find_spec
from typing import Final, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from eventcli.serve.guard import COOKIE
from eventcli.serve.problems import RefusedError
from eventcli.serve.serving import Serving

_FOLDER: Final = os.path.join(os.path.dirname(__file__), "pages")

_KINDS: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

_PAGES: Final = {
    "/": "page.html",
    "/page.css": "page.css",
    "/page.js": "page.js",
    "/favicon.ico": "icon.svg",
    "/docs": "docs.html",
    "/docs/docs.js": "docs.js",
}

_SWAGGER: Final = ("swagger-ui-bundle.js", "swagger-ui.css")

_LONGEST: Final = 4096


class _Page(NamedTuple):
    body: bytes
    kind: str
    tag: str


def _page(name: str) -> _Page:
    with open(os.path.join(_FOLDER, name), "rb") as file:
        body = file.read()
    kind = _KINDS[name.rpartition(".")[2]]
    return _Page(body, kind, f'"{blake2b(body, digest_size=16).hexdigest()}"')


def add_assets(app: FastAPI, serving: Serving) -> None:
    """Add the routes of the files."""
    for path, name in _PAGES.items():
        _add_page(app, path, _page(name))
    found = find_spec("fastapi_standalone_docs")
    folders = list(found.submodule_search_locations or ()) if found else []
    for name in _SWAGGER:
        if folders:
            _add_file(app, f"/docs/{name}", os.path.join(folders[0], "static", "swagger", name))
    _add_login(app, serving)


def _add_page(app: FastAPI, path: str, page: _Page) -> None:
    headers = {"etag": page.tag, "cache-control": "no-cache"}

    @app.get(path, include_in_schema=False)
    async def file(request: Request) -> Response:
        if request.headers.get("if-none-match") == page.tag:
            return Response(status_code=304, headers=headers)
        return Response(page.body, media_type=page.kind, headers=headers)


def _add_file(app: FastAPI, path: str, name: str) -> None:
    @app.get(path, include_in_schema=False)
    async def file() -> Response:
        return FileResponse(name, headers={"cache-control": "max-age=86400"})


def _add_login(app: FastAPI, serving: Serving) -> None:
    @app.post("/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        """Give the page a cookie in exchange for the token, which no script can read."""
        from urllib.parse import parse_qs  # noqa: PLC0415  # only where there is a token

        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST:
                raise RefusedError(413, "this is no form")
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        if serving.token is None or not serving.token.is_shown(given):
            return RedirectResponse("/?wrong", 303)
        answer = RedirectResponse("/", 303)
        is_secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        answer.set_cookie(COOKIE, serving.token.cookie, httponly=True, samesite="strict", secure=is_secure)
        return answer
