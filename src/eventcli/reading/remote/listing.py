"""What objects a URL names, with the size and the version of each, without reading them."""

from typing import NamedTuple


class ObjectState(NamedTuple):
    """An object as it is listed; `whole` says why no part of it can be read by itself, if that is so."""

    url: str
    size: int | None
    version: str | None
    whole: str = ""


def objects(url: str, timeout: float | None) -> list[ObjectState]:
    """Return the objects that a URL names, in the order of their names. Raises OSError on failure."""
    raise OSError(f"{url} {timeout}")
