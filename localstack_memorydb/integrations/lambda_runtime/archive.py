"""Deployment packages: .zip files, unpacked without trusting them."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

LARGEST: Final = (
    262_144_000  # bytes, unpacked: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
)


class BadArchive(ValueError):
    """A package that Lambda refuses; str() is Lambda's own text."""


_UNREADABLE: Final = "Could not unzip uploaded file. Please check your file, then try to upload again."


def require_archive(data: bytes) -> None:
    """Refuse what `unzip` would, without unpacking anything."""
    with _opened(data):
        pass


def unzip(data: bytes, target: Path) -> None:
    """Unpack a package; BadArchive, and nothing written outside of `target`, for one that cannot be trusted."""
    with _opened(data) as archive:
        target.mkdir(parents=True, exist_ok=True)
        for entry in archive.infolist():
            archive.extract(entry, target)
            _set_mode(entry, target)


@contextmanager
def _opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > LARGEST:
                raise BadArchive(f"Unzipped size must be smaller than {LARGEST} bytes")
            for entry in entries:
                _require_inside(entry.filename)
            yield archive
    except BadArchive:
        raise
    except Exception as error:  # zipfile raises whatever its decompressors, its positions and names come to
        raise BadArchive(_UNREADABLE) from error


def _require_inside(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise BadArchive(_UNREADABLE)


def _set_mode(entry: zipfile.ZipInfo, target: Path) -> None:
    """What may be executed may be executed; a link is left the text file that zipfile makes of it."""
    mode = entry.external_attr >> 16
    if not entry.is_dir() and stat.S_ISREG(mode) and mode & stat.S_IXUSR:
        (target / entry.filename).chmod(0o755)
