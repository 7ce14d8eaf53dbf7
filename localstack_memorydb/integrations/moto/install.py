"""Put MemoryDB in the place of moto's own, for mock_aws and for servers started in this process."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.moto import cloudformation
from localstack_memorydb.integrations.moto.ports import ports
from localstack_memorydb.integrations.moto.service import Service, states_of
from localstack_memorydb.settings import Settings


class _Seam:
    """Where moto's MemoryDB is taken out and ours put in: as global as moto's table of URLs, which this changes."""

    def __init__(self) -> None:
        self.emulator: Emulator | None = None
        self._give_back: Callable[[], None] | None = None

    def take(self, settings: Settings | None) -> Emulator:
        """Answer from now on; the emulator of the first call serves all later ones."""
        if self.emulator is None:
            self.emulator = Emulator(settings or Settings.from_environ(os.environ), ports)
            cloudformation.register(self.emulator)
            atexit.register(self.emulator.close)
        if self._give_back is None:
            self._give_back = _take_over(self.emulator)
        return self.emulator

    def give_back(self) -> None:
        """Close the clusters and let moto's own MemoryDB answer again."""
        if self.emulator is not None:
            self.emulator.reset()
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


_seam = _Seam()
_forever = False
_blocks = 0


def install(settings: Settings | None = None, *, lambda_: bool = False) -> Emulator:
    """Answer moto's MemoryDB requests with real clusters from now on, and return what does so.

    With `lambda_`, Lambda functions run, too: as processes of this machine. They reach the mocked services through
    a port that is opened for the first of them.

    Safe to call again: the first call counts. Clusters start when they are created and close when mock_aws
    ends or moto is reset. Settings come from the environment unless given.
    """
    global _forever  # noqa: PLW0603
    installed = _seam.take(settings)
    _forever = True
    if lambda_:
        _run_functions(installed)
    return installed


def begin(settings: Settings | None, *, lambda_: bool) -> Emulator:
    """`install` for a block, which `end` ends."""
    global _blocks  # noqa: PLW0603
    installed = _seam.take(settings)
    _blocks += 1
    if lambda_:
        _run_functions(installed)
    return installed


def end(*, remove_data: bool) -> None:
    """With the outermost block moto's own MemoryDB answers again, unless ours is installed for good.

    Not so without `remove_data`: moto ends a setUp like that, whose clusters are for the test.
    """
    global _blocks  # noqa: PLW0603
    _blocks -= 1
    if remove_data and not _blocks and not _forever:
        _seam.give_back()


def emulator() -> Emulator:
    """What answers in this process: `emulator().ca_certificate` is what clients of its clusters trust."""
    if _seam.emulator is None:
        raise RuntimeError("MemoryDB is not mocked in this process: use mock_memorydb, or call install()")
    return _seam.emulator


def _take_over(emulator: Emulator) -> Callable[[], None]:
    """One seam serves mock_aws and moto's server: both read the table of URLs of moto.memorydb. Returns the way back."""
    from moto.memorydb import models, urls

    before = models.memorydb_backends.backend, dict(urls.url_paths)
    service = Service(emulator, models.memorydb_backends)

    def memorydb(request: Any, full_url: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        answer = service.answer(request.path, request.headers, request.get_data())
        return answer.status, answer.headers, answer.body

    def answer_with(backend: Any, paths: Mapping[str, Any]) -> None:
        models.memorydb_backends.clear()  # what there is of an account was made by the other one
        models.memorydb_backends.backend = backend
        urls.url_paths.clear()
        urls.url_paths.update(paths)

    ours = {"{0}/$": memorydb, "{0}/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)$": memorydb}
    answer_with(states_of(emulator).backend, ours)
    return lambda: answer_with(*before)


@cache
def _run_functions(emulator: Emulator) -> None:
    """moto's Lambda functions, and a server for what they call: a function is another process, where no mock is."""
    from localstack_memorydb.integrations.moto.lambda_ import functions

    @cache
    def endpoint() -> str:
        from localstack_memorydb.integrations.moto.http import HttpServer, listen
        from localstack_memorydb.integrations.moto.server import StandaloneApp

        imported = threading.Event()
        imported.set()
        listener = listen("127.0.0.1", 0)
        server = HttpServer(listener, StandaloneApp(emulator, imported))
        server.start()
        atexit.register(listener.close)
        atexit.register(server.stop)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    running = functions(emulator, endpoint)
    running.take_over()
    atexit.register(running.close)
