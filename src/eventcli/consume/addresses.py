"""The URL of a queue, and the broker that it names. The client of a broker is an extra: only this module loads it."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from eventcli.errors import WrongUsageError

if TYPE_CHECKING:
    from eventcli.consume.broker import Broker


class AddressError(WrongUsageError):
    """The URL names no queue; the message says why."""


class MissingError(WrongUsageError):
    """The client of a broker is not installed; the message says how to install it."""


class Address(NamedTuple):
    """The parts of the URL of a queue."""

    scheme: str
    user: str | None
    password: str | None
    host: str
    """In lower case, as no host cares."""
    named: str
    """Its replacement, as it was written."""
    port: int | None
    path: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the parts of a URL; AddressError if it is none, or repeats a parameter."""
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname or ""
        except ValueError as error:
            raise AddressError(str(error)) from None
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        parameters = dict(pairs)
        if len(parameters) != len(pairs):
            raise AddressError("a parameter is given twice")
        user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
        named = unquote(parts.netloc.rpartition("@")[2])
        return cls(parts.scheme, user, password, host, named, port, unquote(parts.path), parameters)

    def only(self, *names: str) -> Mapping[str, str]:
        """Return the parameters; AddressError if there is one that has another name, or is empty."""
        for name, value in self.parameters.items():
            if name not in names:
                raise AddressError(f"no parameter {name!r}: there are {', '.join(names)}")
            if not value:
                raise AddressError(f"{name} is empty")
        return self.parameters

    def whole(self, name: str, default: int) -> int:
        """Return a parameter that is a number of seconds."""
        text = self.parameters.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdecimal():
            raise AddressError(f"{name} is a whole number")
        return int(text)


def shown(scheme: str, place: str, **parameters: str | None) -> str:
    """Return a URL without secrets: what a ledger calls a queue."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None}, quote_via=quote)
    return f"{scheme}://{place}{'?' if query else ''}{query}"


class Home(NamedTuple):
    """A module, the client that it needs, and the extra that has that; neither if it needs none."""

    module: str
    client: str = ""
    extra: str = ""


_REDIS: Final = Home("eventcli.consume.redis_streams", "redis", "queue")

_SQS: Final = Home("eventcli.consume.sqs", "boto3", "queue")

_MODULES: Final[Mapping[str, Home]] = {
    "redis": _REDIS,
    "rediss": _REDIS,
    "sqs": _SQS,
    "http": _SQS,
    "https": _SQS,
    "kafka": Home("eventcli.consume.kafka", "confluent_kafka", "kafka"),
}
"""The module of the broker for each scheme."""


def broker_of(url: str, *, from_end: bool = False) -> "Broker":
    """Return the broker of a URL, not connected yet. AddressError or MissingError."""
    what = "a queue is redis://HOST:PORT/0?stream=NAME, sqs://NAME or kafka://HOST:PORT/TOPIC"
    opening: Callable[..., Broker] = module_of(url, _MODULES, what).broker
    return opening(Address.of(url), from_end=from_end)


def module_of(url: str, modules: Mapping[str, Home], what: str) -> ModuleType:
    """Load the module for the scheme of a URL. AddressError says `what` a URL is; or MissingError."""
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme not in modules:
        raise AddressError(what)
    module, client, extra = modules[scheme]
    try:
        return import_module(module)
    except ImportError as error:
        if not client or (error.name or "").partition(".")[0] != client:
            raise
        raise MissingError(f"{client} is not installed: pip install 'eventcli[{extra}]'") from None
