"""What is made of a stream before lines are folded: chooses the cutter for the form of a query."""

from typing import Final

from eventcli.body import body
from eventcli.lines import paths
from eventcli.lines.event import Reason
from eventcli.lines.query import Form
from eventcli.reading.framing.cuts import Cutter, Kind, Misfit
from eventcli.reading.framing.kernel import KernelCutter
from eventcli.reading.framing.texts import TextCutter

_REASONS: Final = {
    Kind.TOO_LONG: Reason.LINE_TOO_LONG,
    Kind.DAMAGED: Reason.INVALID_JSON,
    Kind.NO_RECORDS: Reason.NOT_AN_OBJECT,
    Kind.UNCLOSED: Reason.INVALID_JSON,
}


def cutter_of(form: Form, max_line: int, *, is_resumed: bool, atomic: bool) -> Cutter:
    """Return a new cutter for a stream; with `is_resumed`, the stream was entered after its beginning.

    With `atomic`, what was read ends with a whole text, so that another run can go on there.
    """
    path = () if form.records is None else paths.parts(form.records)
    texts = KernelCutter if body() == "rust" else TextCutter
    return texts(path, max_line, atomic=atomic, resumed=is_resumed)


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
