"""Queries: the manual's own examples, what a client of the service was seen to get, filters, vectors and aggregations."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from localstack_memorydb.engine.cluster import Cluster
from tests.unit.cluster_without_sockets import NOW, start
from tests.unit.searcher import VECTOR, Searcher, floats


@pytest.fixture
def cluster() -> Cluster:
    return start(replicas=1, search_enabled="yes")


@pytest.fixture
def ask(cluster: Cluster) -> Searcher:
    return Searcher(cluster)


@pytest.fixture
def movies(ask: Searcher) -> Searcher:
    """Four films, and an index that was there before two of them."""
    films = {
        "11002": ("Star_Wars", "1980", "8.7", "Action", "1127635"),
        "11003": ("The_Godfather", "1972", "9.2", "Drama", "1563839"),
        "11004": ("Heat", "1995", "8.2", "Thriller", "559490"),
        "11005": ("Jedi", "1983", "8.3", "Action", "906260"),
    }
    made = "FT.CREATE films ON HASH PREFIX 1 film: SCHEMA title TEXT year NUMERIC rating NUMERIC genre TAG votes NUMERIC"
    for number, (key, film) in enumerate(films.items()):
        if number == 2:
            assert ask(made) == b"OK"
        pairs = " ".join(
            f"{name} {value}"
            for name, value in zip(("title", "year", "rating", "genre", "votes"), film, strict=True)
        )
        ask(f"HSET film:{key} {pairs}")
    return ask


# -- the manual's examples -------------------------------------------------------------------------------------------


def test_the_manuals_search_of_hashes(ask: Searcher) -> None:
    """https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-commands-ft.search.html"""
    ask(f"FT.CREATE hash_idx1 ON HASH PREFIX 1 hash: SCHEMA vec AS VEC {VECTOR.format('HNSW', 2, 'L2')}")
    ask("HSET hash:0 vec", floats(0, 0))
    ask("HSET hash:1 vec", b"\x00\x00\x00\x00\x00\x00\x80\xbf")
    ask("HSET other:2 vec", floats(0, 0))
    reply = ask.query(
        "hash_idx1", "*=>[KNN 2 @VEC $query_vec]", "PARAMS", "2", "query_vec", bytes(8), "DIALECT", "2"
    )
    assert reply == [
        2,
        b"hash:0",
        [b"__VEC_score", b"0", b"vec", bytes(8)],
        b"hash:1",
        [b"__VEC_score", b"1", b"vec", b"\x00\x00\x00\x00\x00\x00\x80\xbf"],
    ]


def test_distances_are_squares_in_twelve_digits(ask: Searcher) -> None:
    """Those of the manual's second example, as a client got them: 91 and 11.1100006104."""
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 6, 'L2')}")
    ask("HSET a v", floats(1, 2, 3, 4, 5, 6))
    ask("HSET b v", floats(1.1, 1.2, 1.3, 1.4, 1.5, 1.6))
    assert ask.nearest("i", 2, *[0.0] * 6) == [("b", "11.1100006104"), ("a", "91")]


def test_the_manuals_search_of_documents(ask: Searcher) -> None:
    """The same of JSON, as a client got it: a document is one text."""
    ask(f"FT.CREATE json_idx1 ON JSON PREFIX 1 json: SCHEMA $.vec AS VEC {VECTOR.format('HNSW', 6, 'L2')}")
    ask("JSON.SET json:0 .", b'{"vec": [1,2,3,4,5,6]}')
    ask("JSON.SET json:1 .", b'{"vec": [10,20,30,40,50,60]}')
    ask("JSON.SET json:2 .", b'{"vec": [1.1,1.2,1.3,1.4,1.5,1.6]}')
    query = "*=>[KNN 2 @VEC $query_vec]"
    assert ask.query("json_idx1", query, "PARAMS", "2", "query_vec", bytes(24), "DIALECT", "2") == [
        2,
        b"json:2",
        [b"__VEC_score", b"11.1100006104", b"$", b'{"vec":[1.1,1.2,1.3,1.4,1.5,1.6]}'],
        b"json:0",
        [b"__VEC_score", b"91", b"$", b'{"vec":[1,2,3,4,5,6]}'],
    ]


