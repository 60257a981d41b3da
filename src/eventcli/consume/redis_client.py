"""The only user of redis-py: a connection, and its errors as those of a broker."""

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from eventcli.consume.addresses import Address, AddressError, shown
from eventcli.consume.broker import BrokerError, UnreachableError

_PORT: Final = 6379

_VARIABLE: Final = "REDISCLI_AUTH"
"""What holds a password for redis-cli, too: others may see one that is in a URL."""

_TIMEOUT: Final = 10.0
"""Seconds for a connection and for an answer, beyond those for which a command waits."""

_MOMENTARY: Final = ("LOADING", "BUSY ", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN")
"""How the errors begin that end by themselves."""

Id = tuple[int, int]
"""The id of an entry: milliseconds and a number."""


def id_of(text: bytes | str) -> Id:
    """Return an id as numbers, which compare as ids do."""
    milliseconds, _, number = (text.decode() if isinstance(text, bytes) else text).partition("-")
    return int(milliseconds), int(number or 0)


def text_of(one: Id) -> str:
    """Return an id as Redis writes it."""
    return f"{one[0]}-{one[1]}"


class Connection:
    """A database of a Redis server: commands, and transactions of several."""

    def __init__(self, address: Address) -> None:
        """Connect when the first command is sent. AddressError if the URL names no database."""
        path = address.path.strip("/") or "0"
        if not path.isascii() or not path.isdecimal():
            raise AddressError("the path of redis://HOST:PORT/0 is the number of a database")
        self._port = address.port or _PORT
        self._host = address.host or "localhost"
        self._database = int(path)
        self._scheme = address.scheme
        self._client = redis.Redis(
            host=self._host,
            port=self._port,
            db=self._database,
            username=address.user or None,
            password=address.password or os.environ.get(_VARIABLE) or None,
            ssl=address.scheme == "rediss",
            protocol=2,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        # Turning entries into dicts of dicts takes as long as receiving them.
        for command in ("XRANGE", "XREAD", "XREADGROUP", "XINFO STREAM", "XINFO GROUPS", "XAUTOCLAIM", "EVAL"):
            self._client.response_callbacks[command] = _as_it_is

    def name(self, **parameters: str | None) -> str:
        """Return the URL of something in this database, without secrets."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return shown(self._scheme, f"{host}:{self._port}/{self._database}", **parameters)

    def command(self, *words: Any) -> Any:
        """Send one command, and return its answer."""
        with _errors():
            return self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    def together(self, *commands: Sequence[Any]) -> list[Any]:
        """Send commands that run without others in between; errors of single ones are among the answers."""
        with _errors():
            pipeline = self._client.pipeline(transaction=True)
            for words in commands:
                pipeline.execute_command(*words)  # type: ignore[no-untyped-call]
            return list(pipeline.execute(raise_on_error=False))

    def wait(self, stream: str, last: str, seconds: float) -> None:
        """Wait until a stream has an entry after the last one; at most so long."""
        self.command("XREAD", "COUNT", 1, "BLOCK", max(1, int(seconds * 1000)), "STREAMS", stream, last)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


def checked(answer: Any) -> Any:
    """Return one of several answers; BrokerError or UnreachableError if it is an error."""
    if isinstance(answer, Exception):
        with _errors():
            raise answer
    return answer


def is_absent(answer: object) -> bool:
    """Whether an answer says that there is no such stream."""
    return isinstance(answer, exceptions.ResponseError) and "no such key" in str(answer).lower()


def is_groupless(answer: object) -> bool:
    """Whether an answer says that there is no such group, or no stream that could have one."""
    return isinstance(answer, exceptions.ResponseError) and str(answer).startswith("NOGROUP")


def fields_of(answer: Sequence[Any]) -> dict[str, Any]:
    """Return the names and values of an answer."""
    return {name.decode(): value for name, value in zip(answer[::2], answer[1::2], strict=True)}


def _as_it_is(answer: Any, **_options: Any) -> Any:
    return answer


def _is_distrusted(error: BaseException | None) -> bool:
    """Whether a connection failed since no trusted authority signed for the server: the next one fails, too."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


@contextmanager
def _errors() -> Iterator[None]:
    """Translate the errors of the client."""
    try:
        yield
    except (exceptions.AuthenticationError, exceptions.AuthorizationError) as error:
        raise BrokerError(str(error)) from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        if _is_distrusted(error):
            raise BrokerError(str(error)) from error
        raise UnreachableError(str(error)) from error
    except exceptions.ResponseError as error:
        if str(error).startswith(_MOMENTARY):
            raise UnreachableError(str(error)) from error
        raise BrokerError(str(error)) from error
    except exceptions.RedisError as error:
        raise BrokerError(str(error)) from error
