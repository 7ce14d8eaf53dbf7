"""Web pages that may call the stand-alone host."""

from __future__ import annotations

import pytest

from localstack_memorydb.integrations.moto.origins import is_trusted


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://localhost:3000",
        "https://app.localhost:3000",
        "http://127.0.0.1:8080",
        "http://127.8.8.8",
        "http://[::1]:5173",
        "https://localhost.localstack.cloud:4566",
        "https://bucket.s3.localhost.localstack.cloud",
    ],
)
def test_pages_of_this_machine(origin: str) -> None:
    assert is_trusted(origin, ())


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://example.com",
        "https://localhost.example.com",
        "https://examplelocalhost",
        "https://notlocalhost.localstack.cloud",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "http://192.168.1.2",
        "http://[::1",
        "http://10.0.0.1:4566",
    ],
)
def test_all_others(origin: str) -> None:
    assert not is_trusted(origin, ())
    assert is_trusted(origin, ("*",))
    assert is_trusted(origin, ("http://shop.test", origin))
