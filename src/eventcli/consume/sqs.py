"""A queue of SQS: a message is delivered again until it is deleted, and now and then although it was.

So the ledger holds the MessageId of each message that counts, under the day on which it was sent. SQS deletes a message
when the retention of its queue has passed since then, whatever happens to it: from then on, nobody needs its id.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import boto3
import botocore.session
from botocore import exceptions
from botocore.config import Config
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from eventcli.consume.addresses import Address, AddressError, shown
from eventcli.consume.broker import (
    DAY,
    MOST_BYTES,
    AbsentError,
    Broker,
    BrokerError,
    Delivery,
    Loss,
    Message,
    UnreachableError,
    size_of,
)
from eventcli.consume.sqs_calls import CONNECT, READ, Boto, Calls, Keys

_AT_ONCE: Final = 10
"""Messages that SQS delivers or deletes at a time."""

_LEAST: Final = 1
"""Seconds for which SQS is asked to wait at least: with none, it looks for messages on some of its servers only."""

_THREADS: Final = 8
"""Requests at the same time: one alone gets 700 messages a second on loopback, 8 get 3,000."""

_SLACK: Final = 1
"""Days after which a message that should have expired has certainly done so."""

_EVERY: Final = 600.0
"""Seconds after which the retention of the queue is asked for again."""

_LONGEST: Final = 14 * 86_400
"""Seconds of the longest retention that a queue can have."""

_GONE: Final = "gone"

_HERE: Final = "here"
"""The positions of a queue: all that a ledger holds of it besides keys."""

_ABSENT: Final = (
    "AWS.SimpleQueueService.NonExistentQueue",
    "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDoesNotExist",
)

_MOMENTARY: Final = ("Internal", "OverLimit", "RequestThrottled", "ServiceUnavailable", "Throttl")

_NUMBERS: Final = tuple(f"ApproximateNumberOfMessages{where}" for where in ("", "NotVisible", "Delayed"))


def broker(address: Address, *, from_end: bool) -> Broker:
    """Return the broker of sqs://NAME, or of the URL of a queue."""
    if from_end:
        raise AddressError("--from end: a queue of SQS has no end that could be found: purge it instead")
    return queue_of(address)


def queue_of(address: Address, *more: str) -> "Queue":
    """Return a queue by its address, which may have more parameters."""
    if address.scheme == "sqs":
        parameters = address.only("region", "endpoint", *more)
        if not address.named or address.path.strip("/"):
            raise AddressError("a queue in SQS is sqs://NAME or its URL")
        return Queue(address.named, None, parameters.get("endpoint"), parameters.get("region"))
    parameters = address.only("region", *more)
    place = address.host if address.port is None else f"{address.host}:{address.port}"
    endpoint = f"{address.scheme}://{place}"
    parts = address.host.split(".")
    region = parts[1] if address.host.startswith("sqs.") and len(parts) > 2 else None  # noqa: PLR2004  # sqs.REGION.…
    return Queue(None, f"{endpoint}{address.path}", endpoint, parameters.get("region", region))


