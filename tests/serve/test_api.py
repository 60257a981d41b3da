"""What a server answers is what the commands print, and nobody gets it who may not."""

import itertools
import os
import shutil
import signal
import socket
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from served import LINE, Served, ended_well, ledger_in, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("fastapi", reason="built without the extra serve")

QUESTIONS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("type", "a"),),
    (("type", "b/c"), ("type", "never")),
    (("since", "2020-10-06"), ("until", "2020-10-07")),
    (("since", "2020-10-06T10:00:00+02:00"), ("by", "hour"), ("tz", "Europe/Berlin")),
    (("since", "24h"),),
    (("by", "day"), ("stats", "count,sum,min,max,mean")),
    (("by", "hour"), ("gaps", "true"), ("since", "2020-10-06"), ("until", "2020-10-06T12:00")),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Served]":
    """Return a server of a small ledger that no test changes."""
    with ended_well(Served(ledger_in(tmp_path_factory.mktemp("shared")))) as server:
        yield server


def _options(question: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"--{name}" if name == "gaps" else f"--{name}={value}" for name, value in question]


def test_stats_are_the_bytes_of_totals(tmp_path: Path, body: str) -> None:
    """Every question has the bytes that `totals` prints, the first time and again, and after the ledger has grown."""
    assert body
    ledger = ledger_in(tmp_path)
    with ended_well(Served(ledger)) as server:
        for _ in range(2):
            for question in QUESTIONS:
                expected = run("totals", "--ledger", ledger, *_options(question), check=False)
                for _ in range(2):
                    assert server.ask(f"/stats?{urlencode(question)}").body == expected
            with (tmp_path / "log.jsonl").open("a") as log:
                log.write(LINE % ("new", "0.1"))
            run("ingest", "--ledger", ledger, tmp_path / "log.jsonl")


def test_other_answers_are_what_the_commands_print(tmp_path: Path) -> None:
    """Rejects and metrics have the bytes of the commands; the account adds up; sources say where they are."""
    ledger = ledger_in(tmp_path)
    with ended_well(Served(ledger)) as server:
        assert server.ask("/rejects").body == run("rejects", "--ledger", ledger)
        assert server.ask("/metrics").body == run("totals", "--ledger", ledger, "-f", "prometheus")
        account = server.ask("/account").json
        assert account["lines"] == account["accepted"] + account["rejected"] + account["filtered"] + account["blank"]
        assert account["reasons"] == {"bad_type": 1}
        (source,) = server.ask("/sources").json
        size = (tmp_path / "log.jsonl").stat().st_size
        assert (source["position"], source["lag"], source["discontinuities"]) == (size, 0, [])
        with (tmp_path / "log.jsonl").open("a") as log:
            log.write("more\n")
        assert server.ask("/sources").json[0]["lag"] == 5


def test_an_answer_that_is_known_is_not_sent_again(tmp_path: Path) -> None:
    """A request with the entity tag of the answer gets 304 and no body, until the answer is another."""
    ledger = ledger_in(tmp_path)
    with ended_well(Served(ledger)) as server:
        tag = server.ask("/stats").headers["etag"]
        for wanted in (tag, f'"other", W/{tag}', "*"):
            again = server.ask("/stats", If_None_Match=wanted)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        (tmp_path / "more.jsonl").write_text(LINE % ("a", "1"))
        run("ingest", "--ledger", ledger, tmp_path / "more.jsonl")
        assert server.ask("/stats", If_None_Match=tag).status == 200


def test_what_is_missing_from_an_answer_is_said(tmp_path: Path) -> None:
    """Events without a time are missing from a window, and a header says so."""
    ledger = ledger_in(tmp_path, LINE % ("a", "1") + '{"type":"a","value":1}\n')
    with ended_well(Served(ledger)) as server:
        assert "eventstats-missing" not in server.ask("/stats").headers
        for _ in range(2):
            assert "1 events without" in server.ask("/stats?since=2020-01-01").headers["eventstats-missing"]


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("since=never", 422),
        ("since=2021-01-01&until=2020-01-01", 409),
        ("gaps=true", 409),
        ("gaps=2", 422),
        ("tz=Nowhere/City&by=hour", 422),
        ("by=7m", 422),
        ("stats=median", 422),
        ("by=minute", 409),
        ("since=2020-10-06T08:30", 409),
        ("by=hour&gaps=1&since=0001-01-01&until=9999-01-01", 409),
        ("by=hour&gaps=1&since=1970-01-01&until=2026-01-01&type=a", 409),
        ("type=" + "x" * 10_000, 422),
        ("since=%00%ff", 422),
    ],
)
def test_a_question_without_an_answer_gets_a_sentence(shared: Served, question: str, status: int) -> None:
    """What means nothing is 422, and what the ledger does not store is 409, each with a sentence about parameters."""
    answer = shared.ask(f"/stats?{question}")
    assert answer.status == status
    assert answer.json["detail"]
    assert "--" not in answer.json["detail"]


