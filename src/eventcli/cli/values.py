"""The types of option values: sizes, budgets, statistics, paths, names."""

import os
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import click

from eventcli.lines.query import canonical, unit_of
from eventcli.record import Record
from eventcli.reporting.columns import Stat
from eventcli.summary.account import Account

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_LARGEST: Final = 1024**4


class Budget(Record):
    """How many rejected lines a run may have: a number, or a percentage of the lines that are not blank."""

    limit: Decimal
    percent: bool = False
    name: str = "--max-rejects"

    def is_passed_by(self, account: Account) -> bool:
        """Whether there are more rejected lines than the budget allows."""
        if not self.percent:
            return account.rejects > self.limit
        return account.rejects * 100 > self.limit * (account.lines - account.blank)

    def __str__(self) -> str:
        return self.name


class Size(click.ParamType[int]):
    """A number of bytes: 1000, 64K, 16MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the size in bytes; K, M and G are powers of 1024."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,12})([KMG]?)(?:I?B)?", value.strip().upper())
        size = int(match[1]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[match[2]] if match else 0
        if not 0 < size <= _LARGEST:
            self.fail(f"{value!r} is not a size such as 65536, 64K or 16MiB", param, ctx)
        return size


class ByValue(click.ParamType[str]):
    """The size of buckets."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  # click's API
        """Return the placeholder for the value in help texts."""
        return "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return its canonical name."""
        try:
            return unit_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class BudgetValue(click.ParamType[Budget]):
    """A number of lines, or a percentage."""

    name = "n|p%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        """Return the budget."""
        if isinstance(value, Budget):
            return value
        number = value.strip().removesuffix("%")
        percent = number != value.strip()
        plain = number.replace(".", "", 1) if percent else number
        if not (plain.isascii() and plain.isdigit()):
            self.fail(f"{value!r} is neither a number of lines nor a percentage such as 0.5%", param, ctx)
        return Budget(Decimal(number), percent)


class StatsValue(click.ParamType[tuple[Stat, ...]]):
    """Statistics separated by commas."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Stat, ...]:
        """Return the statistics in print order."""
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in value.split(",")]
        unknown = [name for name in names if name not in list(Stat)]
        if unknown:
            self.fail(f"{unknown[0]!r} is not one of {', '.join(Stat)}", param, ctx)
        return tuple(dict.fromkeys(Stat(name) for name in names))


class TextsValue(click.ParamType[tuple[str, ...]]):
    """JSON values separated by commas; what is not one is a string."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the values as JSON texts."""
        if isinstance(value, tuple):
            return value
        text = NameValue().convert(value, param, ctx)
        texts = []
        for item in re.findall(r'\s*("(?:[^"\\]|\\.)*"|[^,]*?)\s*(?:,|$)', text)[: text.count(",") + 1]:
            if not item:
                self.fail(f'an empty item in {value!r}: the empty string is ""', param, ctx)
            texts.append(canonical(item))
        return tuple(dict.fromkeys(texts))


class PathValue(click.ParamType[str]):
    """A path, completed by shells. `click.Path` would do, but loads translations, a fortieth of the start-up time."""

    name = "file"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's API
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list["CompletionItem"]:
        """Leave the completion to the shell."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  # keeps start-up fast without completion

        return [CompletionItem(incomplete, type="file")]


class NameValue(click.ParamType[str]):
    """A type or a key: any text. A command line can also contain bytes that are not valid text."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        try:
            # In a locale other than UTF-8, Python has decoded the bytes differently; they are UTF-8 all the same.
            return os.fsencode(value).decode("utf-8")
        except UnicodeDecodeError:
            self.fail("it is not valid UTF-8", param, ctx)
