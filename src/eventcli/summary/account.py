"""The account: every line is accepted, rejected, filtered or blank."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from eventcli.lines.event import Reason


class AccountError(Exception):
    """The lines do not add up: a bug in eventstats, never a property of the input."""


class Value:
    """An immutable value with slots, equal to any other with equal slots.

    It does what a frozen dataclass does, without its generated code, which took a tenth of the start-up time.
    """

    __slots__: tuple[str, ...] = ()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def replace(self, **values: Any) -> Self:
        """Return the value with other values for some of its slots."""
        return type(self)(*(values.get(name, getattr(self, name)) for name in self.__slots__))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # like the dicts they hold

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), self._values()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({values})"


class Account(Value):
    """Where every line went: lines = accepted + rejected + filtered + blank.

    `salvaged` of the accepted lines were damaged, and their event was recovered.
    """

    __slots__ = ("lines", "accepted", "rejected", "filtered", "blank", "salvaged")  # noqa: RUF023  # the order of the arguments

    lines: int
    accepted: int
    rejected: Mapping[Reason, int]
    filtered: int
    blank: int
    salvaged: int

    def __init__(
        self,
        lines: int = 0,
        accepted: int = 0,
        rejected: Mapping[Reason, int] = MappingProxyType({}),
        filtered: int = 0,
        blank: int = 0,
        salvaged: int = 0,
    ) -> None:
        # Only the reasons that occurred, in order, so that equal accounts look equal.
        rejected = {reason: rejected[reason] for reason in Reason if rejected.get(reason)} if rejected else {}
        self._set(lines=lines, accepted=accepted, rejected=rejected, filtered=filtered, blank=blank, salvaged=salvaged)

    @property
    def rejects(self) -> int:
        """Rejected lines for all reasons together."""
        return sum(self.rejected.values())

    def merge(self, other: Self) -> Self:
        """Return the account of both sets of lines together."""
        return self._plus(other, 1)

    __add__ = merge

    def __sub__(self, part: Self) -> Self:
        """Return the account without that of a part of its lines."""
        return self._plus(part, -1)

    def _plus(self, other: Self, sign: int) -> Self:
        mine, others = self.rejected, other.rejected
        # Most lines are good, and there are many reasons.
        reasons = Reason if mine or others else ()
        return type(self)(
            self.lines + sign * other.lines,
            self.accepted + sign * other.accepted,
            {reason: mine.get(reason, 0) + sign * others.get(reason, 0) for reason in reasons},
            self.filtered + sign * other.filtered,
            self.blank + sign * other.blank,
            self.salvaged + sign * other.salvaged,
        )

    def check(self) -> None:
        """Raise `AccountError` unless every line is accounted for."""
        parts = self.accepted + self.rejects + self.filtered + self.blank
        if self.lines != parts:
            raise AccountError(f"{self.lines} lines were read, but {parts} are accounted for: {self}")
        if self.salvaged > self.accepted:
            raise AccountError(f"{self.salvaged} lines were salvaged, but {self.accepted} accepted")

    def __str__(self) -> str:
        """Return the account as one line of readable text."""
        text = (
            f"{self.lines} lines = {self.accepted} accepted + {self.rejects} rejected"
            f" + {self.filtered} filtered + {self.blank} blank"
        )
        if self.salvaged:
            text += f", {self.salvaged} salvaged"
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.rejected.items())
        return f"{text} ({reasons})" if reasons else text
