"""The fixtures as a user's suite has them: suites are written, run by pytest in a process of its own, and judged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import psutil
import pytest

from .endpoint import Endpoint, environment
from .test_documents import blocks

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a suite in which warnings are errors; its text begins with the imports that all of them need."""
    kept = environment(pytester.path)
    for name in set(os.environ) - set(kept):
        monkeypatch.delenv(name)
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_suite="import asyncio, pytest\n" + source)
        return pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", "-p", "no:randomly", *options, timeout=240
        )

    return run


def test_each_test_has_an_empty_cluster_of_its_own(suite: Run) -> None:
    suite(
        """
seen = set()

@pytest.mark.parametrize("number", range(3))
def test_own(memorydb_redis, memorydb_cluster, number):
    assert memorydb_redis.dbsize() == 0
    memorydb_redis.set("key", number)
    assert memorydb_redis.get("key") == b"%d" % number
    assert memorydb_cluster.arn not in seen
    seen.add(memorydb_cluster.arn)

def test_none_is_left(memorydb_client):
    assert memorydb_client.describe_clusters()["Clusters"] == []
"""
    ).assert_outcomes(passed=4)


def test_a_marker_describes_the_cluster(suite: Run) -> None:
    suite(
        """
@pytest.mark.memorydb(shards=2, replicas=1, tls=False, engine="valkey", decode_responses=True)
class TestTwoShards:
    def test_shape(self, memorydb_cluster):
        found = memorydb_cluster.describe()
        assert [shard["NumberOfNodes"] for shard in found["Shards"]] == [2, 2]
        assert (found["Engine"], found["TLSEnabled"]) == ("valkey", False)
        assert memorydb_cluster.url.startswith("redis://127.")

    def test_text(self, memorydb_redis):
        memorydb_redis.set("key", "value")
        assert memorydb_redis.get("key") == "value"

    @pytest.mark.memorydb(shards=3)
    def test_the_closest_marker_has_the_last_word(self, memorydb_cluster):
        found = memorydb_cluster.describe()
        assert (len(found["Shards"]), found["TLSEnabled"]) == (3, False)

@pytest.mark.memorydb(parameters={"maxmemory-policy": "allkeys-lfu"}, options={"Description": "mine"})
def test_parameters(memorydb_cluster, memorydb_client):
    found = memorydb_cluster.describe()
    assert found["Description"] == "mine"
    rows = memorydb_client.describe_parameters(ParameterGroupName=found["ParameterGroupName"])["Parameters"]
    assert ("maxmemory-policy", "allkeys-lfu") in {(row["Name"], row.get("Value")) for row in rows}

def test_everything_is_deleted(memorydb_client):
    rows = memorydb_client.describe_parameter_groups()["ParameterGroups"]
    assert [row["Name"] for row in rows if row["Name"].startswith("pytest")] == []
"""
    ).assert_outcomes(passed=5)


def test_users_may_do_what_their_access_strings_say(suite: Run) -> None:
    suite(
        """
from redis.exceptions import NoPermissionError

READ = "on ~* &* +@read +@connection +cluster"
pytestmark = pytest.mark.memorydb(users={"app": "on ~app:* &* +@all", "reader": READ})

def test_two_users(memorydb_cluster, memorydb_redis):
    memorydb_redis.set("app:1", "value")
    with pytest.raises(NoPermissionError):
        memorydb_redis.set("other", "value")
    reader = memorydb_cluster.redis("reader")
    assert reader.get("app:1") == b"value"
    with pytest.raises(NoPermissionError):
        reader.set("app:1", "value")
    reader.close()
    assert memorydb_cluster.users["app"].password not in repr(memorydb_cluster)

@pytest.mark.memorydb(shared=True)
@pytest.mark.parametrize("number", range(2))
def test_a_shared_cluster_with_users_is_emptied(memorydb_redis, number):
    assert memorydb_redis.dbsize() == 0
    memorydb_redis.set("app:1", "value")
"""
    ).assert_outcomes(passed=3)


def test_a_shared_cluster_for_search_has_no_indexes(suite: Run) -> None:
    suite(
        """
@pytest.mark.memorydb(parameters={"search-enabled": "yes"}, shared=True)
@pytest.mark.parametrize("number", range(2))
def test_search(memorydb_redis, number):
    made = memorydb_redis.execute_command("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC", target_nodes="primaries")
    assert made == b"OK"
"""
    ).assert_outcomes(passed=2)