@pytest.fixture
def bikes(ask: Searcher) -> Searcher:
    """Documents with all that a field may find."""
    ask(
        "FT.CREATE bikes ON JSON PREFIX 1 bike: SCHEMA $.model AS model TEXT $.price AS price NUMERIC "
        "$.condition AS condition TAG $.colours AS colours TAG $.sold AS sold TAG $..sizes AS sizes TAG"
    )
    ask(
        "JSON.SET bike:0 .",
        b'{"model":"Jigger","price":270,"condition":"new","colours":["red","Blue"],"sold":true}',
    )
    ask("JSON.SET bike:1 .", b'{"model":"Hillcraft","price":1200.5,"condition":"used","a":{"sizes":"s,m"}}')
    ask("JSON.SET bike:2 .", b'{"model":null,"price":"815","condition":["new","used"],"b":{"sizes":["m"]}}')
    return ask


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("*", [0, 1, 2]),
        ("@price:[0 1000]", [0]),
        ("@price:[1200.5 1200.5]", [1]),
        ("@condition:{new}", [0, 2]),
        ("@colours:{blue}", [0]),
        ("@sold:{true}", [0]),
        ("@sizes:{m}", [1, 2]),
        ("@sizes:{s} @condition:{used}", [1]),
    ],
)
def test_filters_of_documents(bikes: Searcher, query: str, found: list[int]) -> None:
    assert bikes.keys("bikes", query) == [f"bike:{number}" for number in found]


def test_fields_of_documents(bikes: Searcher) -> None:
    reply = bikes.query("bikes", "@price:[0 1000]", *"RETURN 4 model price sold colours".split())
    assert reply[2] == [
        *(b"model", b"Jigger", b"price", b"270", b"sold", b"true"),
        *(b"colours", b'["red","Blue"]'),
    ]
    reply = bikes("FT.AGGREGATE bikes * GROUPBY 1 @condition REDUCE COUNT 0 AS n SORTBY 1 @condition")
    assert reply[1:] == [
        [b"condition", b'["new","used"]', b"n", b"1"],
        [b"condition", b"new", b"n", b"1"],
        [b"condition", b"used", b"n", b"1"],
    ]


def test_indexes_follow_documents(bikes: Searcher) -> None:
    bikes("JSON.NUMINCRBY bike:0 $.price 30")
    assert bikes.keys("bikes", "@price:[300 300]") == ["bike:0"]
    bikes("JSON.DEL bike:0 $.colours")
    assert bikes.keys("bikes", "@colours:{red}") == []
    bikes("JSON.DEL bike:1")
    bikes("DEL bike:2")
    bikes("HSET bike:3 price 5")
    assert bikes.keys("bikes", "*") == ["bike:0"]


@pytest.mark.parametrize("vector", [b"[1]", b"[1,2,3]", b'["a","b"]', b"[true,1]", b"7", b"{}"])
def test_vectors_of_documents_that_are_none(ask: Searcher, vector: bytes) -> None:
    ask(f"FT.CREATE i ON JSON SCHEMA $.v AS v {VECTOR.format('FLAT', 2, 'L2')}")
    ask("JSON.SET k $", b'{"v":' + vector + b"}")
    assert ask.keys("i", "*") == ["k"]
    assert ask.nearest("i", 5, 0, 0) == []
    ask("JSON.SET k $.v", b"[3,4]")
    assert ask.nearest("i", 5, 0, 0) == [("k", "25")]


def test_an_aggregation_as_a_client_got_it(movies: Searcher) -> None:
    reply = movies(
        "FT.AGGREGATE films * LOAD * APPLY ceil(@rating) AS r_rating GROUPBY 1 @genre "
        "REDUCE COUNT 0 AS films REDUCE SUM 1 votes AS votes REDUCE AVG 1 r_rating AS rating "
        "SORTBY 4 @rating DESC @votes DESC"
    )
    assert reply[1:] == [
        [b"genre", b"Drama", b"films", b"1", b"votes", b"1563839", b"rating", b"10"],
        [b"genre", b"Action", b"films", b"2", b"votes", b"2033895", b"rating", b"9"],
        [b"genre", b"Thriller", b"films", b"1", b"votes", b"559490", b"rating", b"9"],
    ]


def test_numbers_of_an_aggregation_are_doubles_in_resp3(movies: Searcher) -> None:
    movies("HELLO 3")
    reply = movies("FT.AGGREGATE films @genre:{drama} GROUPBY 1 @genre REDUCE COUNT 0 AS n")
    assert reply[1] == [b"genre", b"Drama", b"n", 1.0]
    assert isinstance(reply[1][3], float)


