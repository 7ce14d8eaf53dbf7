"""aiobotocore: calls side by side, typed faults, pages."""

import asyncio
from typing import Any

from aiobotocore.session import get_session


async def available(client: Any, name: str) -> dict[str, Any]:
    while True:
        (cluster,) = (await client.describe_clusters(ClusterName=name))["Clusters"]
        if cluster["Status"] == "available":
            return cluster
        await asyncio.sleep(0.02)


async def main() -> None:
    async with get_session().create_client("memorydb") as client:
        names = [f"aio-user-{number}" for number in range(5)]
        mode = {"Type": "iam"}
        await asyncio.gather(
            *(
                client.create_user(UserName=name, AccessString="on ~* +@all", AuthenticationMode=mode)
                for name in names
            )
        )
        await client.create_acl(ACLName="aio-acl", UserNames=names)
        await client.create_cluster(ClusterName="aio-cluster", NodeType="db.t4g.small", ACLName="aio-acl")
        cluster = await available(client, "aio-cluster")
        pages = client.get_paginator("describe_users").paginate(PaginationConfig={"PageSize": 20})
        found = [user["Name"] async for page in pages for user in page["Users"]]
        assert set(names) <= set(found)
        await client.tag_resource(ResourceArn=cluster["ARN"], Tags=[{"Key": "team", "Value": "blue"}])
        assert (await client.list_tags(ResourceArn=cluster["ARN"]))["TagList"] == [
            {"Key": "team", "Value": "blue"}
        ]
        refusal = ""
        try:
            await client.create_acl(ACLName="aio-acl")
        except client.exceptions.ACLAlreadyExistsFault as fault:
            refusal = str(fault)
        assert "aio-acl" in refusal
        await client.delete_cluster(ClusterName="aio-cluster")
        while any(each["Name"] == "aio-cluster" for each in (await client.describe_clusters())["Clusters"]):
            await asyncio.sleep(0.02)
        await client.delete_acl(ACLName="aio-acl")
        while any(each["Name"] == "aio-acl" for each in (await client.describe_acls())["ACLs"]):
            await asyncio.sleep(0.02)
        await asyncio.gather(*(client.delete_user(UserName=name) for name in names))
    print("done")


asyncio.run(main())
