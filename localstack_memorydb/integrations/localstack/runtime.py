"""LocalStack in host mode, in this process, as `localstack-memorydb start --host localstack` runs it.

Three things differ from `python -m localstack.runtime.main`: it listens on loopback unless GATEWAY_LISTEN says otherwise,
the files it needs live in a directory of its own that is gone afterwards, and stopping takes at most five seconds.
(LocalStack itself is done within one, but Python then spends several more on collecting what is left, and a hanging
service can hold it for ever.)
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

_PREFIX = "localstack-memorydb-"
_STOP_SECONDS = 4.0
_CACHE = Path("var/lib/localstack/cache")
_CATALOG = "service-catalog-*.dill"


def serve(port: int, data_dir: Path | None) -> NoReturn:
    """Serve until SIGINT or SIGTERM, then leave the process; LocalStack itself prints `Ready.`"""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    code = 0
    with _filesystem() as root:
        _configure(root, port, data_dir)
        threading.Thread(target=_limit_stop, args=(root,), name="stop-limit", daemon=True).start()
        try:
            from localstack.runtime.main import main

            _listen_as_asked()
            main()
        except KeyboardInterrupt:
            pass
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    _leave(code)


def _configure(root: Path, port: int, data_dir: Path | None) -> None:
    """Environment variables LocalStack reads at import. Those that the user has set win."""
    chosen = {
        "OVERRIDE_IN_DOCKER": "0",  # in a container that is not its own it would use the system's directories
        "FILESYSTEM_ROOT": str(root),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"localhost:{port}",
        "DNS_ADDRESS": "0",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
    }
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
    if root.name.startswith(_PREFIX):  # LocalStack leaves the code of functions among the temporary files
        (root / "tmp").mkdir(exist_ok=True)
        tempfile.tempdir = str(root / "tmp")
    if data_dir is not None:
        os.environ["MEMORYDB_DATA_DIR"] = str(data_dir)


def _listen_as_asked() -> None:
    """Bind to the addresses in GATEWAY_LISTEN: LocalStack's server takes only the ports from it, and every address.

    What answers there is not authenticated and runs Lambda functions as the user's processes.
    """
    from localstack import config
    from localstack.runtime.server.twisted import endpoints

    hosts: dict[int, list[str]] = {}
    for asked in config.GATEWAY_LISTEN:
        if not config.is_ipv6_address(asked.host):
            hosts.setdefault(asked.port, []).append(asked.host)
    everywhere = endpoints.TCP4ServerEndpoint

    def asked_for(reactor: Any, port: int, **options: Any) -> Any:
        if waiting := hosts.get(port):
            options["interface"] = waiting.pop(0)
        return everywhere(reactor, port, **options)

    endpoints.TCP4ServerEndpoint = asked_for


@contextmanager
def _filesystem() -> Iterator[Path]:
    """A directory for LocalStack's files, removed afterwards; the user's own FILESYSTEM_ROOT is left alone.

    What LocalStack computes about its services at the first request (three seconds) is kept in the user's cache
    directory, by LocalStack's and botocore's versions, as LocalStack names it.
    """
    if own := os.environ.get("FILESYSTEM_ROOT"):
        yield Path(own)
        return
    root = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        _copy_catalog(_user_cache(), root / _CACHE)
        yield root
    finally:
        _copy_catalog(root / _CACHE, _user_cache())
        shutil.rmtree(root, ignore_errors=True)


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localstack-memorydb"


def _copy_catalog(source: Path, target: Path) -> None:
    """A cache that cannot be written costs time, nothing else."""
    with suppress(OSError):
        for found in source.glob(_CATALOG):
            if not (target / found.name).exists():
                target.mkdir(parents=True, exist_ok=True)
                partial = target / f"{found.name}.{os.getpid()}"
                shutil.copyfile(found, partial)
                partial.replace(target / found.name)


def _limit_stop(root: Path) -> None:
    """Once LocalStack has begun to stop, give it its seconds; then end what it started, and the process."""
    from localstack.runtime import events

    events.infra_stopping.wait()
    if not events.infra_stopped.wait(_STOP_SECONDS):
        _end_children()
        if root.name.startswith(_PREFIX):
            shutil.rmtree(root, ignore_errors=True)
        _flush()
        os._exit(0)


def _end_children() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()


def _leave(code: int) -> NoReturn:
    """Run what others registered for the exit, then end without the long collection of garbage."""
    with suppress(Exception):
        run_exit_functions: Any = atexit._run_exitfuncs
        run_exit_functions()
    _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
