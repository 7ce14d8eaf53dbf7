"""The one engine and the one provider of a host, made when the first request needs them."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localstack_memorydb.settings import Settings, SettingsError

if TYPE_CHECKING:
    from localstack_memorydb.engine import Engine
    from localstack_memorydb.provider import Options, Provider
    from localstack_memorydb.provider.persistence import StateDirectory
    from localstack_memorydb.provider.ports import Ports

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 1.0
_METRICS_SECONDS = 60.0

PAGES = "/_memorydb/"
"""Where pages of a host are that are none of its services."""

NO_SUCH_PAGE = "There is no such page. There are GET /_memorydb/ca.pem, POST /_memorydb/ca/rotate and POST /_memorydb/metrics.\n"
_PATIENCE_SECONDS = 3.0
_ACCOUNT = re.compile(r"[\w-]{1,64}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,32}")


class Emulator:
    """MemoryDB behind a host's adapter: `invoke` opens it, `reset` empties it, `close` frees everything.

    Opening is put off to the first request because a host starts many services of which few are used.
    """

    def __init__(self, settings: Settings, ports: Callable[[], Ports]) -> None:
        self.settings = settings
        self._ports = ports
        self._lock = threading.RLock()
        self._opened: tuple[Engine, Provider] | None = None
        self._timers: list[_Timer] = []

    def invoke(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        account: str,
        region: str,
        partition: str = "aws",
        request_id: str = "",
        user_agent: str = "",
    ) -> dict[str, Any]:
        """Answer one API call; raises the provider's Fault, or SettingsError when there is nothing to open."""
        from localstack_memorydb.engine import log_bug
        from localstack_memorydb.provider import Call, Fault
        from localstack_memorydb.provider.faults import InternalFailure

        _require_place(account, region)
        call = Call(
            account=account,
            region=region,
            now=datetime.now(UTC),
            partition=partition,
            request_id=request_id,
            user_agent=user_agent,
        )
        provider = self._open()[1]
        try:
            return provider.invoke(operation, call, params)
        except Fault:
            raise
        except Exception as error:
            log_bug(f"in {operation}", error)
            if self.settings.check_answers:
                _LOG.error("%s: %s", operation, error)
            raise InternalFailure(f"MemoryDB.{operation} failed") from None

    @property
    def ca_certificate(self) -> bytes:
        """The certificate (PEM) that clients trust to reach the clusters of this emulator."""
        return self._open()[0].ca_certificate

    def rotate_ca(self) -> bytes:
        """Replace the authority, and return the certificate that clients trust from now on."""
        engine = self._open()[0]
        engine.rotate_ca()
        return engine.ca_certificate

    @property
    def opened(self) -> bool:
        """Whether engine and provider are there."""
        return self._opened is not None

    def open(self) -> None:
        """Make engine and provider now, so that the first request does not wait for their imports.

        Clusters that the data directory holds run on return. Raises SettingsError when it cannot be used.
        """
        self._open()

    def _open(self) -> tuple[Engine, Provider]:
        with self._lock:
            if self._opened is None:
                self._opened = self._start()
                self._timers = self._start_timers(self._opened[1])
            return self._opened

    def _start_timers(self, provider: Provider) -> list[_Timer]:
        """What the provider does by itself: every second what is due, every minute the metrics."""
        timers = [_Timer("memorydb-timer", _TICK_SECONDS, provider.tick)]
        if self.settings.metrics:
            timers.append(_Timer("memorydb-metrics", _METRICS_SECONDS, _Reporter(provider)))
        return timers

    def publish_metrics(self) -> None:
        """Tell CloudWatch now what clusters have done since the last time; raises MetricsUnavailable."""
        self._open()[1].publish_metrics(datetime.now(UTC).replace(microsecond=0))

    def _start(self) -> tuple[Engine, Provider]:
        from localstack_memorydb.engine import AuthorityError, Engine, EngineSettings
        from localstack_memorydb.provider import Provider, StateError

        chosen = self.settings
        directory = None
        if chosen.data_dir is not None:
            directory = _state_directory(chosen.data_dir)
        engine = None
        try:
            engine = Engine(
                EngineSettings(
                    bind=chosen.node_addresses,
                    host=chosen.bind,
                    announce_host=chosen.announce_host,
                    port_range=chosen.port_range,
                    data_dir=chosen.data_dir,
                    fsync=chosen.fsync,
                    memory=chosen.memory,
                    client_memory=chosen.client_memory,
                )
            )
            engine.start()
            now = datetime.now(UTC)
            provider = Provider(engine, self._ports(), _options(chosen, now), directory)
            provider.load(now)
        except BaseException as error:
            if engine is not None:
                engine.stop()
            if directory is not None:
                directory.close()
            if isinstance(error, StateError | AuthorityError):
                raise SettingsError(str(error)) from error
            raise
        return engine, provider

    def reset(self) -> None:
        """Close every cluster and forget every resource; the emulator stays usable."""
        with self._lock:
            if self._opened is not None:
                self._opened[1].reset()

    def close(self) -> None:
        """Stop provider and engine and free every port. The next request opens new ones."""
        with self._lock:
            opened, self._opened = self._opened, None
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.stop()
        if opened is not None:
            engine, provider = opened
            try:
                provider.close(datetime.now(UTC))
            finally:
                engine.stop()


def _require_place(account: str, region: str) -> None:
    """Both stand in a request as its sender likes. Where there is no such Region, AWS says that nobody can have signed for it."""
    from localstack_memorydb.provider.faults import InvalidSignatureException

    if _ACCOUNT.fullmatch(account) is None or _REGION.fullmatch(region) is None:
        raise InvalidSignatureException("Credential should be scoped to a valid region.")


def _options(chosen: Settings, now: datetime) -> Options:
    """What the settings say to the provider. Service updates have come out today."""
    from localstack_memorydb.provider import Options, ServiceUpdate

    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Options(
        transition_delay=chosen.transition_delay,
        strict_bucket_policy=chosen.strict_bucket_policy,
        strict_paging=chosen.strict_paging,
        check_answers=chosen.check_answers,
        node_memory=chosen.node_memory,
        service_updates=tuple(ServiceUpdate(name, today) for name in chosen.service_updates),
    )


class _Timer:
    """Calls somebody with the time, on a thread of its own, whenever the clock shows a multiple of so many seconds."""

    def __init__(self, name: str, seconds: float, call: Callable[[datetime], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds - time.time() % self._seconds):
            try:
                self._call(datetime.now(UTC))
            except Exception:
                _LOG.exception("%s failed", self._thread.name)

    def stop(self) -> None:
        """Return when no call runs any more, or when one takes too long."""
        self._stopped.set()
        self._thread.join(_PATIENCE_SECONDS)


class _Reporter:
    """Publishes a provider's metrics; says once, and not every minute, when there is no CloudWatch to take them."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._complained = False

    def __call__(self, now: datetime) -> None:
        from localstack_memorydb.provider import MetricsUnavailable

        try:
            self._provider.publish_metrics(now.replace(microsecond=0))
        except MetricsUnavailable as error:
            if not self._complained:
                _LOG.warning("clusters have no metrics: %s", error)
            self._complained = True
        else:
            self._complained = False


def _state_directory(path: Path) -> StateDirectory:
    from localstack_memorydb.provider import StateError
    from localstack_memorydb.provider.persistence import StateDirectory

    try:
        return StateDirectory(path)
    except StateError as error:
        raise SettingsError(str(error)) from error