def test_explain(movies: Searcher) -> None:
    assert movies.send(b"FT.EXPLAIN", b"films", b"@year:[0 10]") == b"Field {\n\tyear\n\t0\n\t10\n}"
    shown = movies.send(b"FT.EXPLAINCLI", b"films", b"@year:[0 10]")
    assert shown == [b"Field {", b"  year", b"  0", b"  10", b"}"]
    assert b"Vector {" in movies.send(b"FT.EXPLAIN", b"films", b"*=>[KNN 2 @VEC $query_vec]")


def test_profile_shows_the_answer_and_times(movies: Searcher) -> None:
    answer, profile = movies("FT.PROFILE films SEARCH QUERY @genre:{action} RETURN 1 year")
    assert answer == movies("FT.SEARCH films @genre:{action} RETURN 1 year")
    assert [name for name, _ in profile] == [b"parse.time", b"all.count", b"search.time"]
    answer, _ = movies("FT.PROFILE films AGGREGATE LIMITED QUERY * GROUPBY 0 REDUCE COUNT 0 AS n")
    assert answer == [1, [b"n", b"4"]]


def test_info(ask: Searcher) -> None:
    ask(f"FT.CREATE i PREFIX 1 a: SCHEMA vec AS VEC {VECTOR.format('FLAT', 2, 'COSINE')} n NUMERIC")
    ask("HSET a:1 n 5 vec", floats(1, 2))
    ask("HSET a:2 n many")
    reply = ask("FT.INFO i")
    shown = dict(zip(reply[::2], reply[1::2], strict=True))
    assert shown[b"index_name"] == b"i"
    assert shown[b"creation_timestamp"] == NOW * 1000
    assert (shown[b"key_type"], shown[b"key_prefixes"]) == (b"HASH", [b"a:"])
    assert (shown[b"num_docs"], shown[b"num_indexed_vectors"]) == (2, 1)
    assert shown[b"backfill_status"] == b"Completed"
    number, vector = shown[b"fields"]
    assert number == [b"identifier", b"n", b"field_name", b"n", b"type", b"NUMERIC", b"option", b""]
    assert vector[:6] == [b"identifier", b"vec", b"field_name", b"VEC", b"type", b"VECTOR"]
    assert vector[-2] == b"vector_params"
    assert vector[-1][:8] == [
        *(b"algorithm", b"FLAT", b"data_type", b"FLOAT32"),
        *(b"dimension", 2, b"distance_metric", b"COSINE"),
    ]


def test_sections_of_info(ask: Searcher) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("HSET a n 1")
    text = ask("INFO SEARCH").decode()
    assert "# search_memory\r\n" in text
    assert "search_total_indexed_hash_keys:1\r\n" in text
    assert "# search_index_stats" in ask("INFO modules").decode()
    assert "search_" not in ask("INFO").decode()
    assert ask("INFO search_query") == b"# search_query\r\nsearch_num_active_queries:0\r\n"


# -- queries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("*", [2, 3, 4, 5]),
        ("(*)", [2, 3, 4, 5]),
        ("@year:[1980 1983]", [2, 5]),
        ("@year:[(1980 1983]", [5]),
        ("@year:[1980 (1983]", [2]),
        ("@rating:[-inf 8.3]", [4, 5]),
        ("@rating:[9 Inf]", [3]),
        ("@rating:[(8.7 +Inf]", [3]),
        ("@rating:[9 1]", []),
        ("@genre:{Action}", [2, 5]),
        ("@genre:{ action }", [2, 5]),
        ("@genre:{drama | thriller}", [3, 4]),
        ("@genre:{act}", []),
        ('@genre:{"drama"}', [3]),
        (r"@genre:{dra\ma | \|}", [3]),
        ("@genre:{action} @rating:[8.5 9]", [2]),
        ("@genre:{action} @rating:[8.5 9] | @genre:{drama}", [2, 3]),
        ("@genre:{action} (@rating:[8.5 9] | @genre:{drama})", [2]),
        ("(@genre:{drama}|@genre:{action}) @year:[1983 1983]", [5]),
    ],
)
def test_filters(movies: Searcher, query: str, found: list[int]) -> None:
    assert movies.keys("films", query) == [f"film:1100{number}" for number in found]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "syntax error"),
        ("heat", "syntax error"),
        ("-@genre:{action}", "syntax error"),
        ("@genre:{act*", "syntax error"),
        ("@genre:{}", "syntax error"),
        ("@genre:[1 2]", "not a numeric field"),
        ("@year:{1980}", "not a tag field"),
        ("@title:{heat}", "not a tag field"),
        ("@year:[1980]", "syntax error"),
        ("@year:[a b]", "Invalid number"),
        ("@plot:[1 2]", "Unknown field"),
        ("(@year:[1 2]", "syntax error"),
        ("*=>[KNN 2 @year $q]", "not a vector field"),
        ("*=>[KNN 0 @year $q]", "Invalid KNN count"),
        ("*=>[KNN 2 @year q]", "syntax error"),
        ("*=>[KNN 2 @year $q EF_RUNTIME 5000]", "Invalid EF_RUNTIME"),
        ("(" * 200 + "*" + ")" * 200, "too many parentheses"),
    ],
)
def test_queries_that_are_none(movies: Searcher, query: str, why: str) -> None:
    reply = movies.query("films", query, "PARAMS", "2", "q", bytes(8))
    assert why in reply


