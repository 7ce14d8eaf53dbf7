"""What FT.INFO and INFO tell of indexes.

https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-commands-ft.info.html
"""

from __future__ import annotations

from typing import Any, TypeAlias

from localstack_memorydb.engine.memory import human
from localstack_memorydb.engine.resp import Reply, Simple
from localstack_memorydb.engine.search.index import Index, Indexes
from localstack_memorydb.engine.search.schema import Field, VectorField

Fields: TypeAlias = dict[str, object]


def _flat(pairs: dict[str, Any]) -> list[Any]:
    """Names and values one after the other, in RESP3 too."""
    return [word for name, value in pairs.items() for word in (Simple(name.encode()), value)]


def describe_index(index: Index) -> Reply:
    """An index as FT.INFO shows it; the manual spells `fullext_space_usage`, servers spell it with a t."""
    definition = index.definition
    fields = sorted(definition.fields, key=lambda field: field.identifier)
    return _flat(
        {
            "index_name": definition.name,
            "creation_timestamp": index.created * 1000,
            "key_type": definition.key_type.encode(),
            "key_prefixes": list(definition.prefixes),
            "fields": [_describe_field(index, field) for field in fields],
            "space_usage": index.vector_size + index.other_size,
            "fullext_space_usage": index.other_size,
            "fulltext_space_usage": index.other_size,
            "vector_space_usage": index.vector_size,
            "num_docs": len(index.keys),
            "num_indexed_vectors": index.vectors,
            "current_lag": 0,
            "index_status": b"AVAILABLE",
            "index_degradation_percentage": 0,
            "backfill_status": b"Completed",
        }
    )


def _describe_field(index: Index, field: Field) -> Reply:
    pairs = {
        "identifier": field.identifier,
        "field_name": field.name,
        "type": field.kind.encode(),
        "option": b"",
    }
    if isinstance(field, VectorField):
        return [*_flat(pairs), Simple(b"vector_params"), _flat(_vector(index, field))]
    return _flat(pairs)


def _vector(index: Index, field: VectorField) -> dict[str, Any]:
    capacity = max(field.initial_capacity, len(index.columns[field.name]))
    pairs: dict[str, Any] = {
        "algorithm": field.algorithm.encode(),
        "data_type": b"FLOAT32",
        "dimension": field.dimensions,
        "distance_metric": field.metric.encode(),
        "initial_capacity": field.initial_capacity,
        "current_capacity": capacity,
    }
    if field.algorithm == "HNSW":
        pairs |= {
            "maximum_edges": field.edges,
            "ef_construction": field.ef_construction,
            "ef_runtime": field.ef_runtime,
        }
    return pairs


def info_sections(indexes: Indexes | None) -> dict[str, Fields]:
    """The sections of INFO, by name."""
    if indexes is not None:
        indexes.refresh()
    made = list(indexes.by_name.values()) if indexes is not None else []
    hashes = [each for each in made if each.definition.key_type == "HASH"]
    documents = [each for each in made if each.definition.key_type == "JSON"]
    vectors, others = sum(each.vector_size for each in made), sum(each.other_size for each in made)
    keys = {kind: sum(len(each.keys) for each in group) for kind, group in (("h", hashes), ("j", documents))}
    used = vectors + others
    return {
        "search_memory": {"search_used_memory_bytes": used, "search_used_memory_human": human(used)},
        "search_index_stats": {
            "search_number_of_indexes": len(made),
            "search_num_fulltext_indexes": sum(not each.has_vectors for each in made),
            "search_num_vector_indexes": sum(each.has_vectors for each in made),
            "search_num_hash_indexes": len(hashes),
            "search_num_json_indexes": len(documents),
            "search_total_indexed_keys": keys["h"] + keys["j"],
            "search_total_indexed_vectors": sum(each.vectors for each in made),
            "search_total_indexed_hash_keys": keys["h"],
            "search_total_indexed_json_keys": keys["j"],
            "search_total_index_size": used,
            "search_total_fulltext_index_size": others,
            "search_total_vector_index_size": vectors,
            "search_max_index_lag_ms": 0,
        },
        "search_ingestion": {
            "search_background_indexing_status": "NO_ACTIVITY",
            "search_ingestion_paused": "no",
        },
        "search_backfill": {
            "search_num_active_backfills": 0,
            "search_backfills_paused": "no",
            "search_current_backfill_progress_percentage": 0,
        },
        "search_query": {"search_num_active_queries": 0},
    }
