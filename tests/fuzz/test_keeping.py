"""A short run of commands to our engine alone, documents and search among them, with random numbers that are the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import keeping


@pytest.mark.parametrize("engine_version", ["6.2", "7.1", "7.2"])
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_refusals_change_nothing_and_the_log_has_everything(
    tmp_path: Path, seed: str, engine_version: str
) -> None:
    assert keeping.play(tmp_path, seed, 120, engine_version=engine_version) is None
