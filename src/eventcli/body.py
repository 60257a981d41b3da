"""Which body of the fold is in use, and why: the Rust one if available, unless the environment requests the other."""

import os
from typing import Final

from eventcli.errors import ExitCode, ExpectedError

_FOLDER: Final = os.path.dirname(__file__)

_EXTENSION: Final = os.path.join(_FOLDER, "_kernel.abi3.so")

_REASON: Final = os.path.join(_FOLDER, "_unbuilt.txt")

_LOADED: Final = 1
"""The type of an ELF segment that is mapped into memory."""


def _check_length(path: str) -> None:
    """Raise ImportError for a truncated extension, which the system's loader would map and then crash on."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(4096)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return  # it is absent, or the import says why it is unreadable
    if head[:6] != b"\x7fELF\x02\x01":
        return  # the loader reads this far itself, and refuses it; or the system has another format

    def number(at: int, length: int) -> int:
        return int.from_bytes(head[at : at + length], "little")

    first, each, parts = number(32, 8), number(54, 2), number(56, 2)
    for at in range(first, first + each * parts, each or 1):
        if number(at, 4) == _LOADED and number(at + 8, 8) + number(at + 32, 8) > size:
            raise ImportError(f"{path}: it is cut off after {size} bytes")


_failure: str | None = None

try:
    _check_length(_EXTENSION)
    import eventcli._kernel as _kernel  # noqa: PLR0402  # the other form hides which module is missing

    kernel = _kernel
except (ImportError, SystemError) as error:
    kernel = None  # type: ignore[assignment]
    if not isinstance(error, ModuleNotFoundError) or error.name != "eventcli._kernel":
        _failure = str(error)

BODY_VARIABLE: Final = "EVENTSTATS_KERNEL"
"""The environment variable that forces a body: `python` or `rust`; or one of its levels, such as `rust-avx2`."""

LEVELS: Final = ("rust-portable", "rust-ssse3", "rust-avx2", "rust-avx512")
"""The levels that can be forced, with the instruction sets that the Rust body knows."""


class BodyError(ExpectedError):
    """The requested body does not exist here."""

    status = ExitCode.USAGE


def body() -> str:
    """Return the name of the body in use; BodyError if the environment requests an absent one."""
    forced = os.environ.get(BODY_VARIABLE)
    if not forced:
        return "python" if kernel is None else "rust"
    if forced not in ("python", "rust", *LEVELS):
        raise BodyError(f"{BODY_VARIABLE}={forced}: it takes python or rust, or one of {', '.join(LEVELS)}")
    if forced == "python":
        return forced
    if kernel is None:
        raise BodyError(f"{BODY_VARIABLE}={forced}, but {_why_absent()}")
    if forced != "rust" and forced.removeprefix("rust-") not in kernel.levels():
        here = ", ".join(f"rust-{level}" for level in kernel.levels())
        raise BodyError(f"{BODY_VARIABLE}={forced}: this processor has {here}")
    return "rust"


def forced_level() -> str | None:
    """Return which instructions the Rust body must use; None for the fastest ones, or if the Python body is in use."""
    forced = os.environ.get(BODY_VARIABLE, "")
    return forced.removeprefix("rust-") if body() == "rust" and forced in LEVELS else None


def why() -> str:
    """Return why the Python body is in use, in one line that is safe to show; or which level the Rust body uses."""
    if body() == "rust":
        return f"level {forced_level() or kernel.levels()[-1]}"
    return f"{BODY_VARIABLE}=python forces it" if os.environ.get(BODY_VARIABLE) else _why_absent()


def _why_absent() -> str:
    from eventcli.text import printable  # noqa: PLC0415  # nearly all runs have the body they want

    if _failure is not None:
        return printable(f"the Rust body failed to load: {_failure}")
    try:
        with open(_REASON, encoding="utf-8", errors="backslashreplace") as file:
            return printable(f"this installation was built without the Rust body: {file.readline(1000).strip()}")
    except OSError:
        return "this installation is without the Rust body, and no build left a reason"