def test_only_its_own_names_lead_to_the_server(tmp_path: Path) -> None:
    """A request under another name, or from a page of another site, is refused: no site can use a browser's access."""
    with ended_well(Served(ledger_in(tmp_path), "--allow-host", "stats.example")) as server:
        port = server.port
        for host in (
            f"localhost:{port}",
            "127.0.0.1",
            f"[::1]:{port}",
            "stats.example",
            "LOCALHOST",
            "stats.example.:80",
        ):
            assert server.ask("/stats", Host=host).status == 200
        for host in ("evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", "", "[", "a:b"):
            assert server.ask("/stats", Host=host).status == 400
        assert server.ask("/stats", Origin=f"http://127.0.0.1:{port}").status == 200
        for origin in ("http://evil.example", "null", f"http://localhost:{port}"):
            assert server.ask("/stats", Origin=origin).status == 403


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    """With a token, nothing but the form and the probes is answered without it; the cookie of the page does as well."""
    (tmp_path / "token").write_text("s3cret\n")
    with ended_well(Served(ledger_in(tmp_path), "--token-file", str(tmp_path / "token"))) as server:
        closed = ("/stats", "/account", "/sources", "/rejects", "/metrics", "/docs", "/openapi.json", "/nothing")
        for path in closed:
            answer = server.ask(path)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="eventstats"')
        for path in ("/", "/page.js", "/page.css", "/healthz", "/readyz"):
            assert server.ask(path).status == 200
        for wrong in ("s3cret", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "Bearer S3CRET"):
            assert server.ask("/stats", Authorization=wrong).status == 401
        for right in ("Bearer s3cret", "bearer  s3cret"):
            assert server.ask("/stats", Authorization=right).status == 200
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert "set-cookie" not in server.ask("/login", "POST", b"token=wrong", **form).headers
        answer = server.ask("/login", "POST", b"token=s3cret", **form)
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "s3cret" not in cookie
        held = answer.headers["set-cookie"].partition(";")[0]
        assert server.ask("/stats", Cookie=f"a=b; {held}").status == 200
        assert server.ask("/stats", Cookie=held[:-1]).status == 401
        assert server.ask("/login", "POST", b"x" * 100_000, **form).status == 413


def test_every_answer_forbids_what_no_page_of_the_server_needs(shared: Served) -> None:
    """All answers have a policy for scripts that allows own files only, and none lets another site read them."""
    for path in ("/", "/stats", "/docs", "/nothing", "/stats?since=never"):
        headers = shared.ask(path, Origin=shared.url.rstrip("/")).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src 'self';" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert not [name for name in headers if name.startswith("access-control")]
    assert shared.ask("/stats", "OPTIONS", Origin="http://evil.example").status == 403


def _refused(*args: str, ledger: Path) -> str:
    with pytest.raises(AssertionError) as caught, Served(ledger, *args):
        pass
    return str(caught.value)


