"""The one engine and the one provider of a host, made when the first request needs them."""

from __future__ import annotations

import logging
import threading
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


class Emulator:
    """MemoryDB behind a host's adapter: `invoke` opens it, `reset` empties it, `close` frees everything.

    Opening is put off to the first request because a host starts many services of which few are used.
    """

    def __init__(self, settings: Settings, ports: Callable[[], Ports]) -> None:
        self.settings = settings
        self._ports = ports
        self._lock = threading.RLock()
        self._opened: tuple[Engine, Provider] | None = None
        self._timer: _Timer | None = None

    def invoke(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        account: str,
        region: str,
        partition: str = "aws",
        request_id: str = "",
    ) -> dict[str, Any]:
        """Answer one API call; raises the provider's Fault."""
        from localstack_memorydb.provider import Call

        call = Call(
            account=account, region=region, now=datetime.now(UTC), partition=partition, request_id=request_id
        )
        return self._open()[1].invoke(operation, call, params)

    @property
    def ca_certificate(self) -> bytes:
        """The certificate (PEM) that clients trust to reach the clusters of this emulator."""
        return self._open()[0].ca_certificate

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
                self._timer = _Timer(self._opened[1])
            return self._opened

    def _start(self) -> tuple[Engine, Provider]:
        from localstack_memorydb.engine import Engine, EngineSettings
        from localstack_memorydb.provider import Provider, StateError

        chosen = self.settings
        directory = None
        if chosen.data_dir is not None:
            directory = _state_directory(chosen.data_dir)
        engine = Engine(
            EngineSettings(
                bind=chosen.node_addresses,
                host=chosen.bind,
                announce_host=chosen.announce_host,
                port_range=chosen.port_range,
                data_dir=chosen.data_dir,
                fsync=chosen.fsync,
            )
        )
        engine.start()
        try:
            now = datetime.now(UTC)
            provider = Provider(engine, self._ports(), _options(chosen, now), directory)
            provider.load(now)
        except BaseException as error:
            engine.stop()
            if directory is not None:
                directory.close()
            if isinstance(error, StateError):
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
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
        if opened is not None:
            engine, provider = opened
            try:
                provider.close(datetime.now(UTC))
            finally:
                engine.stop()


def _options(chosen: Settings, now: datetime) -> Options:
    """What the settings say to the provider. Service updates have come out today."""
    from localstack_memorydb.provider import Options, ServiceUpdate

    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Options(
        transition_delay=chosen.transition_delay,
        strict_bucket_policy=chosen.strict_bucket_policy,
        strict_paging=chosen.strict_paging,
        check_answers=chosen.check_answers,
        service_updates=tuple(ServiceUpdate(name, today) for name in chosen.service_updates),
    )


class _Timer:
    """Tells a provider that time passes, once a second, on a thread of its own."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memorydb-timer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(_TICK_SECONDS):
            try:
                self._provider.tick(datetime.now(UTC))
            except Exception:
                _LOG.exception("MemoryDB's timer failed")

    def stop(self) -> None:
        """Return when no tick runs any more."""
        self._stopped.set()
        self._thread.join()


def _state_directory(path: Path) -> StateDirectory:
    from localstack_memorydb.provider import StateError
    from localstack_memorydb.provider.persistence import StateDirectory

    try:
        return StateDirectory(path)
    except StateError as error:
        raise SettingsError(str(error)) from error