class Queue:
    """A queue of SQS."""

    def __init__(self, queue: str | None, url: str | None, endpoint: str | None, region: str | None) -> None:
        """Take the name of a queue or its URL."""
        self._queue = queue
        self.url = url
        self._options = {"endpoint_url": endpoint, "region_name": region}
        self._client: Any = None
        self._calls: Calls | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._retention = _Retention()
        self._position = ""
        self.name = url or shown("sqs", str(queue), region=region)

    def begin(self, position: str) -> None:
        """Go on with what the ledger holds: keys are all that matters."""
        self._position = position

    def receive(self, most: int, seconds: float) -> Delivery | None:
        """Return messages that nobody else is working on."""
        try:
            client = self.connect()
            messages = self._receive(most, seconds)
            if not messages and self._position == _HERE:
                return None
            forgettable = self._retention.first_day(messages, lambda: self._seconds(client))
        except AbsentError:
            if self._position == "":
                raise
            if self._position == _GONE:
                time.sleep(seconds)
                return None
            self._position = _GONE
            return Delivery((), None, _GONE, [Loss("the queue is no longer there: what it held may be lost")])
        self._position = _HERE
        return Delivery(messages, None, _HERE, forgettable=forgettable, size=size_of(messages))

    def connect(self) -> Any:
        """Return a client that knows the URL of the queue."""
        with _errors():
            if self._client is None:
                config = Config(
                    connect_timeout=CONNECT,
                    read_timeout=READ,
                    retries={"max_attempts": 1, "mode": "standard"},
                    max_pool_connections=2 * _THREADS + 2,
                    # Either is made again for each of the requests, and takes a tenth of the time of a message.
                    user_agent="eventstats",
                    parameter_validation=False,
                )
                core = botocore.session.get_session()
                session = boto3.session.Session(botocore_session=core)
                options = dict(self._options)
                options["region_name"] = options["region_name"] or session.region_name or "us-east-1"
                self._client = session.client("sqs", config=config, **options)
                self._calls = calls_of(self._client, core)
                self._threads = ThreadPoolExecutor(_THREADS, "sqs")
            if self.url is None:
                self.url = self._client.get_queue_url(QueueName=self._queue)["QueueUrl"]
        return self._client

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        assert self._calls is not None, "connected before"
        return self._calls.call(operation, **parameters)

    def create(self) -> None:
        """Make the queue."""
        with _errors():
            self._client.create_queue(QueueName=self._queue)

    def _receive(self, most: int, seconds: float) -> list[Message]:
        """Ask once and wait; if that brings as many messages as there can be, ask many times at once."""
        messages = self._ask(max(_LEAST, round(seconds)))
        got, size = len(messages), size_of(messages)
        while got == _AT_ONCE and len(messages) < most and size < MOST_BYTES and self._threads is not None:
            rounds = min(_THREADS, -(-(most - len(messages)) // _AT_ONCE))
            answers = list(self._threads.map(lambda _: self._ask(0), range(rounds)))
            got = max(map(len, answers))
            for answer in answers:
                messages += answer
                size += size_of(answer)
        return messages

    def _ask(self, seconds: int) -> list[Message]:
        with _errors():
            answer = self._call(
                "ReceiveMessage",
                QueueUrl=self.url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=seconds,
                AttributeNames=["SentTimestamp"],
            )
        return list(map(_message, answer.get("Messages", ())))

    def _attribute(self, client: Any, name: str) -> int:
        with _errors():
            answer = client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def _seconds(self, client: Any) -> int:
        """Return for how long the queue keeps a message; as long as any queue does, if nobody may ask for it."""
        try:
            return self._attribute(client, "MessageRetentionPeriod")
        except BrokerError:
            return _LONGEST

    def later(self, position: str, other: str) -> str:
        """Return the other one: a queue is there or not."""
        return other or position

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Delete messages, each by its latest receipt: an older one deletes nothing, and says nothing about that."""
        latest = {str(message.key): message.receipt for delivery in deliveries for message in delivery.messages}
        receipts = list(latest.values())
        parts = [receipts[start : start + _AT_ONCE] for start in range(0, len(receipts), _AT_ONCE)]
        if parts and self._threads is not None:
            list(self._threads.map(self._delete, parts))

    def _delete(self, receipts: Sequence[str]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
        with _errors():
            # What could not be deleted is delivered again, and does not count again.
            self._call("DeleteMessageBatch", QueueUrl=self.url, Entries=entries)

    def is_empty(self) -> bool:
        """Whether no message is waiting, in flight or delayed."""
        try:
            client = self.connect()
            with _errors():
                answer = client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(_NUMBERS))
        except AbsentError:
            return True
        return not any(int(answer["Attributes"].get(name, 0)) for name in _NUMBERS)

    def close(self) -> None:
        """Close all connections, and end the threads."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        if self._calls is not None:
            self._calls.close()
        if self._client is not None:
            self._client.close()


def calls_of(client: Any, core: Any) -> Calls:
    """Return what makes the calls of a client of boto3, which came from a session of botocore."""

    def keys() -> Keys | None:
        credentials = core.get_credentials()
        if credentials is None:
            return None
        # Credentials that expire are renewed by this.
        frozen = credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    methods = {"ReceiveMessage": client.receive_message, "DeleteMessageBatch": client.delete_message_batch}
    certificates = get_cert_path(core.get_config_variable("ca_bundle") or True)
    calls = Calls(Boto(methods, keys, certificates, lambda url: not get_environ_proxies(url)))
    client.meta.events.register("before-send.sqs", calls.learn)
    return calls


class Sending:
    """Sends to a queue."""

    def __init__(self, queue: Queue, *, creates: bool) -> None:
        """Take a queue, which need not be connected yet; with `creates`, make it if it does not exist."""
        self._queue = queue
        self._creates = creates

    def send(self, bodies: Sequence[bytes]) -> None:
        """Send messages, ten at a time; UnreachableError if SQS did not take some of them."""
        try:
            client = self._queue.connect()
        except AbsentError:
            if not self._creates:
                raise
            self._queue.create()
            client = self._queue.connect()
        for start in range(0, len(bodies), _AT_ONCE):
            some = bodies[start : start + _AT_ONCE]
            # SQS takes no empty body.
            texts = [body.decode("utf-8", "replace") or " " for body in some]
            entries = [{"Id": str(number), "MessageBody": text} for number, text in enumerate(texts)]
            with _errors():
                answer = client.send_message_batch(QueueUrl=self._queue.url, Entries=entries)
            if failed := answer.get("Failed"):
                raise UnreachableError(str(failed[0].get("Message") or failed[0].get("Code")))

    def close(self) -> None:
        """Close all connections."""
        self._queue.close()


class _Retention:
    """For how long a queue keeps messages, and what day it is there: the clock of this machine may jump."""

    def __init__(self) -> None:
        self._days = 0
        self._asked_at: float | None = None
        self._latest = 0

    def first_day(self, messages: Sequence[Message], seconds: Callable[[], int]) -> int | None:
        """Return the first day of which a message may still be delivered; `seconds` asks for the retention."""
        self._latest = max((self._latest, *(message.day for message in messages)))
        if self._asked_at is None or time.monotonic() - self._asked_at >= _EVERY:
            self._days = -(-seconds() * 1000 // DAY)
            self._asked_at = time.monotonic()
        # A message of the latest day may have been sent when that began, and one that expires is gone a little later.
        return self._latest - self._days - _SLACK if self._latest else None


def _message(one: dict[str, Any]) -> Message:
    sent = int(one.get("Attributes", {}).get("SentTimestamp", 0))
    return Message(one["Body"].encode("utf-8", "surrogatepass"), sent // DAY, one["MessageId"], one["ReceiptHandle"])


@contextmanager
def _errors() -> Iterator[None]:
    """Translate the errors of the client."""
    try:
        yield
    except exceptions.ClientError as error:
        about = error.response.get("Error", {})
        code, message = str(about.get("Code", "")), str(about.get("Message") or error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _ABSENT:
            raise AbsentError("there is no such queue") from error
        if code.startswith(_MOMENTARY) or status >= 500:  # noqa: PLR2004  # a failure of the server
            raise UnreachableError(message) from error
        raise BrokerError(message) from error
    except (exceptions.HTTPClientError, exceptions.EndpointConnectionError) as error:
        raise UnreachableError(str(error)) from error
    except (exceptions.BotoCoreError, ValueError) as error:
        raise BrokerError(str(error)) from error
