"""The composition is valid, safe, and does what it says: its very commands run here on loopback, without containers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest

import brokers
from brokers import Server
from eventcli.cli.generate import generate
from eventcli.ledger.store.database import Database
from eventcli.ledger.totals import totals
from eventcli.lines.event import Event
from eventcli.lines.parse import is_blank, parse

ROOT: Final = Path(__file__).parent.parent
OWN: Final = "eventstats"
"""The image that is built here."""


def _compose(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("docker-compose", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("no docker-compose")
    file = str(ROOT / "compose.yaml")
    return subprocess.run(
        (program, "-f", file, "--profile", "*", *arguments), capture_output=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def services() -> Mapping[str, Any]:
    """Return all services, as Docker Compose understands them."""
    found: Mapping[str, Any] = json.loads(_compose("config", "--format", "json").stdout)["services"]
    return found


def test_the_file_is_valid() -> None:
    """Docker Compose finds no fault in the file."""
    done = _compose("config", "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")


def test_services_have_no_privileges(services: Mapping[str, Any]) -> None:
    """No service has a capability or can gain one; what is built here, Redis and moto cannot write to their root."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name
        assert service.get("read_only") or name == "kafka", name
        assert "healthcheck" in service, name
    assert [port["host_ip"] for service in services.values() for port in service.get("ports", ())] == ["127.0.0.1"]


class _Composition:
    """The processes of services, with loopback in place of the names of hosts."""

    def __init__(self, services: Mapping[str, Any], folder: Path, hosts: Mapping[str, str]) -> None:
        """`hosts` are the places of brokers by those in the file."""
        self._services = services
        self._replaced = {**hosts, "/ledger/": f"{folder}/", "--host=0.0.0.0": "--host=127.0.0.1"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start a service of the image that is built here."""
        service = self._services[name]
        assert service["image"] == OWN
        words = [self._on_loopback(word) for word in service["command"]]
        environment = {**os.environ, **brokers.ENVIRONMENT, **service.get("environment", {})}
        command = (sys.executable, "-m", "eventcli", *words)
        self.processes[name] = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def _on_loopback(self, word: str) -> str:
        for name, place in self._replaced.items():
            word = word.replace(name, place)
        return word

    def stop(self, name: str) -> bytes:
        """End a service as Docker does, and return what it printed."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        output, said = process.communicate(timeout=30)
        assert b"Traceback" not in said, said
        assert process.returncode == -signal.SIGTERM, said
        return output

    def kill(self) -> None:
        """End all that is left."""
        for process in self.processes.values():
            process.kill()
            process.communicate()


@contextmanager
def _composition(services: Mapping[str, Any], folder: Path) -> Iterator[tuple[_Composition, int]]:
    for module in ("boto3", "confluent_kafka", "fastapi", "moto", "redis", "uvicorn"):
        if find_spec(module) is None:
            pytest.skip(f"no {module}")
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server")
    redis = Server(lambda port: [*services["redis"]["command"], "--port", str(port), "--dir", str(folder)])
    words = services["sqs"]["command"]
    sqs = Server(
        lambda port: [
            *(sys.executable, "-m", "moto.server"),
            *("127.0.0.1" if word == "0.0.0.0" else str(port) if word == "5000" else word for word in words),  # noqa: S104
        ]
    )
    free = Server(lambda _: [])
    with ExitStack() as stack:
        kafka = stack.enter_context(brokers.kafka_cluster())
        for server in (redis, sqs):
            stack.callback(server.stop)
            server.start()
        hosts = {
            "redis:6379": f"127.0.0.1:{redis.port}",
            "sqs:5000": f"127.0.0.1:{sqs.port}",
            "kafka:9092": kafka,
            "--port=8080": f"--port={free.port}",
        }
        composition = _Composition(services, folder, hosts)
        stack.callback(composition.kill)
        yield composition, free.port


def _produced(services: Mapping[str, Any], name: str, output: bytes) -> list[bytes]:
    """Return the events that a producer sent, each once."""
    sent = json.loads(output)
    options = dict(word.removeprefix("--").split("=", 1) for word in services[name]["command"] if word[:2] == "--")
    assert sent["lines"] == sent["messages"]
    number = sent["lines"] - sent["repeats"]
    return list(generate(number, seed=int(options.get("seed", 0)), bad_rate=float(options["bad-rate"])))


def test_the_composition_counts_what_was_produced(services: Mapping[str, Any], tmp_path: Path) -> None:
    """Producers, consumers and the server of the file, started by its commands, come to the totals of what was sent."""
    producers = [name for name in services if name.endswith("producer")]
    consumers = [name for name in services if name.endswith("consumer")]
    assert len(producers) == len(consumers) == 3
    with _composition(services, tmp_path) as (composition, port):
        for name in (*producers, *consumers, "api"):
            composition.start(name)
        ledger = tmp_path / "events.db"
        _until(lambda: ledger.exists() and _are_all_read(ledger, len(producers)))
        outputs = {name: composition.stop(name) for name in producers}
        sent = list(chain.from_iterable(_produced(services, name, output) for name, output in outputs.items()))
        events = sum(not is_blank(line) and isinstance(parse(line.rstrip(b"\n")), Event) for line in sent)
        _until(lambda: _accepted(ledger) == events)
        for name in consumers:
            assert composition.stop(name) == b""
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=10).read()  # loopback
        printed = subprocess.run(
            (sys.executable, "-m", "eventcli", "totals", "--ledger", str(ledger)), capture_output=True, check=False
        )
        assert answer == printed.stdout
        composition.stop("api")
    expected: dict[str, Any] = {}
    for line in sent:
        found = None if is_blank(line) else parse(line.rstrip(b"\n"))
        if isinstance(found, Event):
            count, total = expected.get(found.type, (0, 0))
            expected[found.type] = (count + 1, total + found.value)
    with Database.open_to_read(str(ledger)) as database:
        counted = {name: (stats.count, stats.sum) for name, stats in totals(database).types.items()}
    assert counted == expected


def _accepted(ledger: Path) -> int:
    with Database.open_to_read(str(ledger)) as database:
        return 0 if database.is_new else totals(database).account.accepted


def _are_all_read(ledger: Path, number: int) -> bool:
    """Whether something came from so many queues: their producers are beyond their start."""
    with Database.open_to_read(str(ledger)) as database:
        return sum(stream.account.lines >= 10 for stream in database.streams()) == number


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
