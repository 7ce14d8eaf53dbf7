"""Which program runs which runtime: Python and Node.js, where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

# What Lambda's Python runtimes have beside the standard library, and the client of the Runtime API itself.
_IN_LAMBDA: Final = ("awslambdaric", "boto3")
_PYTHON: Final = re.compile(r"python(3\.\d+)")
_NODE: Final = re.compile(r"nodejs(\d+)\.x")
_NODE_BOOTSTRAP: Final = Path(__file__).parent / "bootstrap.cjs"


class UnsupportedRuntime(ValueError):
    """A runtime that cannot be run here; str() says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The command that runs a handler (its name is appended), what the log says of it, and its variables."""

    command: Sequence[str]
    title: str
    variables: dict[str, str] = field(default_factory=dict)


def require_runtime(runtime: str | None) -> None:
    """Refuse a runtime that cannot be run here, without starting anything."""
    if not runtime:
        raise UnsupportedRuntime(
            "Functions from container images need Docker: start a Docker engine, or deploy a .zip file"
        )
    if _PYTHON.fullmatch(runtime):
        _require_client()
    elif _NODE.fullmatch(runtime):
        _node()
    else:
        raise UnsupportedRuntime(
            f"The runtime {runtime} needs Docker: without a Docker engine functions run in Python (python3.x) "
            "and Node.js (nodejs18.x and newer)"
        )


def interpreter_of(runtime: str, libraries: Path) -> Interpreter:
    """How to run a runtime; `libraries` is where the host's Python finds what Lambda's runtimes have."""
    require_runtime(runtime)
    if match := _PYTHON.fullmatch(runtime):
        return _python(match[1], libraries)
    node, version = _node()
    return Interpreter((node, str(_NODE_BOOTSTRAP)), f"Node.js {version}")


def _python(version: str, libraries: Path) -> Interpreter:
    """The host's own Python when it is of that version or no better one is there.

    It runs without its site-packages: a function finds what Lambda has and what it brings, so that what is
    missing in its .zip file is missing here, too.
    """
    if version != _own_version() and (other := _other_python(version)):
        return Interpreter((other, "-m", "awslambdaric"), f"Python {version} ({other})")
    own = ".".join(map(str, sys.version_info[:3]))
    title = f"Python {own}" if version == _own_version() else f"Python {own}, as python{version} is not there"
    variables = {"PYTHONPATH": str(libraries)}
    return Interpreter((sys.executable, "-S", "-m", "awslambdaric"), title, variables)


def _own_version() -> str:
    return "{}.{}".format(*sys.version_info[:2])


def _require_client() -> None:
    try:
        distribution("awslambdaric")
    except PackageNotFoundError:
        raise UnsupportedRuntime(
            "Python functions need awslambdaric, which is not installed beside the host: pip install awslambdaric"
        ) from None


@cache
def _other_python(version: str) -> str | None:
    """An interpreter of that version on PATH that has awslambdaric; None for most machines."""
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    probe = "import awslambdaric, runtime_client, sys; print(sys.executable)"
    ended = subprocess.run([found, "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else None


@cache
def _node() -> tuple[str, str]:
    found = shutil.which("node")
    if found is None:
        raise UnsupportedRuntime("Node.js functions need node on PATH, which is not there: install Node.js")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30, check=True)
    return found, said.stdout.strip()


def link_libraries(target: Path) -> None:
    """Make a directory of links to the packages of this environment that Lambda's Python runtimes have, too."""
    target.mkdir(parents=True, exist_ok=True)
    for found in _with_requirements(_IN_LAMBDA):
        for name in {
            file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}
        }:
            link, source = target / name, Path(str(found.locate_file(name)))
            if not link.exists():
                os.symlink(source, link, target_is_directory=source.is_dir())


def _with_requirements(names: Sequence[str]) -> Iterator[Distribution]:
    waiting, seen = list(names), set(names)
    while waiting:
        try:
            found = distribution(waiting.pop())
        except PackageNotFoundError:  # an optional one, or boto3 where the host has none
            continue
        yield found
        for requirement in found.requires or ():
            name, _, marker = requirement.partition(";")
            if "extra" not in marker and (match := re.match(r"[\w.-]+", name)) and match[0] not in seen:
                seen.add(match[0])
                waiting.append(match[0])
