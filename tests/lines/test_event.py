"""`eventcli.lines.event`: the closed list of reasons, and the shapes that are handed out."""

from eventcli import Fields, Reason, Reject


def test_the_reasons_are_the_documented_ones_in_order_of_precedence() -> None:
    """The codes that programs match on are these, in this order."""
    assert [str(reason) for reason in Reason] == [
        "invalid_utf8",
        "invalid_json",
        "too_deep",
        "not_an_object",
        "missing_type",
        "bad_type",
        "missing_value",
        "bad_value",
        "number_out_of_range",
        "missing_time",
        "bad_time",
        "line_too_long",
    ]


def test_fields_are_type_and_value_unless_told_otherwise() -> None:
    """Events hold their type under `type` and their value under `value` by default."""
    assert Fields() == Fields(type="type", value="value")


def test_a_reject_has_no_place_until_its_source_is_known() -> None:
    """A reject of a line alone has line and offset 0 and no source."""
    reject = Reject(Reason.BAD_TYPE, "message", b"raw", 3)
    assert (reject.line, reject.offset, reject.source) == (0, 0, "")
