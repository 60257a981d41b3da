"""`Record`: a named tuple whose classes cost little to make.

Type checkers see `typing.NamedTuple`, and records do the same, but without the code that it generates for each class.
Measured: 32 classes took 4.0 ms of the 61 ms of CPU of a run over ten lines; as records, they take 0.4 ms. Making a
record takes a fourth longer, so what is made for each of very many lines stays a named tuple: Event, Reject and Mark.
"""

from typing import TYPE_CHECKING, Any, Self

__all__ = ["Record"]

if TYPE_CHECKING:
    from inspect import Signature
    from typing import NamedTuple as Record
else:
    from operator import itemgetter

    class _Definition(type):
        """The type of the classes: it makes the annotations of a class the fields of its records."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Self:
            made = super().__new__(cls, name, bases, {"__slots__": (), **namespace})
            if bases != (tuple,) and not hasattr(made, "_fields"):
                made._fields = made.__match_args__ = fields = tuple(made.__annotations__)
                made._field_defaults = {field: namespace[field] for field in fields if field in namespace}
                made._defaults = tuple(made._field_defaults.values())
                for index, field in enumerate(fields):
                    setattr(made, field, property(itemgetter(index)))
            return made

        @property
        def __signature__(cls) -> "Signature":
            """The arguments of a new record, as `help` shows them."""
            from inspect import Parameter, Signature  # noqa: PLC0415  # keeps start-up fast for all runs

            return Signature(
                [
                    Parameter(field, Parameter.POSITIONAL_OR_KEYWORD, default=default)
                    for field in cls._fields
                    for default in [cls._field_defaults.get(field, Parameter.empty)]
                ]
            )

    class Record(tuple, metaclass=_Definition):
        """A tuple whose items have names."""

        __slots__ = ()

        def __new__(cls, *values: Any, **named: Any) -> Self:
            """Take values by position or by name."""
            if named:
                values = cls._completed(values, named)
            elif missing := len(cls._fields) - len(values):
                # The usual case.
                usual = 0 < missing <= len(cls._defaults)
                values = values + cls._defaults[-missing:] if usual else cls._completed(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _completed(cls, values: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
            """Return all values in the order of the fields; TypeError if one is missing, unknown or given twice."""
            given = dict(zip(cls._fields, values, strict=False))
            every = cls._field_defaults | given | named
            missing = [field for field in cls._fields if field not in every]
            wrong = [*missing, *(every.keys() - set(cls._fields)), *(given.keys() & named)]
            if wrong or len(values) > len(cls._fields):
                raise TypeError(
                    f"{cls.__name__} takes {', '.join(cls._fields)}: {', '.join(wrong) or 'too many values'}"
                )
            return [every[field] for field in cls._fields]

        @classmethod
        def _make(cls, values: Any) -> Self:
            """Return a record of all values in order."""
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"{cls.__name__} takes {len(cls._fields)} values, not {len(made)}")
            return made

        def _replace(self, **named: Any) -> Self:
            """Return a record with other values for some fields."""
            made = tuple.__new__(type(self), map(named.pop, self._fields, self))
            if named:
                raise ValueError(f"{type(self).__name__} has no fields {', '.join(named)}")
            return made

        __replace__ = _replace

        def _asdict(self) -> dict[str, Any]:
            """Return the values by name."""
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            values = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({values})"
