"""Event source mappings on moto: what reads a table's stream or a queue, and gives batches of it to a function.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html. moto itself calls a function in the middle
of the request that writes, with whatever is there, once.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.dynamodb.models import dynamodb_backends
from moto.events.exceptions import InvalidEventPatternException
from moto.events.models import EventPattern
from moto.sqs.models import sqs_backends

from localstack_memorydb.integrations.moto import destinations, invocations
from localstack_memorydb.integrations.moto.wrapping import wrap

_LOG = logging.getLogger(__name__)
_LONGEST_DELAY: Final = 60.0
_POLL_SECONDS: Final = 1

# The clients of an account and Region, by service.
Clients = Callable[[str, str], Callable[[str], Any]]


class Mappings:
    """The readers of all mappings, each in a thread of its own from the mapping's first day to its last.

    Of several in one process, hosts that were started one after the other, the last one reads: moto's state is theirs all.
    """

    _last: ClassVar[Mappings | None] = None

    def __init__(self, clients: Clients, retry_delay: float) -> None:
        self._clients = clients
        self._retry_delay = retry_delay
        self._lock = threading.Lock()
        self._readers: dict[str, Reader] = {}

    def take_over(self) -> None:
        """Read for moto's mappings from now on, until `close` or until others take over."""
        Mappings._last = self
        wrap(models.LambdaBackend, "create_event_source_mapping", self._created)
        wrap(models.LambdaBackend, "update_event_source_mapping", self._then_look)
        wrap(models.LambdaBackend, "delete_event_source_mapping", self._deleted)
        wrap(models.LambdaBackend, "send_dynamodb_items", self._written)

    def _created(self, original: Callable[..., Any], backend: Any, spec: dict[str, Any]) -> Any:
        _require_patterns(spec)
        mapping = original(backend, spec)
        _keep_alias(mapping, backend, spec)
        service = mapping.event_source_arn.split(":")[2]
        if service in _READERS and Mappings._last is self:
            reader = _READERS[service](
                mapping, backend, self._clients(backend.account_id, backend.region_name), self._retry_delay
            )
            with self._lock:
                self._readers[mapping.uuid] = reader
            reader.start()
        return mapping

    def _then_look(self, original: Callable[..., Any], backend: Any, uuid: str, spec: dict[str, Any]) -> Any:
        _require_patterns(spec)
        mapping = original(backend, uuid, spec)
        if mapping is not None:
            _keep_alias(mapping, backend, spec)
        if reader := self._readers.get(uuid):
            reader.look()
        return mapping

    def _deleted(self, original: Callable[..., Any], backend: Any, uuid: str) -> Any:
        with self._lock:
            reader = self._readers.pop(uuid, None)
        if reader is not None:
            reader.close()
        return original(backend, uuid)

    def _written(
        self, original: Callable[..., Any], backend: Any, arn: str, records: Any, source: str
    ) -> str:
        """A stream has a new record. (moto would drop those that are there for an answer that is not empty.)"""
        for mapping in backend.list_event_source_mappings(source, ""):
            if reader := self._readers.get(mapping.uuid):
                reader.look()
        return ""

    def forget(self, backend: Any) -> None:
        """End the readers of a backend that is reset."""
        with self._lock:
            gone = [
                self._readers.pop(uuid)
                for uuid in list(backend._event_source_mappings)
                if uuid in self._readers
            ]
        for reader in gone:
            reader.close()

    def close(self) -> None:
        """End all readers. A batch that a function works on is left to it."""
        if Mappings._last is self:
            Mappings._last = None
        with self._lock:
            readers, self._readers = list(self._readers.values()), {}
        for reader in readers:
            reader.close()


def _require_patterns(spec: Mapping[str, Any]) -> None:
    try:
        _patterns(spec.get("FilterCriteria"))
    except InvalidEventPatternException:
        raise InvalidParameterValueException("Invalid filter pattern definition.") from None


def _keep_alias(mapping: Any, backend: Any, spec: Mapping[str, Any]) -> None:
    """A mapping to an alias calls what the alias names then; moto has it call for ever what it names now."""
    if alias := invocations.alias_of(backend, spec.get("FunctionName", "")):
        mapping.function_arn = alias.arn


def _patterns(criteria: Mapping[str, Any] | None) -> list[EventPattern]:
    return [EventPattern.load(row.get("Pattern")) for row in (criteria or {}).get("Filters", ())]


