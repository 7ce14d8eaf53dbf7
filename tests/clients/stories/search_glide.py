"""Valkey GLIDE's search module against a cluster; what it gets is told as Python on standard output, a line for each step."""

import asyncio
import struct
import sys

from glide import (
    DataType,
    DistanceMetricType,
    FtAggregateApply,
    FtAggregateGroupBy,
    FtAggregateOptions,
    FtAggregateReducer,
    FtAggregateSortBy,
    FtAggregateSortProperty,
    FtCreateOptions,
    FtProfileOptions,
    FtSearchOptions,
    GlideClusterClient,
    GlideClusterClientConfiguration,
    NodeAddress,
    NumericField,
    OrderBy,
    ReturnField,
    TagField,
    TextField,
    VectorAlgorithm,
    VectorField,
    VectorFieldAttributesHnsw,
    VectorType,
    ft,
)

NEAREST = "*=>[KNN 2 @VEC $query_vec]"


def tell(step: str, said: object) -> None:
    print(repr((step, said)), flush=True)


async def main(host: str, port: int) -> None:
    client = await GlideClusterClient.create(GlideClusterClientConfiguration([NodeAddress(host, port)]))
    attributes = VectorFieldAttributesHnsw(
        dimensions=2, distance_metric=DistanceMetricType.L2, type=VectorType.FLOAT32
    )
    fields = [
        VectorField("vec", VectorAlgorithm.HNSW, attributes, alias="VEC"),
        NumericField("price"),
        TagField("kind", separator=","),
        TextField("name"),
    ]
    tell("create", await ft.create(client, "fruits", fields, FtCreateOptions(DataType.HASH, ["fruit:"])))
    for number, (kind, price) in enumerate([("sweet", 1.5), ("sour", 2), ("sweet", 4)]):
        value = {
            "vec": struct.pack("<2f", 0, -number),
            "price": str(price),
            "kind": kind,
            "name": f"n{number}",
        }
        await client.hset(f"fruit:{number}", value)
    zeros = {"query_vec": bytes(8)}
    tell("search", await ft.search(client, "fruits", NEAREST, FtSearchOptions(params=zeros)))
    returned = [ReturnField("name", alias="called"), ReturnField("kind")]
    options = FtSearchOptions(params=zeros, return_fields=returned)
    tell("fields", await ft.search(client, "fruits", NEAREST, options))
    clauses = [
        FtAggregateApply("ceil(@price)", "whole"),
        FtAggregateGroupBy(
            ["@kind"], [FtAggregateReducer("COUNT", [], "n"), FtAggregateReducer("SUM", ["whole"], "sum")]
        ),
        FtAggregateSortBy([FtAggregateSortProperty("@sum", OrderBy.DESC)]),
    ]
    tell("aggregate", await ft.aggregate(client, "fruits", "*", FtAggregateOptions(clauses=clauses)))
    tell("info", await ft.info(client, "fruits"))
    profile = FtProfileOptions.from_query_options(NEAREST, FtSearchOptions(params=zeros))
    tell("profile", await ft.profile(client, "fruits", profile))
    tell("explain", await ft.explain(client, "fruits", "@price:[0 10]"))
    tell("explaincli", await ft.explaincli(client, "fruits", "@price:[0 10]"))
    await ft.aliasadd(client, "all", "fruits")
    tell("aliases", await ft.aliaslist(client))
    await ft.aliasdel(client, "all")
    tell("drop", await ft.dropindex(client, "fruits"))
    tell("list", await ft.list(client))
    await client.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
