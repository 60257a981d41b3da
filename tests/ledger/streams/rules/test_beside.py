"""A copy beside a log shows that the log began again with the same lines."""

import time
from pathlib import Path

from eventcli.ledger.streams.rules.beside import look_beside
from eventcli.ledger.streams.rules.places import by_place
from surveys import BEATS, Field, family_of, held, lines


def test_a_longer_copy_holds_the_former_log(tmp_path: Path) -> None:
    """If a sibling holds what was read and more, and the log is shorter again, the sibling is the former log."""
    field = Field(tmp_path)
    field.write("app.log", BEATS)
    stream = field.seen("key", end=len(BEATS) // 2)
    field.write("app.log.1", BEATS)
    field.write("app.log", BEATS[: len(BEATS) // 2])
    survey = field.survey([stream])
    by_place(survey, family_of(survey))
    assert held(survey) == {"key": "app.log"}
    look_beside(survey, family_of(survey))
    assert held(survey) == {"key": "app.log.1"}


def test_a_log_that_was_written_to_and_is_the_same_is_in_doubt(tmp_path: Path) -> None:
    """Repetitive lines in a file with another time may be new; lines that differ are not."""
    for content, doubts in ((BEATS, 1), (lines(0, 10), 0)):
        field = Field(tmp_path)
        field.write("app.log", content)
        stream = field.seen("key")
        time.sleep(0.02)  # so that the file has another time
        with field.log.open("r+b") as file:
            file.write(content)
        survey = field.survey([stream])
        by_place(survey, family_of(survey))
        look_beside(survey, family_of(survey))
        assert [loss.is_doubt for loss in survey.plan.losses] == [True] * doubts
