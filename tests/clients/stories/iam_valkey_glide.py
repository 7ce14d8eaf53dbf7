"""valkey-glide, which makes IAM tokens itself; credentials and Region are in the environment."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from glide import (
    AdvancedGlideClusterClientConfiguration,
    GlideClusterClient,
    GlideClusterClientConfiguration,
    IamAuthConfig,
    NodeAddress,
    ServerCredentials,
    ServiceType,
    TlsAdvancedConfiguration,
)


async def main() -> None:
    iam = IamAuthConfig(os.environ["STORY_CLUSTER"], ServiceType.MEMORYDB, os.environ["AWS_REGION"])
    tls = TlsAdvancedConfiguration(root_pem_cacerts=Path(os.environ["STORY_CA"]).read_bytes())
    client = await GlideClusterClient.create(
        GlideClusterClientConfiguration(
            [NodeAddress(os.environ["STORY_HOST"], int(os.environ["STORY_PORT"]))],
            use_tls=True,
            credentials=ServerCredentials(username=os.environ["STORY_USER"], iam_config=iam),
            request_timeout=10_000,
            advanced_config=AdvancedGlideClusterClientConfiguration(10_000, tls_config=tls),
        )
    )
    print((await client.custom_command(["ACL", "WHOAMI"])).decode())
    await client.close()


asyncio.run(main())