def test_a_shared_cluster_is_emptied_and_replaced_when_a_test_changes_it(
    suite: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORYDB_TRANSITION_DELAY", "0.3")  # changes go on when the test has ended
    suite(
        """
pytestmark = pytest.mark.memorydb(shards=2, shared=True)
arns = []

def test_first(memorydb_cluster, memorydb_redis):
    arns.append(memorydb_cluster.arn)
    for number in range(50):
        memorydb_redis.set(number, number)
    memorydb_redis.function_load("#!lua name=lib\\nredis.register_function('f', function() return 1 end)")

def test_second(memorydb_cluster, memorydb_redis, memorydb_client):
    assert memorydb_redis.dbsize() == 0
    assert [found for found in memorydb_redis.function_list().values() if found] == []
    assert memorydb_cluster.arn == arns[0]
    memorydb_client.update_cluster(ClusterName=memorydb_cluster.name, ShardConfiguration={"ShardCount": 3})

def test_third(memorydb_cluster, memorydb_client):
    assert len(memorydb_cluster.describe()["Shards"]) == 2
    assert memorydb_cluster.arn != arns[0]
    memorydb_client.delete_cluster(ClusterName=memorydb_cluster.name)

def test_fourth(memorydb_redis):
    assert memorydb_redis.dbsize() == 0
"""
    ).assert_outcomes(passed=4)


def test_asynchronous_tests(suite: Run) -> None:
    suite(
        """
@pytest.mark.asyncio
@pytest.mark.memorydb(shards=2)
async def test_fixture(memorydb_async_redis):
    await memorydb_async_redis.set("key", "value")
    assert await memorydb_async_redis.get("key") == b"value"

def test_without_any_plugin(memorydb_cluster):
    async def story():
        async with memorydb_cluster.async_redis(decode_responses=True) as redis:
            await redis.set("key", "value")
            return await redis.get("key")

    assert asyncio.run(story()) == "value"
"""
    ).assert_outcomes(passed=2)


def test_workers_of_xdist_share_nothing(suite: Run) -> None:
    suite(
        """
@pytest.mark.parametrize("number", range(6))
def test_own(memorydb_redis, memorydb_client, number):
    assert memorydb_redis.dbsize() == 0
    memorydb_redis.set("key", number)
    assert len(memorydb_client.describe_clusters()["Clusters"]) == 1
""",
        "-n2",
    ).assert_outcomes(passed=6)


def test_other_services_and_moto_beside_it(suite: Run) -> None:
    suite(
        """
def test_export(memorydb_emulator, memorydb_client, memorydb_cluster):
    s3 = memorydb_emulator.client("s3")
    s3.create_bucket(Bucket="exports")
    memorydb_client.create_snapshot(ClusterName=memorydb_cluster.name, SnapshotName="first")
    for _ in range(1000):
        if memorydb_client.describe_snapshots(SnapshotName="first")["Snapshots"][0]["Status"] == "available":
            break
    memorydb_client.copy_snapshot(
        SourceSnapshotName="first", TargetSnapshotName="first-copy", TargetBucket="exports"
    )
    for _ in range(1000):
        found = memorydb_client.describe_snapshots(SnapshotName="first")["Snapshots"][0]["Status"]
        if found == "available" and "Contents" in s3.list_objects_v2(Bucket="exports"):
            break
    assert [row["Key"] for row in s3.list_objects_v2(Bucket="exports")["Contents"]] == ["first-copy-0001.rdb"]

def test_mock_aws_takes_nothing_away(memorydb_redis):
    import boto3
    from moto import mock_aws

    memorydb_redis.set("key", "value")
    with mock_aws():
        assert boto3.client("s3", region_name="us-east-1").list_buckets()["Buckets"] == []
    assert memorydb_redis.get("key") == b"value"
"""
    ).assert_outcomes(passed=2)


USES_A_GIVEN_ENDPOINT = """
@pytest.mark.parametrize("shared", [True, False])
def test_marker(request, memorydb_emulator, shared):
    request.node.add_marker(pytest.mark.memorydb(users={"app": "on ~* &* +@all"}, shared=shared))
    redis = request.getfixturevalue("memorydb_redis")
    redis.set("key", "value")
    assert redis.get("key") == b"value"
    assert memorydb_emulator.endpoint_url == "URL"
"""


def test_a_given_endpoint_is_used_and_left_as_it_was(endpoint: Endpoint, suite: Run) -> None:
    memorydb = endpoint.client("memorydb")

    def names() -> list[list[str]]:
        return [
            [row["Name"] for row in memorydb.describe_clusters()["Clusters"]],
            [row["Name"] for row in memorydb.describe_acls()["ACLs"]],
            [row["Name"] for row in memorydb.describe_users()["Users"]],
        ]

    before = names()
    source = USES_A_GIVEN_ENDPOINT.replace("URL", endpoint.url)
    suite(source, "--memorydb-endpoint-url", endpoint.url + "/").assert_outcomes(passed=2)
    assert names() == before


def test_a_marker_that_cannot_be_had_is_refused_and_leaves_nothing(suite: Run) -> None:
    result = suite(
        """
@pytest.mark.parametrize("number", [
    pytest.param(number, marks=mark)
    for number, mark in enumerate([
        pytest.mark.memorydb(shard=2),
        pytest.mark.memorydb(2),
        pytest.mark.memorydb(users=["app"]),
        pytest.mark.memorydb(node_type="db.huge"),
        pytest.mark.memorydb(users={"app": "on ~* +@all", "wrong": "on +nonsense"}),
    ])
])
def test_refused(memorydb_cluster, number): ...

def test_nothing_is_left(memorydb_client):
    assert [row["Name"] for row in memorydb_client.describe_users()["Users"]] == ["default"]
"""
    )
    result.assert_outcomes(errors=5, passed=1)
    result.stdout.fnmatch_lines(
        [
            "pytest.mark.memorydb: there is no shard; there are shards, replicas, *",
            "pytest.mark.memorydb takes keyword arguments only, such as shards=2",
            "pytest.mark.memorydb: users must be a dict",
            "the cluster of this test cannot be made: *InvalidParameterValueException*",
            "the cluster of this test cannot be made: *InvalidParameterValueException*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_an_endpoint_that_does_not_answer_is_named(suite: Run) -> None:
    result = suite(
        "def test_unreachable(memorydb_client): ...\n", "--memorydb-endpoint-url", "http://127.0.0.1:1"
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no MemoryDB emulator answers at http://127.0.0.1:1: *refused*"])


def test_a_setting_that_cannot_be_used_is_named(suite: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYDB_PORT_RANGE", "none")
    result = suite("def test_refused(memorydb_client): ...\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*MEMORYDB_PORT_RANGE=none: must be two ports, first-last"])


def test_redis_py_is_wanted_by_its_fixture_only(suite: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['redis'] = None\n")
    result = suite(
        "def test_address(memorydb_cluster):\n    assert memorydb_cluster.port == 6379\n"
        "def test_client(memorydb_redis): ...\n"
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["this fixture needs redis-py, which is not installed: pip install redis *"])


def test_a_suite_that_does_not_use_it_imports_nothing_for_it(suite: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import sys\n"
        "def pytest_sessionfinish():\n"
        "    heavy = {'boto3', 'botocore', 'moto', 'redis', 'localstack_memorydb.engine'}\n"
        "    assert 'localstack_memorydb.integrations.pytest_plugin' in sys.modules\n"
        "    print('imported:', sorted(heavy & set(sys.modules)))\n"
    )
    result = suite("def test_nothing(): ...\n", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*imported: []"])


@pytest.fixture
def hanging(pytester: pytest.Pytester) -> Iterator[subprocess.Popen[str]]:
    """A test run that prints where its emulator is, and then waits for its end."""
    pytester.makepyfile(
        "import sys\n"
        "def test_hanging(memorydb_emulator):\n"
        "    print(memorydb_emulator.endpoint_url, flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:asyncio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(pytester.path),
        cwd=pytester.path,
        # What runs in the background of a shell inherits that SIGINT is ignored; a person's terminal has it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_the_emulator_does_not_outlive_its_test_run(
    hanging: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert hanging.stdout is not None
    url = hanging.stdout.readline().strip()
    assert urlopen(url + "/_localstack/health", timeout=60).status == 200
    hosts = psutil.Process(hanging.pid).children(recursive=True)
    assert hosts != []
    hanging.send_signal(number)
    hanging.wait(60)
    _, alive = psutil.wait_procs(hosts, timeout=60)
    assert alive == []


def test_the_documents_suites_pass(suite: Run, pytester: pytest.Pytester) -> None:
    first, *more = blocks("docs/pytest.md", "python")
    suite("\n".join([first, *(text for text in more if "conftest.py" not in text)])).assert_outcomes(passed=8)