class Failed(Exception):
    """A batch that the function did not take; `answer` says how, for the destination."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__("the function failed")
        self.answer = answer


class Reader(ABC, threading.Thread):
    """Reads for one mapping; what the user changes of it counts for the next batch."""

    def __init__(self, mapping: Any, backend: Any, client: Callable[[str], Any], retry_delay: float) -> None:
        super().__init__(name=f"lambda-mapping-{mapping.uuid}", daemon=True)
        self._mapping, self._backend, self._client, self._retry_delay = mapping, backend, client, retry_delay
        self._changed = threading.Condition()
        self._closed = False

    def run(self) -> None:
        while not self._closed:
            try:
                self._step()
            except Exception:  # a mapping outlives what it stumbles over
                _LOG.exception("The mapping %s failed", self._mapping.uuid)
                self._pause(_POLL_SECONDS)

    @abstractmethod
    def _step(self) -> None:
        """Wait for a batch and give it to the function."""

    def look(self) -> None:
        """There may be something new."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Read no more."""
        self._closed = True
        self.look()

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _wanted(self, records: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        """Those that a filter of the mapping lets through."""
        patterns = _patterns(self._mapping.filter_criteria)
        return [
            row
            for row in records
            if not patterns or any(each.matches_event(_readable(row, key)) for each in patterns)
        ]

    def _invoke(self, records: Sequence[dict[str, Any]]) -> list[str]:
        """Give a batch to the function: what it reports as not done, of those that may report it. Raises Failed."""
        answered: dict[str, str] = {}
        event = json.dumps({"Records": records})
        payload = self._backend.invoke(self._mapping.function_arn, None, event, {}, answered)
        if "x-amz-function-error" in answered:
            raise Failed(
                {
                    "statusCode": 200,
                    "executedVersion": answered["x-amz-executed-version"],
                    "functionError": "Unhandled",
                }
            )
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or ()):
            return []
        return _reported(payload)


def _readable(record: dict[str, Any], key: str) -> dict[str, Any]:
    """A record as patterns see it: the body of a message is JSON if it can be."""
    if key not in record:
        return record
    try:
        return {**record, key: json.loads(record[key])}
    except ValueError:
        return record


