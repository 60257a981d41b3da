"""Removes passwords, tokens and signatures from URLs before they are shown or kept; requests use the original URLs.

Nobody can list all names of secrets. So of a query, only values with harmless names are shown; of the part before the
host, nothing at all.
"""

import re
from typing import Final

HIDDEN: Final = "***"
"""Replaces whatever is not shown."""

HARMLESS: Final = frozenset(
    {
        *("date", "day", "format", "from", "generation", "hour", "limit", "list-type", "marker", "month", "offset"),
        *("page", "partnumber", "path", "prefix", "since", "start", "end", "to", "until", "uploads", "version"),
        *("claim", "consumer", "create", "endpoint", "field", "group", "region", "stream"),
        *("versionid", "year", "x-amz-algorithm", "x-amz-date", "x-amz-expires", "x-amz-signedheaders"),
        *("x-goog-algorithm", "x-goog-date", "x-goog-expires", "x-goog-signedheaders"),
    }
)
"""Parameters whose values are shown, in lower case: they say which object is meant, and how."""

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"<>`]+")

_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9_.:,+/\-]{0,64}")

_BETWEEN: Final = re.compile("[:/@?&=;#]")

_SHORTEST: Final = 3

_LONGEST_NAME: Final = 64

_HTTP: Final = ("http", "https")

_CONTAINERS: Final = ("abfs", "abfss", "wasb", "wasbs")
"""Schemes in which the part before the host names a container."""

_MATRIX: Final = re.compile(r"(;[^=/;]*=)[^/;]+")


def redacted(url: str) -> str:
    """Return a URL without its secrets.

    >>> redacted("https://user:s3cr3t@example.org/a.log?day=2020-10-06&sig=abc#top")
    'https://***@example.org/a.log?day=2020-10-06&sig=***#top'
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, rest = _host(rest, shows_user=scheme.lower() in _CONTAINERS)
    path, question, query = rest, "", ""
    at = min((place for place in map(rest.find, "?#") if place >= 0), default=-1)
    # In object stores, a ? may be part of a pattern.
    if at >= 0 and (scheme.lower() in _HTTP or "=" in rest[at:]):
        path, question, query = rest[:at], rest[at], rest[at + 1 :]
    if question == "?":
        query, number_sign, fragment = query.partition("#")
        query = _parameters(query)
    else:
        number_sign, fragment = question, query
        question = query = ""
    if scheme.lower() in _HTTP:
        path = _MATRIX.sub(rf"\1{HIDDEN}", path)
    if "=" in fragment:
        fragment = _parameters(fragment)
    return f"{scheme}{mark}{host}{path}{question}{query}{number_sign}{fragment}"


def redacted_text(text: str) -> str:
    """Return a text from elsewhere without the secrets of the URLs in it."""
    return _URL.sub(lambda match: redacted(match[0]), text) if "://" in text else text


def secrets(url: str) -> set[str]:
    """Return the parts of a URL that must not be shown wherever they recur, except those too short to recognise.

    >>> sorted(secrets("https://user:s3cr3t@example.org/a.log?sig=a%20b"))
    ['a b', 'a%20b', 's3cr3t', 'user']
    """
    from urllib.parse import unquote  # noqa: PLC0415  # keeps start-up fast for runs on local files

    hidden = set(_BETWEEN.split(url)) - set(_BETWEEN.split(redacted(url)))
    hidden |= set(map(unquote, hidden))
    return {part for part in hidden if len(part) >= _SHORTEST}


def _host(rest: str, *, shows_user: bool) -> tuple[str, str]:
    """Return the part that names the host, without the credentials, and the rest."""
    end = min((place for place in map(rest.find, "/?#") if place >= 0), default=len(rest))
    authority = rest[:end]
    if "@" not in authority:
        name, colon, port = authority.rpartition(":")
        # A password may contain characters that should have been escaped.
        if colon and name and not port.isdecimal() and "]" not in port and "@" in rest:
            end = rest.rfind("@")
            end = next((place for place in range(end, len(rest)) if rest[place] in "/?#"), len(rest))
            authority = rest[:end]
    user, at, host = authority.rpartition("@")
    if not at or (shows_user and ":" not in user):
        return authority, rest[end:]
    return f"{HIDDEN}@{host}", rest[end:]


def _parameters(query: str) -> str:
    parts = re.split("([&;])", query)
    return "".join(part if part in ("", "&", ";") else _parameter(part) for part in parts)


def _parameter(text: str) -> str:
    name, mark, value = text.partition("=")
    if not mark:
        # A name alone may be a token.
        return name if name.lower() in HARMLESS else HIDDEN
    if name.lower() in HARMLESS and _PLAIN_VALUE.fullmatch(value):
        return text
    return f"{name if len(name) <= _LONGEST_NAME else HIDDEN}={HIDDEN if value else ''}"
