"""`eventcli.testing`: each strategy gives what it says, and the laws notice what breaks them."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import oracle
from eventcli import Event, Fields, Reason, Reject, parse, testing
from eventcli.lines.parse import is_blank
from eventcli.reading.blocks import BYTE_ORDER_MARK

KEYS = st.sampled_from([Fields(), Fields("event", "amount"), Fields("other", "Value"), Fields("", 'a"\u2028')])
REASONS = [reason for reason in Reason if reason not in {Reason.MISSING_TIME, Reason.BAD_TIME, Reason.LINE_TOO_LONG}]


@given(KEYS, st.data())
def test_good_lines_are_accepted(fields: Fields, data: st.DataObject) -> None:
    """A good line is an event of one of the types, and has no newline."""
    line = data.draw(testing.good_lines(fields, st.sampled_from(["a", "é"])))
    outcome = parse(line, fields)
    assert isinstance(outcome, Event), line
    assert outcome.type in {"a", "é"}
    assert b"\n" not in line


@given(testing.good_lines(numbers=st.just("1.25")))
def test_good_lines_have_the_numbers_asked_for(line: bytes) -> None:
    """The value of a good line is one of the literals that were given."""
    outcome = parse(line, Fields())
    assert isinstance(outcome, Event)
    assert str(outcome.value) == "1.25"


@given(KEYS, st.data())
def test_torn_lines_are_rejected(fields: Fields, data: st.DataObject) -> None:
    """A torn line is not blank and is neither valid nor complete."""
    line = data.draw(testing.torn_lines(fields))
    outcome = parse(line, fields)
    assert isinstance(outcome, Reject), line
    assert outcome.reason in {Reason.INVALID_JSON, Reason.INVALID_UTF8}
    assert not is_blank(line)


@given(testing.blank_lines())
def test_blank_lines_are_blank(line: bytes) -> None:
    """A blank line is white space only, and has no newline."""
    assert is_blank(line)
    assert b"\n" not in line


@pytest.mark.parametrize("reason", REASONS)
@given(fields=KEYS, data=st.data())
def test_invalid_lines_are_invalid_for_the_reason(reason: Reason, fields: Fields, data: st.DataObject) -> None:
    """A line that is asked for by its reason is rejected for it, as an independent reader says, too."""
    line = data.draw(testing.invalid_lines(fields, reason))
    assert [bad.reason for bad in oracle.meaning(line, fields.type, str(fields.value)).rejects] == [reason]
    outcome = parse(line, fields)
    assert isinstance(outcome, Reject)
    assert outcome.reason is reason
    assert b"\n" not in line


@given(testing.invalid_lines())
def test_invalid_lines_are_rejected(line: bytes) -> None:
    """A line that is asked for without a reason is rejected for some reason."""
    assert isinstance(parse(line, Fields()), Reject)


@pytest.mark.parametrize("reason", [Reason.LINE_TOO_LONG, Reason.MISSING_TIME, Reason.BAD_TIME])
def test_reasons_that_no_line_alone_has(reason: Reason) -> None:
    """A reason that depends on more than the line is a ValueError."""
    with pytest.raises(ValueError, match=reason):
        testing.invalid_lines(reason=reason).validate()


@pytest.mark.parametrize("accepted", [True, False])
@given(data=st.data())
def test_unusual_numbers_are_accepted_or_not(accepted: bool, data: st.DataObject) -> None:  # noqa: FBT001  # a parameter
    """Unusual numbers can be asked for by whether they are accepted."""
    literal = data.draw(testing.unusual_numbers(accepted=accepted))
    outcome = parse(b'{"type":"a","value":%b}' % literal.encode(), Fields())
    assert isinstance(outcome, Event) == accepted
    assert accepted or (isinstance(outcome, Reject) and outcome.reason is Reason.NUMBER_OUT_OF_RANGE)


@given(testing.ordinary_numbers())
def test_ordinary_numbers_have_no_exponent(literal: str) -> None:
    """Ordinary numbers are integers or have a few places."""
    outcome = parse(b'{"type":"a","value":%b}' % literal.encode(), Fields())
    assert isinstance(outcome, Event)
    assert -3 <= int(outcome.value.as_tuple().exponent) <= 0


@given(testing.lines())
def test_a_line_has_no_newline(line: bytes) -> None:
    """Whatever the kind of line, it is one line."""
    assert b"\n" not in line


@given(testing.logs(max_lines=3))
def test_a_log_has_no_more_lines_than_asked_for(log: bytes) -> None:
    """A log has at most that many lines."""
    assert oracle.meaning(log).lines <= 3


@given(testing.logs(line=st.just(b"x")))
def test_a_log_has_the_lines_asked_for(log: bytes) -> None:
    """A log is made of lines of the strategy that was given."""
    lines = log.removeprefix(BYTE_ORDER_MARK).replace(b"\r", b"").split(b"\n")
    assert set(lines) <= {b"x", b""}


FEATURES: dict[str, Callable[[bytes], bool]] = {
    "a byte-order mark": lambda log: log.startswith(BYTE_ORDER_MARK) and len(log) > 3,
    "CRLF": lambda log: b"}\r\n" in log,
    "no last newline": lambda log: log != b"" and not log.endswith(b"\n"),
    "NUL": lambda log: b"\0" in log,
    "nothing": lambda log: log == b"",
    "an accepted line": lambda log: oracle.meaning(log).accepted > 0,
    "a blank line": lambda log: oracle.meaning(log).blank > 0,
    "a bad line": lambda log: oracle.meaning(log).rejects != [],
    "a torn last line": lambda log: log.count(b"\n") > 1 and log[-1:] not in b"}\r\n",
    "two values of one type": lambda log: any(stats.count > 1 for stats in oracle.meaning(log).types.values()),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_logs_have_what_breaks_other_tools(feature: str) -> None:
    """Among the logs there are some of every kind that is promised."""
    # Without making the found one small, which takes much longer than finding one.
    find(testing.logs(), FEATURES[feature], settings=settings(max_examples=5000, phases=[Phase.generate]))


def test_strategies_have_short_names() -> None:
    """A strategy shows as its name in reports of failures, not as all that it is made of."""
    assert repr(testing.logs()) == "logs()"
    assert repr(testing.good_lines()) == "good_lines()"


def subtract(a: int, b: int) -> int:
    """Return a difference, which is neither associative nor commutative, and has an identity on one side only."""
    return a - b


def test_the_laws_notice_what_breaks_them() -> None:
    """Each law is an AssertionError that says which one does not hold, and shows both sides."""
    with pytest.raises(AssertionError, match=r"identity \(left\)[^\n]*does not hold\n  left:  -1\n  right: 1"):
        testing.check_identity(0, 1, subtract)
    with pytest.raises(AssertionError, match=r"identity \(right\)"):
        testing.check_identity(0, 1, lambda a, b: b if not a else a + b + 1)
    with pytest.raises(AssertionError, match=r"associativity[^\n]*\n  left:  -4\n  right: 2"):
        testing.check_associativity(1, 2, 3, subtract)
    with pytest.raises(AssertionError, match=r"commutativity[^\n]*\n  left:  -1\n  right: 1"):
        testing.check_commutativity(1, 2, subtract)


@given(st.frozensets(st.integers()), st.frozensets(st.integers()), st.frozensets(st.integers()))
def test_the_laws_hold_where_they_do(a: frozenset[int], b: frozenset[int], c: frozenset[int]) -> None:
    """Union of sets is a commutative monoid, and passes."""
    testing.check_identity(frozenset(), a, frozenset.union)
    testing.check_associativity(a, b, c, frozenset.union)
    testing.check_commutativity(a, b, frozenset.union)


def test_only_this_module_needs_hypothesis() -> None:
    """Without hypothesis the package works, and importing its strategies says what is missing."""
    program = (
        "import sys\n"
        "sys.modules['hypothesis'] = None\n"
        "import eventcli, eventcli.cli\n"
        "try:\n"
        "    import eventcli.testing\n"
        "except ImportError as error:\n"
        "    print('hypothesis' in str(error))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_logs_are_drawn_with_time_to_spare() -> None:
    """Hypothesis has nothing against the strategy, and drawing takes a part of the second that it allows at first."""
    passed = []

    @settings(database=None, derandomize=True, max_examples=20, phases=[Phase.generate], suppress_health_check=())
    @given(testing.logs())
    def draw(log: bytes) -> None:
        passed.append(log)

    begun = time.process_time()
    draw()
    assert time.process_time() - begun < 1.0
    assert len(passed) >= 20
