"""Which body of the fold is in use: the Rust one where it was built, unless the environment asks for the other."""

import os
from typing import Final

try:
    import eventcli._kernel as _kernel  # noqa: PLR0402  # the other form hides which module is missing

    kernel = _kernel
except ModuleNotFoundError as error:
    # Built without a Rust toolchain. Any other failure to import it is a broken build, and must be seen.
    if error.name != "eventcli._kernel":
        raise
    kernel = None  # type: ignore[assignment]

BODY_VARIABLE: Final = "EVENTSTATS_KERNEL"
"""The environment variable that forces a body: `python` or `rust`."""


class BodyError(Exception):
    """The body that was asked for does not exist here."""


def body() -> str:
    """Return the name of the body in use; BodyError if the environment asks for one that is absent."""
    forced = os.environ.get(BODY_VARIABLE)
    if not forced:
        return "python" if kernel is None else "rust"
    if forced not in ("python", "rust"):
        raise BodyError(f"{BODY_VARIABLE}={forced}: it takes python or rust")
    if forced == "rust" and kernel is None:
        raise BodyError(f"{BODY_VARIABLE}=rust, but this installation was built without the Rust body")
    return forced
