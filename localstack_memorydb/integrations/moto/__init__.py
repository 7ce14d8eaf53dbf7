"""MemoryDB inside moto: `install()` for mock_aws in this process, `server` for the stand-alone host.

from localstack_memorydb.integrations.moto import install
install()

with mock_aws():
    boto3.client("memorydb").create_cluster(...)
"""

from __future__ import annotations

from localstack_memorydb.integrations.moto.install import install

__all__ = ["install"]
