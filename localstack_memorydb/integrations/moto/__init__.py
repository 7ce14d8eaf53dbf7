"""MemoryDB inside moto: `mock_memorydb` and `install()` for this process, `server` for the stand-alone host.

from localstack_memorydb.integrations.moto import mock_memorydb

with mock_memorydb():
    boto3.client("memorydb").create_cluster(...)
"""

from __future__ import annotations

from localstack_memorydb.integrations.moto.install import emulator, install
from localstack_memorydb.integrations.moto.mock import mock_memorydb

__all__ = ["emulator", "install", "mock_memorydb"]
