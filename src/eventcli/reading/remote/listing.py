"""What objects a URL names, with the size and the version of each: listed, never read.

Directories of a store that match a pattern are listed in parallel: logs are kept under a prefix for each hour.
"""

import errno
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from eventcli.reading.remote.failures import SECRETS
from eventcli.reading.remote.parts import state_over_http
from eventcli.reading.remote.requests import Deadline
from eventcli.reading.remote.stores import failure_of, file_system, version_of
from eventcli.reading.remote.urls import is_http
from eventcli.redaction import secrets

AT_ONCE: Final = 16
"""Directories that are listed at a time."""

_PATTERN: Final = frozenset("*?[")


class ObjectState(NamedTuple):
    """An object as it is listed; `whole` says why no part of it can be read by itself, if that is so."""

    url: str
    size: int | None
    version: str | None
    whole: str = ""


def objects(url: str, timeout: float | None, storage: str) -> list[ObjectState]:
    """Return the objects that a URL names, in the order of their names. Raises OSError like `open_url`."""
    SECRETS.update(secrets(url))
    if is_http(url):
        return [ObjectState(url, *state_over_http(url, Deadline(timeout)))]
    try:
        system, path = file_system(url, storage)
        if not _PATTERN & set(url):
            return [_state(url, system.info(path))]
        found = _glob(system, path)
    except Exception as error:
        raise failure_of(error) from error
    if not found:
        raise FileNotFoundError(errno.ENOENT, "no object matches")
    prefix = url.removesuffix(path)
    return [_state(prefix + name, found[name]) for name in sorted(found) if found[name]["type"] == "file"]


def _state(url: str, details: dict[str, Any]) -> ObjectState:
    if details["type"] == "directory":
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    size, version = details.get("size"), version_of(details)
    if size is None:
        raise OSError("the size of the object is not known")
    if version is None:
        return ObjectState(url, size, None, "its store tells no version of it")
    return ObjectState(url, size, str(version))


def _glob(system: Any, pattern: str) -> dict[str, dict[str, Any]]:
    """Return what is known of the objects and directories that match a pattern, by name."""
    parts = pattern.split("/")
    first = next(place for place, part in enumerate(parts) if _PATTERN & set(part))
    if first == 0 or any("**" in part for part in parts):
        found = system.glob(pattern, detail=True)
        return dict(found)
    from fsspec.utils import glob_translate  # noqa: PLC0415  # optional

    level = ["/".join(parts[:first])]
    for place in range(first, len(parts)):
        match = re.compile(glob_translate(parts[place])).match
        is_last = place == len(parts) - 1
        entries = {
            entry["name"].rstrip("/"): entry
            for entry in _listed(system, level)
            if (is_last or entry["type"] == "directory") and match(entry["name"].rstrip("/").rpartition("/")[2])
        }
        level = sorted(entries)
    return entries


def _listed(system: Any, folders: Iterable[str]) -> list[dict[str, Any]]:
    """Return the entries of all folders; a folder that is not there has none."""

    def entries(folder: str) -> list[dict[str, Any]]:
        try:
            listed: list[dict[str, Any]] = system.ls(folder, detail=True)
        except FileNotFoundError:
            return []
        return listed

    with ThreadPoolExecutor(AT_ONCE, "eventstats-list") as threads:
        return [entry for listed in threads.map(entries, folders) for entry in listed]
