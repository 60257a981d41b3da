"""Sorts the plain events of a block by type, so that whole lists of values are added up in C.

A float from orjson may take part in an exact sum for this reason: no two different decimals with at most 15 significant
digits are nearest to the same double (IEEE 754, DBL_DIG), and `repr` gives the shortest decimal that is. So if the
literal has at most 15 digits, `Decimal(repr(value))` is the literal. Usually the text of many lines shows that at once:
no number under a key begins with 16 digits and points. It does not hold for numbers so small that a double lacks bits,
nor for a zero that may have been a tiny number. Wherever any of that is possible, floats go to `parse.judge`.
"""

import re
from decimal import Decimal
from typing import Final

import orjson

from eventcli.folding.moments import Moments
from eventcli.lines import exact, paths
from eventcli.lines.query import Bucket, Query
from eventcli.summary.aggregates.values import units_of

# A text in which all numbers look alike: every digit and point becomes "0", every e and E becomes "e", colons stay,
# white space and minus signs are removed, everything else becomes a space. Then a number under a key begins after a
# colon, and the questions below are plain searches.
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b"0123456789.eE:")

_NUMERIC: Final = bytes.maketrans(b"123456789.E" + _OTHERS, b"0000000000e" + b" " * len(_OTHERS))

_NOT_NUMERIC: Final = b" \t\r\n-"

_LONG_NUMBER: Final = b":" + b"0" * 16

_EXPONENT: Final = rb":0+e"

_SMALLEST: Final = 1e-290
"""From this magnitude on, a double has all its 53 bits, and 15 digits end before the 400th decimal place."""

_MOST_PLACES: Final = 9

_MOST_UNITS: Final = 1e15

Group = str | tuple[str, Bucket | None]
"""The type of events that count together, and their bucket if there are buckets of time."""


class Groups(dict[Group, list[float]]):
    """Lists of values by group. It refuses a type that is not a string when a value is added."""

    def __missing__(self, group: Group) -> list[float]:
        if type(group[0] if type(group) is tuple else group) is not str:
            raise TypeError("the type is not a string")
        values: list[float] = []
        self[group] = values
        return values


Sorted = tuple[Groups, Groups, list[int]]
"""The values of plain events that orjson returns as int, those that it returns as float, and the indexes of all other
lines. The floats are exact: each has at most 15 digits."""


class Sorter:
    """Sorts lines for a query. All that it is not certain about is left to `parse.judge`."""

    def __init__(self, query: Query, moments: Moments) -> None:
        """Take the query, and what knows the buckets of its times."""
        self._fields = query.fields
        self._keys = _keys(query)
        self._moments = None if query.timing is None else moments
        self._is_plain_value = not query.form.missing_values
        # Only for numbers under keys can the number of digits be checked in bulk.
        self._is_under_key = query.fields.value is None or not paths.is_index(paths.parts(query.fields.value)[-1])

    def sort(self, lines: list[bytes]) -> Sorted:
        """Return the values of the plain events, and the indexes of all other lines."""
        if not self._is_plain_value:
            return Groups(), Groups(), list(range(len(lines)))
        numeric = b"\n".join(lines).translate(_NUMERIC, _NOT_NUMERIC)
        found = self._sort(lines, floats=self._is_under_key and _LONG_NUMBER not in numeric)
        has_tiny = any(min(map(abs, floats)) < _SMALLEST for floats in found[1].values())
        return self._sort(lines, floats=False) if has_tiny and re.search(_EXPONENT, numeric) else found

    def _sort(self, lines: list[bytes], *, floats: bool) -> Sorted:
        """Sort lines; without `floats`, a line that contains one is not plain."""
        of_ints, of_floats = Groups(), Groups()
        plain: dict[type, Groups] = {int: of_ints, float: of_floats} if floats else {int: of_ints}
        odd = self._add(lines, plain) if self._keys is None else _add_flat(lines, plain, *self._keys)
        return of_ints, of_floats, odd

    def _add(self, lines: list[bytes], plain: dict[type, Groups]) -> list[int]:
        """Add the values of plain events, whose fields are anywhere in the line; return the indexes of the others."""
        loads, find = orjson.loads, paths.find
        type_field, value_field, time_field = self._fields
        bucket_of = None if self._moments is None else self._moments.of
        odd = []
        for index, line in enumerate(lines):
            try:
                event = loads(line)
                if type(event) is not dict:
                    raise TypeError("the line is no object")  # like everything that is not plain
                value = 0 if value_field is None else find(event, value_field)
                groups = plain[value.__class__]
                name = find(event, type_field)
                if bucket_of is not None:
                    groups[name, bucket_of(find(event, time_field))].append(value)
                else:
                    groups[name].append(value)
            except (KeyError, TypeError, ValueError):
                odd.append(index)
        return odd


def _add_flat(lines: list[bytes], plain: dict[type, Groups], type_key: str, value_key: str) -> list[int]:
    """Do the same for fields that are keys of the line, without times."""
    loads = orjson.loads
    odd = []
    for index, line in enumerate(lines):
        try:
            event = loads(line)
            value = event[value_key]
            plain[value.__class__][event[type_key]].append(value)
        except (KeyError, TypeError, ValueError):
            odd.append(index)
    return odd


def _keys(query: Query) -> tuple[str, str] | None:
    """Return the keys of type and value, or None if finding an event takes more than these."""
    type_field, value_field, _ = query.fields
    is_plain = query.timing is None and query.default_value is None and not query.numeric_strings
    if value_field is None or not (is_plain and paths.is_key(type_field) and paths.is_key(value_field)):
        return None
    return type_field, value_field


class Floats:
    """Values whose shortest decimals are what was written: each has at most 15 digits."""

    __slots__ = ("values",)

    is_integral = False

    def __init__(self, values: list[float]) -> None:
        """Take the values."""
        self.values = values

    def exact(self, value: float) -> Decimal:
        """Return a value as it was written."""
        return Decimal(repr(value))

    def total(self) -> Decimal:
        """Return the exact sum."""
        if len(self.values) == 1:
            return self.exact(self.values[0])
        units, places = _scaled(self.values)
        return exact.scaled(sum(units), places) if units else exact.total(map(self.exact, self.values))

    def units(self) -> tuple[list[int], int]:
        """Return the values as whole numbers of 10**-places, and the places."""
        units, places = _scaled(self.values)
        return (units, places) if units else units_of([self.exact(value) for value in self.values])


def _scaled(floats: list[float]) -> tuple[list[int], int]:
    """Return the shortest decimals of `floats` as whole numbers of 10**-places; no numbers if that is not certain.

    Each of them has at most 15 digits. Adding up the `repr` of each is four times slower than adding whole numbers of
    cents (or of whatever unit the first values suggest). Those are only a guess until division gives back every float:
    `units / scale` is rounded correctly, has at most 15 digits, and so is the one such decimal that is nearest to the
    float.
    """
    places = max(len(repr(value).partition(".")[2]) for value in floats[:8])
    scale = 10.0**places
    if places <= _MOST_PLACES and max(abs(value) for value in (min(floats), max(floats))) * scale < _MOST_UNITS:
        units = [round(value * scale) for value in floats]
        if [unit / scale for unit in units] == floats:
            return units, places
    return [], 0
