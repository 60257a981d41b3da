"""The real logrotate, in each of its modes, on a log that is written to: every line counts once, or is said."""

from pathlib import Path
from typing import Final

import pytest

from process import LONG
from rotation import RATE, Mode, Rotation
from shells import program

MODES: Final = {
    "create": Mode("create"),
    "create-and-nobody-is-told": Mode("create", "poll"),
    "nocreate": Mode("nocreate"),
    "compress": Mode("create\ncompress"),
    "delaycompress": Mode("create\ncompress\ndelaycompress"),
    "delaycompress-and-nobody-is-told": Mode("create\ncompress\ndelaycompress", "poll"),
    "bzip2": Mode("create\ncompress\ncompresscmd /usr/bin/bzip2\ncompressext .bz2"),
    "xz": Mode("create\ncompress\ncompresscmd /usr/bin/xz\ncompressext .xz\ncompressoptions -1"),
    "hourly": Mode("hourly\ncreate\ncompress"),
    "dateext": Mode("create\ndateext\ndateformat -%Y%m%d-%s"),
    "dateext-compress": Mode("create\ndateext\ndateformat -%Y%m%d-%s\ncompress"),
    "dateext-extension": Mode("create\ndateext\ndateformat -%Y%m%d-%s\nextension .log"),
    "start": Mode("create\nstart 0\ncompress"),
    "sharedscripts": Mode("create\nsharedscripts"),
    "renamecopy": Mode("renamecopy"),
    "olddir": Mode("create\nolddir old\ncompress", options=("--olddir", "old")),
    "olddir-renamecopy": Mode("renamecopy\nolddir old", options=("--olddir", "old")),
    "olddir-copytruncate": Mode("copytruncate\nolddir old", "keep", is_lossless=False, options=("--olddir", "old")),
    "copy": Mode("copy", "keep"),
    "copy-compress": Mode("copy\ncompress", "keep"),
    "copytruncate": Mode("copytruncate", "keep", is_lossless=False),
    "copytruncate-compress": Mode("copytruncate\ncompress", "keep", is_lossless=False),
    "copytruncate-delaycompress": Mode("copytruncate\ncompress\ndelaycompress", "keep", is_lossless=False),
    "rotate-0": Mode("create\nrotate 0", is_lossless=False),
    "rotate-1": Mode("create\nrotate 1", is_lossless=False),
    "rotate-3": Mode("create\nrotate 3\ncompress", is_lossless=False),
    "maxage": Mode("create\nmaxage 2", is_lossless=False),
}
SHORT: Final = ("delaycompress", "copytruncate")


@pytest.mark.parametrize("name", MODES)
def test_every_line_of_a_log_that_logrotate_turns_counts_once(name: str, body: str, tmp_path: Path) -> None:
    """While a log gets 2,000 lines a second and is turned, each line is counted once, and what is missing is said.

    With copytruncate, what is written between the copy and the cut is on no disk: it may be missing without a word.
    """
    if not LONG and name not in SHORT:
        pytest.skip("lasts for some seconds; HYPOTHESIS_PROFILE=long")
    mode = MODES[name]
    with Rotation(program("logrotate"), mode, tmp_path) as rotation:
        turns, pause = (12, 1.2) if LONG else (3, 0.3)
        story = rotation.live(turns, pause, days=1.5 if name == "maxage" else 0)
        assert story.written > RATE * pause * turns / 2
        assert set(story.counted.values()) == {1}
        missing = set(range(story.written)) - set(story.counted)
        statuses = {ended.status for ended in story.runs}
        said = "".join(ended.stderr for ended in story.runs)
        assert statuses <= {0, 3}, said
        assert not missing & story.on_disk, said
        if mode.is_lossless:
            assert not said
            assert not missing
        elif "copytruncate" not in mode.directives:
            assert not missing or 3 in statuses
        # A discontinuity of this run or an earlier one leaves what is here now as it is.
        again = rotation.again()
        assert again.stdout == b""
        # What is deleted cannot be read again; the rest is proved.
        verified = rotation.verify()
        assert verified.status == (0 if mode.is_lossless else verified.status)
        assert b'"different"' not in verified.stdout
    assert body