def _reported(payload: str | bytes) -> list[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html"""
    answer = json.loads(payload or b"null")
    failures = (answer.get("batchItemFailures") if isinstance(answer, dict) else None) or []
    return [str(row["itemIdentifier"]) for row in failures]


class StreamReader(Reader):
    """Reads the stream of a table: in order, and again what the function does not take, until it is given up."""

    def __init__(self, mapping: Any, backend: Any, client: Callable[[str], Any], retry_delay: float) -> None:
        super().__init__(mapping, backend, client, retry_delay)
        tables = dynamodb_backends[backend.account_id][backend.region_name]
        self._shard = tables.get_table(mapping.event_source_arn.split("/")[1]).stream_shard
        self._position = len(self._shard.items) if mapping.starting_position == "LATEST" else 0

    def _waiting(self) -> int:
        return len(self._shard.items) - self._position if self._mapping.enabled else 0

    def _step(self) -> None:
        mapping = self._mapping
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting())
            window = mapping.max_batch_window or 0
            self._changed.wait_for(lambda: self._closed or self._waiting() >= mapping.batch_size, window)
            found = (
                self._shard.items[self._position : self._position + mapping.batch_size]
                if self._waiting()
                else []
            )
        if not self._closed and found:
            self._deliver(self._wanted([self._described(record) for record in found], ""))
            self._position += len(found)

    def _described(self, record: Any) -> dict[str, Any]:
        said = record.to_json()
        change = dict(said["dynamodb"])
        moment = change["ApproximateCreationDateTime"]
        if isinstance(moment, datetime):
            change["ApproximateCreationDateTime"] = int(moment.replace(tzinfo=UTC).timestamp())
        region = self._backend.region_name
        return {
            **said,
            "awsRegion": region,
            "dynamodb": change,
            "eventSourceARN": self._mapping.event_source_arn,
        }

    def _deliver(self, records: list[dict[str, Any]]) -> None:
        """Until the function has taken all of them, or they are given up."""
        attempts = 0
        while records and not self._closed:
            attempts += 1
            try:
                done = self._taken(records, self._invoke(records))
                failed = Failed({"statusCode": 200, "executedVersion": "$LATEST"})
            except (Failed, LambdaClientError) as error:
                done, failed = 0, error if isinstance(error, Failed) else Failed({"statusCode": error.code})
            records = records[done:]
            if not records:
                return
            if self._mapping.bisect_on_error and not done and len(records) > 1:
                half = len(records) // 2
                self._deliver(records[:half])
                records, attempts = records[half:], 0
            elif condition := self._reason_to_give_up(records, attempts):
                self._give_up(records, condition, attempts, failed)
                return
            else:
                self._pause(min(self._retry_delay * 2 ** (attempts - 1), _LONGEST_DELAY))

    @staticmethod
    def _taken(records: Sequence[dict[str, Any]], failures: Sequence[str]) -> int:
        """How many, from the first on, are done: those before the lowest that the function has reported."""
        numbers = [row["dynamodb"]["SequenceNumber"] for row in records]
        return min(
            (numbers.index(failure) if failure in numbers else 0 for failure in failures),
            default=len(records),
        )

    def _reason_to_give_up(self, records: Sequence[dict[str, Any]], attempts: int) -> str:
        most, oldest = self._mapping.max_retry_attempts, self._mapping.max_record_age
        if most is not None and 0 <= int(most) < attempts:
            return "RetryAttemptsExhausted"
        age = time.time() - records[0]["dynamodb"]["ApproximateCreationDateTime"]
        return "RecordAgeExceeded" if oldest is not None and 0 <= int(oldest) < age else ""

    def _give_up(
        self, records: Sequence[dict[str, Any]], condition: str, attempts: int, failed: Failed
    ) -> None:
        configured = (self._mapping.destination_config or {}).get("OnFailure", {}).get("Destination")
        if not configured:
            return
        first, last = (records[place]["dynamodb"] for place in (0, -1))
        said = destinations.envelope(self._mapping.function_arn, condition, attempts, failed.answer)
        said["DDBStreamBatchInfo"] = {
            "shardId": self._shard.id,
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _moment(first),
            "approximateArrivalOfLastRecord": _moment(last),
            "batchSize": len(records),
            "streamArn": self._mapping.event_source_arn,
        }
        destinations.send(configured, said, self._client)


def _moment(change: Mapping[str, Any]) -> str:
    return (
        datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC).isoformat().replace("+00:00", "Z")
    )


class QueueReader(Reader):
    """Receives from a queue; what the function does not take is left there, to be received again."""

    def __init__(self, mapping: Any, backend: Any, client: Callable[[str], Any], retry_delay: float) -> None:
        super().__init__(mapping, backend, client, retry_delay)
        self._queues = sqs_backends[backend.account_id][backend.region_name]
        self._queue = mapping.event_source_arn.rsplit(":", 1)[-1]
        of_moto = self._queues.queues[self._queue].lambda_event_source_mappings
        for name in [name for name, each in of_moto.items() if each is mapping]:
            del of_moto[name]

    def _step(self) -> None:
        queue = self._queues.queues.get(self._queue)
        if (
            queue is None
            or not self._mapping.enabled
            or self._backend.get_function_by_arn(self._mapping.function_arn) is None
        ):
            self._pause(_POLL_SECONDS)
            return
        messages = self._receive(queue, _POLL_SECONDS, [])
        until = time.monotonic() + (self._mapping.max_batch_window or 0)
        while (
            messages and len(messages) < self._mapping.batch_size and (left := until - time.monotonic()) > 0
        ):
            messages = self._receive(queue, min(left, _POLL_SECONDS), messages)
        if messages and not self._closed:
            self._deliver(messages)

    def _receive(self, queue: Any, seconds: float, messages: list[Any]) -> list[Any]:
        size = self._mapping.batch_size - len(messages)
        more = self._queues.receive_message(self._queue, size, seconds, queue.visibility_timeout, ["All"])
        return [*messages, *more]

    def _deliver(self, messages: Sequence[Any]) -> None:
        records = [self._described(message) for message in messages]
        wanted = self._wanted(records, "body")
        try:
            failures = set(self._invoke(wanted)) if wanted else set()
        except (Failed, LambdaClientError) as error:
            _LOG.debug("The mapping %s left messages in their queue: %s", self._mapping.uuid, error)
            failures = {row["messageId"] for row in wanted}
        for record in records:
            if record["messageId"] not in failures:
                self._queues.delete_message(self._queue, record["receiptHandle"])

    def _described(self, message: Any) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
        attributes = {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        }
        of_fifo = {
            "SequenceNumber": message.sequence_number,
            "MessageGroupId": message.group_id,
            "MessageDeduplicationId": message.deduplication_id,
        }
        return {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {
                **attributes,
                **{name: str(value) for name, value in of_fifo.items() if value is not None},
            },
            "messageAttributes": {
                name: _attribute(value) for name, value in message.message_attributes.items()
            },
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.event_source_arn,
            "awsRegion": self._backend.region_name,
        }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    return lists | {name[0].lower() + name[1:]: value[name] for name in value if value[name] is not None}


_READERS: Final[dict[str, type[Reader]]] = {"dynamodb": StreamReader, "sqs": QueueReader}
