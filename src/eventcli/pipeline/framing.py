"""The way from a stream to the lines that are folded: chooses the cutter for the form of a query."""

from typing import Final

from eventcli.body import body
from eventcli.lines import paths
from eventcli.lines.event import Reason
from eventcli.lines.query import Fields, Form, Query
from eventcli.reading.framing.cuts import Cut, Cutter, Kind, Misfit
from eventcli.reading.framing.kernel import KernelCutter, KernelUnwrapper
from eventcli.reading.framing.texts import TextCutter
from eventcli.reading.framing.wrapped import LineUnwrapper, Wrapping

_REASONS: Final = {
    Kind.TOO_LONG: Reason.LINE_TOO_LONG,
    Kind.DAMAGED: Reason.INVALID_JSON,
    Kind.NO_RECORDS: Reason.NOT_AN_OBJECT,
    Kind.UNCLOSED: Reason.INVALID_JSON,
}


def cutter_of(form: Form, fields: Fields, max_line: int, *, is_resumed: bool, atomic: bool) -> Cutter:
    """Return a new cutter for a stream; with `is_resumed`, the stream was entered after its beginning.

    With `atomic`, what was read ends with a whole text, so that another run can go on there.
    """
    is_rust = body() == "rust"
    unwrapper = (KernelUnwrapper if is_rust else LineUnwrapper)(wrapping_of(form, fields), max_line)
    if form.framing != "json":
        return unwrapper
    path = () if form.records is None else paths.parts(form.records)
    texts = (KernelCutter if is_rust else TextCutter)(path, max_line, atomic=atomic, resumed=is_resumed)
    return texts if form.unwrap is None else _Unwrapped(texts, unwrapper)


class _Unwrapped:
    """Cuts texts, and unwraps each of them."""

    def __init__(self, texts: Cutter, unwrapper: KernelUnwrapper | LineUnwrapper) -> None:
        self._texts = texts
        self._unwrapper = unwrapper

    def cut(self, data: memoryview, *, at_end: bool, is_full: bool) -> Cut:
        """Cut a piece; see `Cutter`."""
        cut = self._texts.cut(data, at_end=at_end, is_full=is_full)
        return cut._replace(lines=self._unwrapper.unwrap(cut.lines)) if cut.lines else cut


def wrapping_of(form: Form, fields: Fields) -> Wrapping:
    """Return what is made of lines, for a query on these fields."""
    ways = () if form.unwrap is None else _ways(form.unwrap)
    own = [way for field in fields if field is not None for way in _ways(field)]
    in_place = any(len(one) > len(way) and one[: len(way)] == way for way in ways for one in own)
    return Wrapping(form.skip_prefix, form.framing == "bulk", ways, in_place)


def unwrapped(line: bytes, query: Query) -> bytes:
    """Return the line that is made of a whole line, for those who read one by itself."""
    if not query.form.is_framed:
        return line
    unwrapper = LineUnwrapper(wrapping_of(query.form._replace(framing="lines"), query.fields), len(line))
    return unwrapper.cut(memoryview(line.replace(b"\n", b"\r")), at_end=True, is_full=False).lines.removesuffix(b"\n")


def _ways(field: str) -> tuple[tuple[str, ...], ...]:
    """Return the readings of a field, the preferred one first."""
    as_path = paths.parts(field)
    return (as_path,) if field.startswith("/") or as_path == (field,) else ((field,), as_path)


def reject_of(misfit: Misfit, form: Form, max_line: int) -> tuple[Reason, str]:
    """Return the reason and the message for what cannot be given as a line."""
    match misfit.kind:
        case Kind.TOO_LONG:
            message = f"{misfit.length} bytes, more than {max_line}"
        case Kind.DAMAGED:
            message = "the text around records is torn"
        case Kind.NO_RECORDS:
            message = f"no array at {form.records!r}"
        case Kind.UNCLOSED:
            message = "the array is not closed"
    return _REASONS[misfit.kind], message
