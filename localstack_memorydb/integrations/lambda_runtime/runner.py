"""What all functions of a host share: a directory, the certificates they trust, and an end."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localstack_memorydb.integrations.lambda_runtime import archive
from localstack_memorydb.integrations.lambda_runtime.environment import Environment
from localstack_memorydb.integrations.lambda_runtime.function import Function
from localstack_memorydb.integrations.lambda_runtime.reaper import Reaper
from localstack_memorydb.integrations.lambda_runtime.runtimes import Interpreter, link_libraries
from localstack_memorydb.integrations.lambda_runtime.sandbox import Sandbox

# Of the host's own environment a function sees what programs need to run at all; its AWS settings are not among it.
_INHERITED: Final = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is made before the first environment: the clusters' authority is there alone and with the system's."""

    directory: Path
    reaper: Reaper
    libraries: Path
    authority: Path
    authorities: Path


class Runner:
    """Makes environments. Nothing is started or written before the first one; `close` ends and removes all.

    `ca_certificate` gives the authority (PEM) of the clusters; when it is replaced, warm environments start anew.
    """

    def __init__(self, ca_certificate: Callable[[], bytes]) -> None:
        self._ca_certificate = ca_certificate
        self._lock = threading.Lock()
        self._made: _Shared | None = None
        self._trusted: bytes | None = None
        self._environments: set[Environment] = set()

    @property
    def _shared(self) -> _Shared:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> _Shared:
        place = Path(tempfile.mkdtemp(prefix="localstack-memorydb-lambda-"))
        made = _Shared(
            place, Reaper(place), place / "runtime", place / "memorydb-ca.pem", place / "ca-bundle.pem"
        )
        link_libraries(made.libraries)
        return made

    def trust(self) -> bytes:
        """Let processes that start from now on trust the clusters' authority of this moment, and return it."""
        shared, own = self._shared, self._ca_certificate()
        with self._lock:
            if own != self._trusted:
                known = ssl.get_default_verify_paths().cafile
                shared.authorities.write_bytes((Path(known).read_bytes() + b"\n" if known else b"") + own)
                shared.authority.write_bytes(own)
                self._trusted = own
        return own

    @property
    def libraries(self) -> Path:
        """The packages that a Python function finds without bringing them."""
        return self._shared.libraries

    def unpack(self, package: bytes, name: str) -> Path:
        """A package's files, in a directory that is the same whenever the name is; archive.BadArchive."""
        target = self._shared.directory / "code" / name
        if not target.exists():
            partial = target.with_name(f"{name}.{uuid.uuid4().hex}")
            try:
                archive.unzip(package, partial)
                partial.rename(target)
            except OSError:
                if not target.exists():  # else another thread was first
                    raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return target

    def environment(self, function: Function) -> Environment:
        """A new environment for a function; UnsupportedRuntime when nothing here can run it."""
        place = self._shared.directory / "environments" / uuid.uuid4().hex
        made = Environment(function, self, place)
        (place / "tmp").mkdir(parents=True)
        self._environments.add(made)
        return made

    def discard(self, environment: Environment) -> None:
        """End an environment."""
        self._environments.discard(environment)
        environment.close()

    def start(self, function: Function, interpreter: Interpreter, directory: Path) -> Sandbox:
        """A process of a function."""
        variables = self._variables(function, interpreter, directory)
        command = [*interpreter.command, function.handler]
        return Sandbox(command, variables, function.code, self._shared.reaper)

    def _variables(self, function: Function, interpreter: Interpreter, directory: Path) -> dict[str, str]:
        """What Lambda sets, with paths of this machine. What the host gave, and so what the user chose, wins."""
        shared = self._shared
        temporary = str(directory / "tmp")
        chosen = function.variables
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "HOME": temporary,
            "TMPDIR": temporary,
            "MEMORYDB_CA_FILE": str(shared.authority),
            "SSL_CERT_FILE": str(shared.authorities),
            "NODE_EXTRA_CA_CERTS": str(shared.authority),
            **chosen,
            **_search_paths(function, chosen, interpreter.variables),
            "LAMBDA_TASK_ROOT": str(function.code),
            "LAMBDA_RUNTIME_DIR": str(shared.libraries),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        }

    def close(self) -> None:
        """End every process and remove every file. The runner can be used again."""
        while self._environments:
            self._environments.pop().close()
        with self._lock:
            made, self._made, self._trusted = self._made, None, None
        if made is not None:
            made.reaper.close()


def _search_paths(
    function: Function, chosen: Mapping[str, str], libraries: Mapping[str, str]
) -> dict[str, str]:
    """Where interpreters look for modules: the function's own first, then its layers', then the runtime's.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html names the directories of a layer.
    """
    of_version = f"nodejs/{function.runtime.removesuffix('.x').replace('nodejs', 'node')}/node_modules"
    in_layers = [
        layer / name
        for name in ("python", "lib", of_version, "nodejs/node_modules")
        for layer in function.layers
    ]
    python = [
        str(function.code),
        *(chosen.get("PYTHONPATH", "").split(os.pathsep)),
        *(
            str(site)
            for layer in function.layers
            for site in layer.glob("python/lib/python3.*/site-packages")
        ),
        *(str(path) for path in in_layers if path.name == "python"),
        libraries.get("PYTHONPATH", ""),
    ]
    node = [
        chosen.get("NODE_PATH", ""),
        *(str(path) for path in in_layers if path.name == "node_modules"),
    ]
    shared = [
        *(str(path) for path in in_layers if path.name == "lib"),
        chosen.get("LD_LIBRARY_PATH", os.environ.get("LD_LIBRARY_PATH", "")),
    ]
    programs = [
        *(str(layer / "bin") for layer in function.layers),
        chosen.get("PATH", os.environ.get("PATH", "")),
    ]
    found = {"PYTHONPATH": python, "NODE_PATH": node, "LD_LIBRARY_PATH": shared, "PATH": programs}
    return {
        name: os.pathsep.join(path for path in paths if path) for name, paths in found.items() if any(paths)
    }
