"""Deployment packages for Lambda, from a directory of sources and libraries that are installed here.

`python examples/packages.py examples/lambda` writes function.zip and layer.zip into examples/lambda/build. With a
network, `pip install --target python redis && zip -r layer.zip python` makes the same layer.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path


def sources(directory: Path, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """The files of a directory, by the name that they have in the package."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield prefix + path.relative_to(directory).as_posix(), path.read_bytes()


def library(name: str, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """The files of an installed package."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise SystemExit(f"{name} is not installed here")
    return sources(Path(found.origin).parent, f"{prefix}{name}/")


def redis_py(prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """redis-py, and what it needs besides with Python before 3.11.3."""
    yield from library("redis", prefix)
    if sys.version_info < (3, 11, 3):
        yield from library("async_timeout", prefix)


def package(*parts: Iterable[tuple[str, bytes]]) -> bytes:
    """A .zip file of them. The same files make the same bytes, so that Terraform sees whether anything changed."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            for name, content in part:
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def function(example: Path) -> bytes:
    """The example's own code."""
    return package(sources(example / "function"))


def layer() -> bytes:
    """redis-py, as a layer for functions in Python."""
    return package(redis_py("python/"))


def main() -> None:
    """Write both next to the example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("example", type=Path)
    example = parser.parse_args().example
    (example / "build").mkdir(exist_ok=True)
    (example / "build" / "function.zip").write_bytes(function(example))
    (example / "build" / "layer.zip").write_bytes(layer())


if __name__ == "__main__":
    main()
