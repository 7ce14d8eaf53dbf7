"""valkey-py with the credential provider of this package."""

from __future__ import annotations

import os

import boto3
from valkey.cluster import ValkeyCluster

from localstack_memorydb.iam_auth import MemoryDBCredentials

session = boto3.Session(region_name=os.environ["AWS_REGION"])
with ValkeyCluster(
    host=os.environ["STORY_HOST"],
    port=int(os.environ["STORY_PORT"]),
    ssl=True,
    ssl_ca_certs=os.environ["STORY_CA"],
    credential_provider=MemoryDBCredentials(session, os.environ["STORY_CLUSTER"], os.environ["STORY_USER"]),
) as client:
    print(client.execute_command("ACL WHOAMI"))
