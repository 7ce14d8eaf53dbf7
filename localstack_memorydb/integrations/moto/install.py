"""Put MemoryDB in the place of moto's own, for mock_aws and for servers started in this process."""

from __future__ import annotations

import atexit
import os
import threading
from functools import cache
from typing import Any

from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.moto import cloudformation
from localstack_memorydb.integrations.moto.ports import ports
from localstack_memorydb.integrations.moto.service import Service, states_of
from localstack_memorydb.settings import Settings

_installed: Emulator | None = None


def install(settings: Settings | None = None, *, lambda_: bool = False) -> Emulator:
    """Answer moto's MemoryDB requests with real clusters from now on, and return what does so.

    With `lambda_`, Lambda functions run, too: as processes of this machine. They reach the mocked services through
    a port that is opened for the first of them.

    Safe to call again: the first call counts. Clusters start when they are created and close when mock_aws
    ends or moto is reset. Settings come from the environment unless given.
    """
    global _installed  # noqa: PLW0603 - moto's table of URLs, which this changes, is as global
    if _installed is None:
        emulator = Emulator(settings or Settings.from_environ(os.environ), ports)
        _take_over(emulator)
        cloudformation.register(emulator)
        atexit.register(emulator.close)
        _installed = emulator
    if lambda_:
        _run_functions(_installed)
    return _installed


def _take_over(emulator: Emulator) -> None:
    """One seam serves mock_aws and moto's server: both read the table of URLs of moto.memorydb."""
    from moto.memorydb import models, urls

    models.memorydb_backends.backend = states_of(emulator).backend
    service = Service(emulator, models.memorydb_backends)

    def memorydb(request: Any, full_url: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        answer = service.answer(request.path, request.headers, request.get_data())
        return answer.status, answer.headers, answer.body

    urls.url_paths.clear()
    urls.url_paths["{0}/$"] = memorydb
    urls.url_paths["{0}/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)$"] = memorydb


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