def test_parameters_stand_for_numbers_and_labels(movies: Searcher) -> None:
    found = movies.keys(
        "films", "@year:[$low $high] @genre:{$what}", *"PARAMS 6 low 1980 high 1983 what action".split()
    )
    assert found == ["film:11002", "film:11005"]
    assert movies.query("films", "@year:[$low 9999]") == "ERR Parameter not found: low"


@pytest.mark.parametrize(
    ("metric", "distances"),
    [
        ("L2", [("same", "0"), ("long", "1"), ("across", "2"), ("opposite", "4")]),
        ("IP", [("long", "-1"), ("same", "0"), ("across", "1"), ("opposite", "2")]),
        ("COSINE", [("same", "0"), ("long", "0"), ("across", "1"), ("opposite", "2")]),
    ],
)
@pytest.mark.parametrize("algorithm", ["FLAT", "HNSW"])
def test_metrics(ask: Searcher, metric: str, algorithm: str, distances: list[tuple[str, str]]) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format(algorithm, 2, metric)}")
    for key, vector in {"same": (1, 0), "long": (2, 0), "across": (0, 1), "opposite": (-1, 0)}.items():
        ask(f"HSET {key} v", floats(*vector))
    assert ask.nearest("i", 10, 1, 0) == distances
    assert ask.nearest("i", 1, 1, 0) == distances[:1]


def test_a_vector_of_zeros_is_at_a_right_angle_to_all(ask: Searcher) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 2, 'COSINE')}")
    ask("HSET zero v", floats(0, 0))
    ask("HSET one v", floats(1, 0))
    assert ask.nearest("i", 2, 1, 0) == [("one", "0"), ("zero", "1")]
    assert ask.nearest("i", 2, 0, 0) == [("zero", "1"), ("one", "1")]


def test_the_nearest_of_many_are_found_exactly(ask: Searcher) -> None:
    luck = Random(5)
    vectors = {f"k{number}": [luck.gauss(0, 1) for _ in range(8)] for number in range(300)}
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('HNSW', 8, 'L2')} n NUMERIC")
    for key, vector in vectors.items():
        ask(f"HSET {key} n {key[1:]} v", floats(*vector))
    wanted = [luck.gauss(0, 1) for _ in range(8)]
    by_distance = sorted(vectors, key=lambda key: math.dist(vectors[key], wanted))
    assert [key for key, _ in ask.nearest("i", 20, *wanted)] == by_distance[:20]
    some = [key for key in by_distance if int(key[1:]) < 100]
    assert [key for key, _ in ask.nearest("i", 5, *wanted, among="@n:[0 (100]")] == some[:5]


def test_vectors_within_a_range(ask: Searcher) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 2, 'L2')} t TAG")
    for number in range(4):
        ask(f"HSET k{number} t {'even' if number % 2 == 0 else 'odd'} v", floats(number, 0))
    near = ("PARAMS", "4", "q", floats(0, 0), "r", "4")
    assert ask.keys("i", "@v:[VECTOR_RANGE 1 $q]", *near) == ["k0", "k1"]
    assert ask.keys("i", "@v:[VECTOR_RANGE $r $q] @t:{even}", *near) == ["k0", "k2"]
    query = "@t:{even} @v:[VECTOR_RANGE $r $q]=>{$yield_distance_as: d, $epsilon: 0.5}"
    reply = ask.query("i", query, *near, "RETURN", "1", "d", "SORTBY", "d", "DESC")
    assert reply == [2, b"k2", [b"d", b"4"], b"k0", [b"d", b"0"]]


