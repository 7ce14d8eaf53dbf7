"""The stand-alone host as the fixture starts it: a process that ends when its standard input does.

So nothing is left when a test run is killed. It is a process of its own because tests freeze time, forbid sockets and
mock AWS in theirs.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import signal
import sys

from localstack_memorydb.settings import Settings, SettingsError


def main() -> None:
    """Print the URL, serve until there is nobody who could ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which then closes our standard input
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    gc.disable()  # a fifth of the time of all imports goes into looking at modules, which stay
    from localstack_memorydb.integrations.moto.server import StandaloneHost

    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the engine will when it starts: more is imported until then
    gc.enable()
    # Tests begin with nothing, and those that run at the same time share nothing.
    host = StandaloneHost(dataclasses.replace(settings, data_dir=None), 0)
    host.start()
    try:
        print(host.url, flush=True)
        sys.stdin.buffer.read()
    finally:
        host.stop()


if __name__ == "__main__":
    main()
