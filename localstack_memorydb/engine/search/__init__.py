"""Search: indexes over the hashes of a shard, and queries against them.

https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-overview.html
"""
