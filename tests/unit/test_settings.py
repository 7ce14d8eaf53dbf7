"""The table of settings and the page written from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from localstack_memorydb.settings import Settings, SettingsError, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == "\n".join(page()) + "\n", "run `make docs`"


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_environ({"PATH": "/bin", "MEMORYDB_ENDPOINT": "an application's own"}) == Settings()


def test_values_are_read_by_their_type() -> None:
    chosen = Settings.from_environ(
        {
            "MEMORYDB_DATA_DIR": "/var/data",
            "MEMORYDB_NODE_ADDRESSES": "Range",
            "MEMORYDB_PORT_RANGE": "7000-7010",
            "MEMORYDB_TRANSITION_DELAY": "1.5",
            "MEMORYDB_STRICT_BUCKET_POLICY": "true",
        }
    )
    assert chosen == Settings(
        data_dir=Path("/var/data"),
        node_addresses="range",
        port_range=(7000, 7010),
        transition_delay=1.5,
        strict_bucket_policy=True,
    )


@pytest.mark.parametrize(("text", "size"), [("1000", 1000), ("512mb", 512 << 20), ("2G", 2 << 30), ("0", 0)])
def test_sizes_have_units(text: str, size: int) -> None:
    assert Settings.from_environ({"MEMORYDB_CLIENT_MEMORY": text}).client_memory == size


def test_a_node_must_have_room_for_some_data() -> None:
    assert Settings.from_environ({"MEMORYDB_NODE_MEMORY": "2mb"}).node_memory == 2 << 20
    with pytest.raises(SettingsError, match="MEMORYDB_NODE_MEMORY=1mb: must be at least 2mb"):
        Settings.from_environ({"MEMORYDB_NODE_MEMORY": "1mb"})


def test_empty_means_the_default() -> None:
    assert Settings.from_environ({"MEMORYDB_PORT_RANGE": " ", "MEMORYDB_DATA_DIR": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEMORYDB_NODE_ADDRESSES", "docker"),
        ("MEMORYDB_PORT_RANGE", "4510"),
        ("MEMORYDB_PORT_RANGE", "4559-4510"),
        ("MEMORYDB_PORT_RANGE", "0-10"),
        ("MEMORYDB_TRANSITION_DELAY", "soon"),
        ("MEMORYDB_TRANSITION_DELAY", "-1"),
        ("MEMORYDB_TRANSITION_DELAY", "nan"),
        ("MEMORYDB_STRICT_BUCKET_POLICY", "maybe"),
        ("MEMORYDB_CLIENT_MEMORY", "much"),
        ("MEMORYDB_CLIENT_MEMORY", "-1"),
        ("MEMORYDB_CLIENT_MEMORY", "gb"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}={value}: must be .+$") as refused:
        Settings.from_environ({name: value})
    assert "\n" not in str(refused.value)
