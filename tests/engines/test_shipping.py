"""`engines.shipping`: the zip file is the package, and folds like it with the Python body."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from eventcli import __version__
from eventcli.engines.listing import listed
from eventcli.engines.partial import from_bytes
from eventcli.engines.plan import Plan, Tasks
from eventcli.engines.shipping import archive_in
from eventcli.pipeline.options import Options


def test_the_package_is_imported_from_the_archive_alone(tmp_path: Path) -> None:
    """A worker that has the dependencies only folds a split with it, as the preflight says with the Python body."""
    log = tmp_path / "a.log"
    log.write_bytes(b'{"type":"a","value":1.5}\n' * 10 + b"bad\n")
    plan = Plan.of(listed([str(log)], Options()))
    (task,) = Tasks(plan, Options(), 1)
    archive = archive_in(str(tmp_path))
    # Of the places where packages are, only the dependencies are seen; this one may be among them, and is found later.
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import eventcli; assert sys.argv[1] in eventcli.__file__\n"
        "from eventcli.engines import preflight, split\n"
        "payload = bytes.fromhex(sys.argv[2])\n"
        "print(preflight.probe(payload).decode()); print(split.fold_split(payload).decode())"
    )
    command = [sys.executable, "-c", program, archive, task.payload.hex()]
    about, partial = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    told = json.loads(about)
    assert (told["eventcli"], told["body"], told["failure"]) == (__version__, "python", "")
    found = from_bytes(partial.encode())
    assert (found.summary["a"].count, found.summary.account.rejects) == (10, 1)


def test_the_same_package_gives_the_same_archive(tmp_path: Path) -> None:
    """Engines know files by their content, so nothing in it depends on the moment; nothing compiled is in it."""
    one, other = (Path(archive_in(str(tmp_path))).read_bytes() for _ in range(2))
    assert one == other
    names = zipfile.ZipFile(tmp_path / "eventcli-shipped.zip").namelist()
    assert "eventcli/engines/split.py" in names
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
