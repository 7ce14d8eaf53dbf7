"""Deployment packages that are damaged or want more than their directory."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path
from random import Random

import pytest

from localstack_memorydb.integrations.lambda_runtime.archive import BadArchive, require_archive, unzip

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def package(*names: str, mode: int = 0o100644) -> bytes:
    """An archive of files of these names."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for number, name in enumerate(names):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = METHODS[number % len(METHODS)]
            archive.writestr(entry, name * 100)
    return written.getvalue()


def files(directory: Path) -> set[str]:
    return {str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file()}


def damaged(data: bytes, luck: Random) -> bytes:
    """The archive with some bytes changed, left out or put in, most of them in its directory."""
    changed = bytearray(data)
    for _ in range(luck.choice((1, 2, 8))):
        place = max(0, len(changed) - 1 - int(luck.expovariate(1 / 200)))
        match luck.randrange(3):
            case 0:
                changed[place : place + 1] = bytes((luck.randrange(256),))
            case 1:
                del changed[place : place + luck.randrange(20)]
            case _:
                changed[place:place] = luck.randbytes(luck.randrange(8))
    return bytes(changed)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_package_is_unpacked_or_refused(tmp_path: Path, seed: int) -> None:
    luck = Random(seed)
    whole = package("handler.py", "lib/deflated.py", "lib/bzip.py", "lib/lzma.py")
    for number in range(60):
        data = damaged(whole, luck)
        with contextlib.suppress(BadArchive):
            require_archive(data)
            unzip(data, tmp_path / f"{number}")


@pytest.mark.parametrize(
    "name",
    ["", ".", "/", "/etc/x", "../x", "a/../../x", "..\\x", "C:\\x", "a/..", "a" * 300, "b/" * 3000 + "c"],
)
def test_a_name_that_is_no_place_in_the_package_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadArchive):
        unzip(package(name), tmp_path / "code")
    assert files(tmp_path) <= set()


def test_links_are_not_made(tmp_path: Path) -> None:
    unzip(package("link", mode=0o120777), tmp_path)
    assert files(tmp_path) == {"link"}
    assert not (tmp_path / "link").is_symlink()


def test_a_package_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    size = 64 << 20
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(size))
    lying = written.getvalue().replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(BadArchive):
        unzip(lying, tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) <= 10
