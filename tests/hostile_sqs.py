"""A queue that keeps what SQS promises and nothing more: `python hostile_sqs.py SEED HIDDEN` prints its port.

It delivers a tenth of the messages twice at once, in any order, forgets a twentieth of the deletions although it
confirms them, and every old receipt is as good as none. It waits for messages for a tenth of the time that it is asked
for. It speaks the JSON protocol of SQS as far as `boto3` needs it.
"""

import json
import random
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final

_DOUBLED: Final = 0.1

_FORGOTTEN: Final = 0.05

_WAIT: Final = 0.1


@dataclass
class Held:
    """A message in a queue."""

    name: str
    body: str
    sent: int
    visible_at: float = 0.0
    receipts: list[str] = field(default_factory=list)


class Queues:
    """All queues by name."""

    def __init__(self, seed: int, hidden: float) -> None:
        """Hide a message for so many seconds after it was delivered."""
        self._hidden = hidden
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._queues: dict[str, dict[str, Held]] = {}

    def answer(self, action: str, request: dict[str, Any], host: str) -> dict[str, Any]:
        """Return the answer to a request, after waiting for messages; KeyError if there is no such queue."""
        deadline = time.monotonic() + _WAIT * request.get("WaitTimeSeconds", 0)
        while True:
            found = self._answer(action, request, host)
            if found.get("Messages") != [] or time.monotonic() >= deadline:
                return found
            time.sleep(0.01)

    def _answer(self, action: str, request: dict[str, Any], host: str) -> dict[str, Any]:
        with self._lock:
            if action == "CreateQueue":
                self._queues.setdefault(request["QueueName"], {})
                return {"QueueUrl": f"http://{host}/0/{request['QueueName']}"}
            if action == "GetQueueUrl":
                self._queues[request["QueueName"]]
                return {"QueueUrl": f"http://{host}/0/{request['QueueName']}"}
            name = request["QueueUrl"].rpartition("/")[2]
            found: dict[str, Any] = getattr(self, f"_{action}")(self._queues[name], request)
            if action == "DeleteQueue":
                del self._queues[name]
            return found

    def _DeleteQueue(self, _queue: dict[str, Held], _request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # of SQS
        return {}

    def _SendMessageBatch(self, queue: dict[str, Held], request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # of SQS
        done = []
        for entry in request["Entries"]:
            held = Held(
                str(uuid.UUID(int=self._random.getrandbits(128))), entry["MessageBody"], int(time.time() * 1000)
            )
            queue[held.name] = held
            done.append({"Id": entry["Id"], "MessageId": held.name, "MD5OfMessageBody": _digest(held.body)})
        return {"Successful": done, "Failed": []}

    def _ReceiveMessage(self, queue: dict[str, Held], request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # of SQS
        now = time.monotonic()
        visible = [held for held in queue.values() if held.visible_at <= now]
        chosen = self._random.sample(visible, min(len(visible), request.get("MaxNumberOfMessages", 1)))
        chosen += [held for held in chosen if self._random.random() < _DOUBLED]
        self._random.shuffle(chosen)
        messages = []
        for held in chosen:
            held.visible_at = now + self._hidden
            held.receipts.append(f"{held.name}#{len(held.receipts)}")
            messages.append(
                {
                    "MessageId": held.name,
                    "Body": held.body,
                    "MD5OfBody": _digest(held.body),
                    "ReceiptHandle": held.receipts[-1],
                    "Attributes": {"SentTimestamp": str(held.sent)},
                }
            )
        return {"Messages": messages}

    def _DeleteMessageBatch(self, queue: dict[str, Held], request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # of SQS
        done = []
        for entry in request["Entries"]:
            name = entry["ReceiptHandle"].partition("#")[0]
            held = queue.get(name)
            is_latest = held is not None and held.receipts[-1] == entry["ReceiptHandle"]
            if is_latest and self._random.random() >= _FORGOTTEN:
                del queue[name]
            done.append({"Id": entry["Id"]})
        return {"Successful": done, "Failed": []}

    def _GetQueueAttributes(self, queue: dict[str, Held], _request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # of SQS
        now = time.monotonic()
        visible = sum(held.visible_at <= now for held in queue.values())
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(len(queue) - visible),
                "ApproximateNumberOfMessagesDelayed": "0",
                "MessageRetentionPeriod": "345600",
            }
        }


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    queues: ClassVar[Queues]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        """Say nothing."""

    def do_POST(self) -> None:  # the form of the base class
        """Answer a request."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        try:
            status, answer = 200, self.queues.answer(action, request, self.headers["Host"])
        except KeyError:
            code = "com.amazonaws.sqs#QueueDoesNotExist"
            status, answer = 400, {"__type": code, "message": "The specified queue does not exist."}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    _Handler.queues = Queues(int(sys.argv[1]), float(sys.argv[2]))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()
