"""Connect to a MemoryDB cluster with IAM instead of a password: redis-py asks for a fresh token whenever it connects."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from urllib.request import urlopen

import boto3
from redis.cluster import RedisCluster

from localstack_memorydb.iam_auth import MemoryDBCredentials


def prepare(client: Callable[[str], object]) -> dict[str, str]:
    """A MemoryDB user that authenticates with IAM, an ACL and a cluster; an access key that may be used with it."""
    iam, memorydb = client("iam"), client("memorydb")
    iam.create_user(UserName="app")
    key = iam.create_access_key(UserName="app")["AccessKey"]
    memorydb.create_user(UserName="app", AccessString="on ~* &* +@all", AuthenticationMode={"Type": "iam"})
    memorydb.create_acl(ACLName="iam-users", UserNames=["app"])
    while memorydb.describe_acls(ACLName="iam-users")["ACLs"][0]["Status"] != "active":
        pass
    memorydb.create_cluster(
        ClusterName="iam-auth", NodeType="db.t4g.small", ACLName="iam-users", NumReplicasPerShard=0
    )
    while memorydb.describe_clusters(ClusterName="iam-auth")["Clusters"][0]["Status"] != "available":
        pass
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def main() -> None:
    """Everything, step by step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:4566")
    url = parser.parse_args().endpoint_url
    administrator = boto3.Session("test", "test", region_name="us-east-1")
    key = prepare(lambda service: administrator.client(service, endpoint_url=url))

    place = administrator.client("memorydb", endpoint_url=url).describe_clusters(ClusterName="iam-auth")
    address = place["Clusters"][0]["ClusterEndpoint"]
    application = boto3.Session(**key, region_name="us-east-1")
    with urlopen(f"{url}/_memorydb/ca.pem") as answer:
        authority = answer.read().decode()
    with RedisCluster(
        host=address["Address"],
        port=address["Port"],
        ssl=True,
        ssl_ca_data=authority,
        credential_provider=MemoryDBCredentials(application, "iam-auth", "app"),
    ) as redis:
        print("connected as", redis.execute_command("ACL WHOAMI"))

    administrator.client("memorydb", endpoint_url=url).delete_cluster(ClusterName="iam-auth")


if __name__ == "__main__":
    main()