def test_a_query_vector_must_have_the_fields_dimensions(ask: Searcher) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 2, 'L2')}")
    assert "Invalid query vector" in ask.query("i", "*=>[KNN 1 @v $q]", "PARAMS", "2", "q", bytes(12))
    assert "Parameter not found" in ask.query("i", "*=>[KNN 1 @v $q]")


def test_what_is_returned(movies: Searcher) -> None:
    reply = movies.query("films", "@genre:{drama}", *"RETURN 4 title AS t year".split())
    assert reply == [1, b"film:11003", [b"t", b"The_Godfather", b"year", b"1972"]]
    assert movies.query("films", "*", "COUNT") == [4]
    assert movies.query("films", "*", *"LIMIT 0 0".split()) == [4]
    assert movies.keys("films", "*", *"LIMIT 1 2".split()) == ["film:11003", "film:11004"]
    assert movies.query("films", "*", *"RETURN 1 plot".split()) == "ERR Unknown field: plot"
    assert movies.query("films", "*", "NOCONTENT") == "ERR Unknown argument: NOCONTENT"
    assert movies.keys("films", "*", *"SORTBY rating".split())[0] == "film:11004"
    assert movies.query("films", "*", *"TIMEOUT 10001".split()).startswith("ERR TIMEOUT")


def test_ten_keys_are_returned_unless_told_otherwise(ask: Searcher) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    for number in range(12):
        ask(f"HSET k{number} n {number}")
    reply = ask.query("i", "*")
    assert (reply[0], len(reply)) == (12, 21)


def test_a_query_that_takes_too_long_is_ended(ask: Searcher) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 2, 'L2')}")
    ask("HSET k v", floats(1, 1))
    moments = iter(range(1000))
    ask.cluster.clock = lambda: float(next(moments))
    slow = ("PARAMS", "2", "q", floats(0, 0), "TIMEOUT", "500")
    assert ask.query("i", "*=>[KNN 1 @v $q]", *slow) == "ERR Search query timed out"


@pytest.mark.parametrize("mark", [" ", "|"])
def test_so_is_one_of_many_terms(ask: Searcher, mark: str) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC")
    ask("HSET k n 1")
    moments = iter(range(1000))
    ask.cluster.clock = lambda: float(next(moments))
    query = mark.join(f"@n:[0 {number}]" for number in range(1, 100))
    assert ask.query("i", query, "TIMEOUT", "50") == "ERR Search query timed out"


def test_terms_may_be_there_twice(ask: Searcher) -> None:
    ask("FT.CREATE i SCHEMA t TAG n NUMERIC")
    for number in range(5):
        ask(f"HSET k{number} t all,t{number} n {number}")
    assert ask.keys("i", " ".join(["@t:{all}", "@n:[1 3]"] * 50)) == ["k1", "k2", "k3"]
    assert ask.keys("i", "|".join(["@t:{t1}", "@t:{ t1 | T1 | t4}"] * 50)) == ["k1", "k4"]


# -- aggregations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "records"),
    [
        ("LOAD 2 title @year", [["title", "Heat", "year", "1995"]]),
        ("LOAD 1 __key", [["__key", "film:11004"]]),
        ("", [[]]),
        ("APPLY @year+5*2 AS y", [["y", "2005"]]),
        ("APPLY (@year+5)*2 AS y", [["y", "4000"]]),
        ("APPLY -@year AS y", [["y", "-1995"]]),
        ("APPLY 2^3^2%100 AS y", [["y", "12"]]),
        ("APPLY @year/0 AS y", [["y", "nan"]]),
        ("APPLY upper(@title) AS t", [["t", "HEAT"]]),
        ("APPLY substr(@title,1,2) AS t", [["t", "ea"]]),
        ("APPLY startswith(@title,'He')&&strlen(@title)==4 AS t", [["t", "1"]]),
        ("APPLY timefmt(0) AS t", [["t", "1970-01-01T00:00:00Z"]]),
        ("APPLY parsetime('1970-01-02','%F') AS t", [["t", "86400"]]),
        ("APPLY exists(@title)+!exists(@missing) AS t LOAD 1 year", [["year", "1995", "t", "2"]]),
        ("FILTER @year>=1995", [[]]),
        ("FILTER @year!=1995", []),
        ("FILTER '@year<1990||@title==\"Heat\"'", [[]]),
        ("GROUPBY 0 REDUCE TOLIST 1 title AS all", [["all", ["Heat"]]]),
        ("GROUPBY 1 @genre REDUCE MAX 1 @year", [["genre", "Thriller", "__generated_aliasmaxyear", "1995"]]),
    ],
)
def test_stages(movies: Searcher, stages: str, records: list[Any]) -> None:
    movies("FT.CREATE one PREFIX 1 film:11004 SCHEMA title TEXT year NUMERIC genre TAG missing TEXT")
    argv = [word.strip("'" if "||" in word else "").encode() for word in stages.split()]
    reply = movies.send(b"FT.AGGREGATE", b"one", b"*", *argv)
    assert _decoded(reply)[1:] == records


