"""Deployment packages of functions."""

from __future__ import annotations

import io
import zipfile


def package(**files: str) -> bytes:
    """A deployment package of files whose names are given as words."""
    return archive({name.replace("_DOT_", ".").replace("_IN_", "/"): text for name, text in files.items()})


def archive(files: dict[str, str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return written.getvalue()
