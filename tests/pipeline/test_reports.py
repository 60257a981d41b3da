"""`eventcli.pipeline.reports`: of very many sources that cannot be read, memory holds the first ones and a count."""

from eventcli import SourceReport, Status, summarize
from eventcli.pipeline.reports import MOST, Unread


def test_the_others_are_counted() -> None:
    """The first sources have a report each, all others one for each status that says how many they are."""
    unread = Unread()
    reports = [SourceReport(f"log-{number}", 0, 0, Status.MISSING, "No such file") for number in range(MOST)]
    for report in reports:
        unread.add(report)
    assert unread.reports() == reports
    for _ in range(3):
        unread.add(SourceReport("other", 0, 0, Status.MISSING, "No such file"))
    unread.add(SourceReport("other", 0, 0, Status.UNREADABLE, "Permission denied"))
    assert [(one.name, one.status) for one in unread.reports()[MOST:]] == [
        ("<3 more>", Status.MISSING),
        ("<1 more>", Status.UNREADABLE),
    ]


def test_very_many_missing_names(body: str) -> None:
    """Each missing name is told once and in order, and the summary stays small and incomplete."""
    names = [f"missing-{number}" for number in range(MOST + 500)]
    told: list[str] = []
    summary = summarize(names, on_problem=lambda report: told.append(report.name))
    assert told == names, body
    assert not summary.complete
    assert len(summary.sources) == MOST + 1
