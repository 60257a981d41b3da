"""Properties of a Kafka client that a file holds, such as who it is: no password is in a URL, which others may see."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eventcli.consume.addresses import AddressError
from eventcli.text import name_of

_OURS: Final = frozenset(
    (
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "isolation.level",
    )
)
"""What decides whether each message counts once."""

_URLS: Final = frozenset(("bootstrap.servers", "metadata.broker.list"))
"""What files for other programs hold, too, and the URL says."""


def properties_of(path: str) -> Mapping[str, str]:
    """Return the properties in a file of lines NAME=VALUE. AddressError says what is wrong with it, and no value."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8"
        raise AddressError(f"config={name_of(path)}: {reason}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, mark, value = (part.strip() for part in line.partition("="))
        if (not name and not mark) or name.startswith("#"):
            continue
        if not name or not mark:
            raise AddressError(f"config={name_of(path)}: line {number} is not NAME=VALUE")
        if name in _OURS:
            raise AddressError(f"config={name_of(path)}: line {number}: {name} is not for users to choose")
        if name not in _URLS:
            found[name] = value
    return found


def without_values(message: str, properties: Mapping[str, str]) -> str:
    """Return a message of the client without the values that it quotes: one of them may be a password."""
    for value in properties.values():
        message = message.replace(f'"{value}"', "given") if value else message
    return message