def test_other_machines_need_a_token(tmp_path: Path) -> None:
    """An address that others can reach needs a token, or the word that none is wanted."""
    ledger = ledger_in(tmp_path)
    (tmp_path / "empty").write_text("\n")
    assert "--token-file" in _refused("--host", "0.0.0.0", ledger=ledger)  # noqa: S104
    assert "exclude" in _refused("--no-token", "--token-file", str(tmp_path / "empty"), ledger=ledger)
    assert "a token is" in _refused("--token-file", str(tmp_path / "empty"), ledger=ledger)
    assert "No such file" in _refused("--token-file", str(tmp_path / "none"), ledger=ledger)
    with ended_well(Served(ledger, "--host", "0.0.0.0", "--no-token")) as server:  # noqa: S104
        for host in ("10.0.0.1", socket.gethostname()):
            assert server.ask("/stats", Host=host).status == 200
        assert server.ask("/stats", Host="evil.example").status == 400


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without FastAPI, the command says what to install, and all others work."""
    ledger = ledger_in(tmp_path)
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(name='fastapi')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "pip install 'eventcli[serve]'" in _refused(ledger=ledger)
    assert run("totals", "--ledger", ledger)


def test_a_port_that_is_taken_is_wrong_usage(tmp_path: Path) -> None:
    """The message names the address, and why it cannot be listened at."""
    ledger = ledger_in(tmp_path)
    with ended_well(Served(ledger)) as server:
        assert "in use" in _refused("--port", str(server.port), ledger=ledger)


def test_a_ledger_that_is_gone_or_no_ledger_is_said(tmp_path: Path) -> None:
    """Whatever becomes of the file, answers are 503 with a sentence, until a ledger is there again."""
    ledger = ledger_in(tmp_path)
    kept, other = tmp_path / "kept.db", tmp_path / "other.db"
    shutil.copy(ledger, kept)
    (tmp_path / "b.jsonl").write_text(LINE % ("other", "5"))
    run("ingest", "--ledger", other, tmp_path / "b.jsonl")

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
        path.write_bytes(content)

    def change(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE totals SET count = count + 1")
        connection.close()

    def age(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()

    def replace(path: Path) -> None:
        (path.parent / "junk").write_text("this is no ledger, only a text\n" * 100)
        os.replace(path.parent / "junk", path)

    def make_folder(path: Path) -> None:
        path.unlink()
        path.mkdir()

    faults: list[Callable[[Path], object]] = [
        Path.unlink,
        damage,
        change,
        age,
        replace,
        make_folder,
        lambda path: path.write_bytes(b"x"),
    ]
    with ended_well(Served(ledger, "--read-only")) as server:
        before = server.ask("/stats").body
        for fault in faults:
            fault(ledger)
            for path in ("/stats", "/account", "/sources", "/rejects", "/metrics"):
                answer = server.ask(path)
                assert answer.status == 503
                assert answer.json["detail"]
                assert answer.headers["retry-after"]
            ready = server.ask("/readyz")
            assert (ready.status, ready.json["ready"]) == (503, False)
            assert ready.json["detail"]
            assert server.ask("/healthz").status == 200
            if ledger.is_dir():
                ledger.rmdir()
            shutil.copy(other, tmp_path / "new.db")
            os.replace(tmp_path / "new.db", ledger)
            assert server.ask("/stats").json == [{"type": "other", "count": 1, "sum": 5}]
            assert server.ask("/readyz").status == 200
            # In its place, byte for byte: the same file, and maybe the same time.
            ledger.write_bytes(kept.read_bytes())
            assert server.ask("/stats").body == before


def test_a_ledger_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """A server that only shows may start before whatever makes the ledger."""
    ledger = tmp_path / "ledger.db"
    with ended_well(Served(ledger, "--read-only")) as server:
        assert server.ask("/readyz").status == 503
        assert "not there yet" in server.ask("/stats").json["detail"]
        ledger_in(tmp_path)
        assert server.ask("/stats").status == 200


def test_ledgers_of_earlier_versions_are_shown_as_they_are(tmp_path: Path) -> None:
    """A ledger that another version wrote is read in memory, and not changed."""
    for number, path in enumerate(sorted((Path(__file__).parent.parent / "ledgers").glob("*.db"))):
        ledger = tmp_path / f"{number}.db"
        shutil.copy(path, ledger)
        before = ledger.read_bytes()
        with ended_well(Served(ledger, "--read-only")) as server:
            for _ in range(2):
                assert server.ask("/stats").body == run("totals", "--ledger", ledger, check=False)
        assert ledger.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_silently_within_a_second(tmp_path: Path, number: int) -> None:
    """Idle connections, and such as are in the middle of a request, keep nobody waiting."""
    with Served(ledger_in(tmp_path)) as server:
        idle = server.connect()
        idle.request("GET", "/stats")
        idle.getresponse().read()
        begun = socket.create_connection(("127.0.0.1", server.port))
        begun.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n")
        before = time.monotonic()
        assert server.end(number) == (-number, "")
        # Its bound is a second; a busy machine is another matter.
        assert time.monotonic() - before < 20
        idle.close()
        begun.close()


def test_requests_that_are_no_http_do_no_harm(shared: Served) -> None:
    """Junk on the wire gets an error or nothing, and is not reported to anybody."""
    for junk in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", shared.port), timeout=30) as connection:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            assert not connection.recv(65536).startswith(b"HTTP/1.1 2")
    assert shared.ask("/healthz").status == 200
    assert shared.ask("/../etc/passwd").status == 404
    assert shared.ask(f"/{quote('docs/../page.html', safe='')}").status == 404


def test_no_request_changes_what_is_read_only(tmp_path: Path) -> None:
    """Methods that a path does not have are refused with those that it has."""
    with ended_well(Served(ledger_in(tmp_path), "--read-only")) as server:
        for path, method in itertools.product(("/stats", "/account", "/rejects"), ("POST", "PUT", "DELETE", "PATCH")):
            answer = server.ask(path, method, b"x")
            assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_the_description_names_every_question(shared: Served) -> None:
    """/openapi.json has all paths that programs ask, and their parameters; /docs shows it without any other host."""
    paths = shared.ask("/openapi.json").json["paths"]
    assert {"/stats", "/account", "/sources", "/rejects", "/metrics", "/healthz", "/readyz"} <= set(paths)
    names = {one["name"] for one in paths["/stats"]["get"]["parameters"]}
    assert names == {"type", "since", "until", "by", "tz", "gaps", "stats"}
    assert b"//" not in shared.ask("/docs").body.replace(b"<!--", b"")
    for path in ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/docs.js", "/favicon.ico"):
        assert shared.ask(path).status == 200