def _decoded(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_decoded(each) for each in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


@pytest.mark.parametrize(
    ("reducer", "result"),
    [
        ("COUNT 0", "5"),
        ("COUNT_DISTINCTISH 1 @n", "4"),
        ("SUM 1 @n", "11"),
        ("MIN 1 @n", "1"),
        ("MAX 1 @n", "4"),
        ("AVG 1 @n", "2.2"),
        ("STDDEV 1 @n", "1.3038404810405297"),
        ("QUANTILE 2 @n 0.5", "2"),
        ("TOLIST 1 @n", ["1", "2", "3", "4"]),
        ("FIRST_VALUE 1 @n", "1"),
        ("FIRST_VALUE 4 @name BY @n DESC", "k4"),
        ("FIRST_VALUE 3 @name BY @n", "k0"),
        ("RANDOM_SAMPLE 2 @n 100", 5),
    ],
)
def test_reducers(ask: Searcher, reducer: str, result: Any) -> None:
    ask("FT.CREATE i SCHEMA n NUMERIC name TEXT")
    for number, value in enumerate((1, 1, 2, 3, 4)):
        ask(f"HSET k{number} n {value} name k{number}")
    reply = _decoded(ask(f"FT.AGGREGATE i * GROUPBY 0 REDUCE {reducer} AS r"))
    assert (len(reply[1][1]) if isinstance(result, int) else reply[1][1]) == result


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        ("APPLY 1+ AS x", "Invalid expression"),
        ("APPLY nothing(1) AS x", "Unknown function: nothing"),
        ("APPLY lower(1,2) AS x", "Wrong number of arguments for function lower"),
        ("APPLY 1 x", "APPLY needs AS"),
        ("APPLY @plot AS x", "Unknown field: plot"),
        ("LOAD 1 plot", "Unknown field: plot"),
        ("GROUPBY 1 @genre FILTER @year>1", "Unknown property: year"),
        ("GROUPBY 1 @genre REDUCE MEDIAN 1 @year", "Unknown reducer: MEDIAN"),
        ("GROUPBY 1 @genre REDUCE COUNT 1 @year", "Wrong arguments for reducer COUNT"),
        ("LIMIT -1 2", "LIMIT offset"),
        ("GROUPBY 17 " + "@genre " * 17, "cannot exceed 16"),
        ("LIMIT 0 1 " * 33, "number of stages cannot exceed 32"),
        ("WITHCURSOR", "Unknown argument: WITHCURSOR"),
    ],
)
def test_aggregations_that_are_none(movies: Searcher, stages: str, why: str) -> None:
    assert why in movies(f"FT.AGGREGATE films * {stages}")


def test_distances_can_be_worked_with(ask: Searcher) -> None:
    ask(f"FT.CREATE i SCHEMA v {VECTOR.format('FLAT', 1, 'L2')}")
    for number in range(3):
        ask(f"HSET k{number} v", floats(number))
    reply = ask.send(
        b"FT.AGGREGATE", b"i", b"*=>[KNN 2 @v $q]", b"PARAMS", b"2", b"q", floats(3),
        *b"LOAD 1 __key APPLY sqrt(@__v_score) AS far SORTBY 2 @far DESC".split(),
    )  # fmt: skip
    assert reply[1:] == [[b"__key", b"k1", b"far", b"2"], [b"__key", b"k2", b"far", b"1"]]


def test_config_shows_the_parameters_of_search(ask: Searcher) -> None:
    assert ask("FT.CONFIG GET *") == [[b"search-enabled", b"yes"], [b"search-query-timeout-ms", b"10000"]]
    assert ask("FT.CONFIG get *timeout*") == [[b"search-query-timeout-ms", b"10000"]]
    assert ask("FT.CONFIG GET nosuch") == []
    assert "parameter group" in ask("FT.CONFIG SET search-query-timeout-ms 1")
    assert "parameter group" in ask("FT.CONFIG GET")
