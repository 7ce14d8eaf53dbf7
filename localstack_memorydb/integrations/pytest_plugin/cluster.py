"""Clusters for tests: made as a marker describes them, gone or emptied afterwards."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from localstack_memorydb.integrations.pytest_plugin.api import Api, Refusal
from localstack_memorydb.integrations.pytest_plugin.emulator import RunningEmulator
from localstack_memorydb.integrations.pytest_plugin.wanted import Wanted

_WAIT_SECONDS = 60.0
_DEFAULT_ENGINE = "redis"  # CreateCluster's
_EVERYTHING = "on ~* &* +@all"
# What a test may do to a cluster by the API, so that the next one cannot have it.
_SHAPE = (
    "ARN",
    "Status",
    "NumberOfShards",
    "NodeType",
    "EngineVersion",
    "ACLName",
    "ParameterGroupName",
    "SecurityGroups",
)


@dataclass(frozen=True)
class User:
    """One who may connect, by password."""

    name: str
    access_string: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Cluster:
    """A cluster that is available: where it listens, who may connect, and clients for it.

    `address` and `port` are those of its configuration endpoint.
    """

    name: str
    arn: str
    address: str
    port: int
    tls: bool
    users: dict[str, User]
    decode_responses: bool
    emulator: RunningEmulator
    api: Api = field(repr=False)

    def describe(self) -> dict[str, Any]:
        """What DescribeClusters says of it now, with its shards and nodes."""
        answer = self.api.call("DescribeClusters", ClusterName=self.name, ShowShardDetails=True)
        found: dict[str, Any] = answer["Clusters"][0]
        return found

    @property
    def url(self) -> str:
        """rediss://address:port, or redis:// without TLS."""
        return f"{'rediss' if self.tls else 'redis'}://{self.address}:{self.port}"

    def options(self, user: str | None = None) -> dict[str, Any]:
        """Keyword arguments for any client of redis-py: address, TLS, and the user, who is the first one unless named."""
        chosen: dict[str, Any] = {"host": self.address, "port": self.port}
        if self.decode_responses:
            chosen["decode_responses"] = True
        if self.tls:
            chosen |= {"ssl": True, "ssl_ca_data": self.emulator.ca_certificate}
        if self.users:
            found = self.users[user] if user is not None else next(iter(self.users.values()))
            chosen |= {"username": found.name, "password": found.password}
        elif user is not None:
            raise KeyError(user)
        return chosen

    def redis(self, user: str | None = None, **more: Any) -> Any:
        """A new redis.cluster.RedisCluster, connected, for the caller to close; `more` is for redis-py."""
        _require_redis()
        from redis.cluster import RedisCluster
        from redis.exceptions import NoPermissionError

        with _no_other_authority():
            client = RedisCluster(**_who_it_is() | self.options(user) | more)
            with suppress(NoPermissionError):
                client.ping(target_nodes=RedisCluster.PRIMARIES)
        return client

    def async_redis(self, user: str | None = None, **more: Any) -> Any:
        """A new redis.asyncio.cluster.RedisCluster: `async with memorydb_cluster.async_redis() as redis:`."""
        _require_redis()
        from redis.asyncio.cluster import RedisCluster

        return RedisCluster(**self.options(user) | more)


@contextmanager
def _no_other_authority() -> Iterator[None]:
    """Spare redis-py the system's certificates: it reads all of them for each connection, tens of milliseconds."""
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before


@cache
def _who_it_is() -> dict[str, Any]:
    """What redis-py tells of itself: for every client it reads that anew from the files of its package, 2 ms."""
    from redis.cluster import REDIS_ALLOWED_KEYS

    if "driver_info" not in REDIS_ALLOWED_KEYS:
        return {}
    from redis.driver_info import DriverInfo

    return {"driver_info": DriverInfo()}


def _require_redis() -> None:
    try:
        import redis  # noqa: F401
    except ImportError:
        pytest.fail(
            "this fixture needs redis-py, which is not installed: pip install redis "
            "(memorydb_cluster gives the address to clients of other kinds)",
            pytrace=False,
        )


@dataclass(frozen=True)
class _Made:
    """A cluster, and how it and what was made for it is deleted."""

    cluster: Cluster
    description: Wanted
    keeper: User | None
    shape: dict[str, Any]
    undo: ExitStack


class Clusters:
    """The clusters of a session. A shared one is kept and emptied, any other is deleted with its users."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._emulator = emulator
        self._api = Api(emulator.endpoint_url, emulator.region)
        self._run = secrets.token_hex(3)
        self._count = 0
        self._shared: list[_Made] = []

    @contextmanager
    def cluster(self, description: Wanted) -> Iterator[Cluster]:
        """A cluster for the length of the block."""
        if description.shared:
            yield self._shared_one(description).cluster
            return
        made = self._make(description)
        with made.undo:
            yield made.cluster

    def close(self) -> None:
        """Delete the shared ones."""
        while self._shared:
            self._shared.pop().undo.close()
        self._api.close()

    def _shared_one(self, description: Wanted) -> _Made:
        for made in self._shared:
            if made.description == description:
                if self._as_it_was(made) and _emptied(made):
                    return made
                self._shared.remove(made)
                made.undo.close()
                break
        self._shared.append(made := self._make(description))
        return made

    def _as_it_was(self, made: _Made) -> bool:
        """Whether no test has changed or deleted the cluster."""
        try:
            now = _shape(made.cluster.describe())
        except Refusal as refusal:
            if refusal.is_absence:
                return False
            raise
        return now == made.shape

    def _make(self, description: Wanted) -> _Made:
        """A cluster and its users; nothing is left when the emulator refuses any of it."""
        self._count += 1
        with ExitStack() as undo:
            try:
                made = self._made(description, f"{self._run}-{self._count}", undo)
            except Refusal as error:
                refusal = str(error)
            else:
                return replace(made, undo=undo.pop_all())
        pytest.fail(f"the cluster of this test cannot be made: {refusal}", pytrace=False)

    def _made(self, description: Wanted, run: str, undo: ExitStack) -> _Made:
        users = {name: _user(name, run, access) for name, access in description.users.items()}
        keeper = _user("pytest", run, _EVERYTHING) if users and description.shared else None
        request = {"ClusterName": f"pytest-{run}", "ACLName": "open-access"}
        if users:
            everybody = [*users.values(), *([keeper] if keeper else [])]
            request["ACLName"] = self._acl(f"pytest-{run}", everybody, undo)
        if description.parameters:
            request["ParameterGroupName"] = self._parameter_group(f"pytest-{run}", description, undo)
        name = self._api.call("CreateCluster", **request | description.request())["Cluster"]["Name"]
        undo.callback(self._delete_cluster, name, wait=bool(users or description.parameters))
        row = self._until_available(name)
        cluster = Cluster(
            name=name,
            arn=row["ARN"],
            address=row["ClusterEndpoint"]["Address"],
            port=row["ClusterEndpoint"]["Port"],
            tls=row["TLSEnabled"],
            users=users,
            decode_responses=description.decode_responses,
            emulator=self._emulator,
            api=self._api,
        )
        return _Made(cluster, description, keeper, _shape(row), ExitStack())

    def _acl(self, name: str, users: list[User], undo: ExitStack) -> str:
        for user in users:
            self._api.call(
                "CreateUser",
                UserName=user.name,
                AccessString=user.access_string,
                AuthenticationMode={"Type": "password", "Passwords": [user.password]},
            )
            undo.callback(self._gone, "DeleteUser", UserName=user.name)
        self._api.call("CreateACL", ACLName=name, UserNames=[user.name for user in users])
        undo.callback(self._delete_acl, name)
        _wait(
            lambda: self._api.call("DescribeACLs", ACLName=name)["ACLs"][0]["Status"] == "active",
            f"ACL {name}",
        )
        return name

    def _parameter_group(self, name: str, description: Wanted, undo: ExitStack) -> str:
        values = [
            {"ParameterName": parameter, "ParameterValue": value}
            for parameter, value in description.parameters.items()
        ]
        self._api.call("CreateParameterGroup", ParameterGroupName=name, Family=self._family(description))
        undo.callback(self._gone, "DeleteParameterGroup", ParameterGroupName=name)
        self._api.call("UpdateParameterGroup", ParameterGroupName=name, ParameterNameValues=values)
        return name

    def _family(self, description: Wanted) -> str:
        """The family of parameter groups that fits the engine version, which is the newest unless the test names one."""
        asked: dict[str, Any] = {"Engine": description.engine or _DEFAULT_ENGINE}
        if description.engine_version:
            asked["EngineVersion"] = description.engine_version
        else:
            asked["DefaultOnly"] = True
        versions = self._api.call("DescribeEngineVersions", **asked)["EngineVersions"]
        if not versions:
            pytest.fail(f"there is no engine {asked}", pytrace=False)
        return str(versions[0]["ParameterGroupFamily"])

    def _until_available(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def available() -> bool:
            answer = self._api.call("DescribeClusters", ClusterName=name, ShowShardDetails=True)
            found.update(answer["Clusters"][0])
            if found["Status"].endswith("failed"):
                pytest.fail(f"cluster {name}: {found['Status']}", pytrace=False)
            return bool(found["Status"] == "available")

        _wait(available, f"cluster {name}")
        return found

    def _delete_cluster(self, name: str, wait: bool) -> None:
        """Delete it, unless the test has; `wait` until nothing belongs to it any more."""
        _wait(lambda: self._deleted(name), f"the deletion of cluster {name}")
        if wait:
            _wait(lambda: self._gone("DescribeClusters", ClusterName=name), f"the end of cluster {name}")

    def _deleted(self, name: str) -> bool:
        """Delete it; False while a change that a test has begun goes on."""
        try:
            self._gone("DeleteCluster", ClusterName=name)
        except Refusal as refusal:
            if refusal.code == "InvalidClusterStateFault":
                return False
            raise
        return True

    def _delete_acl(self, name: str) -> None:
        self._gone("DeleteACL", ACLName=name)
        _wait(lambda: self._gone("DescribeACLs", ACLName=name), f"the end of ACL {name}")

    def _gone(self, operation: str, **params: str) -> bool:
        """Make a call; whether what it is about is not there. Anything else that is refused is refused again."""
        try:
            self._api.call(operation, **params)
        except Refusal as refusal:
            if refusal.is_absence:
                return True
            raise
        return False


def _user(name: str, run: str, access_string: str) -> User:
    return User(f"{name}-{run}", access_string, secrets.token_hex(16))


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    shards = [(shard["Slots"], shard["NumberOfNodes"]) for shard in row["Shards"]]
    return {name: row.get(name) for name in _SHAPE} | {"shards": shards}


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    pause = 0.001
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} is not there after {_WAIT_SECONDS:.0f} seconds", pytrace=False)
        time.sleep(pause)
        pause = min(pause * 2, 0.1)


def _emptied(made: _Made) -> bool:
    """Empty every node; False when that cannot be had, because the test's options name another ACL, say."""
    nodes = [node for shard in made.cluster.describe()["Shards"] for node in shard["Nodes"]]
    return all(_emptied_node(made, node["Endpoint"]) for node in nodes)


def _emptied_node(made: _Made, endpoint: dict[str, Any]) -> bool:
    """By inline commands, since a user of memorydb_cluster need not have redis-py."""
    commands = ["FLUSHALL", "FUNCTION FLUSH"]
    if made.description.parameters.get("search-enabled") == "yes":
        commands.append("FT._LIST")  # a cluster with an index is replaced
    if made.keeper is not None:
        commands.insert(0, f"AUTH {made.keeper.name} {made.keeper.password}")
    plain = socket.create_connection((endpoint["Address"], endpoint["Port"]), _WAIT_SECONDS)
    with plain, _secured(made.cluster, plain, endpoint["Address"]) as connection:
        connection.sendall("".join(f"{command}\r\n" for command in commands).encode())
        with connection.makefile("rb") as lines:
            answers = [lines.readline() for _ in commands]
    # A replica follows its primary, and says so.
    return all(answer.startswith((b"+OK", b"-READONLY", b"-MOVED", b"*0")) for answer in answers)


def _secured(cluster: Cluster, plain: socket.socket, address: str) -> socket.socket:
    if not cluster.tls:
        return plain
    context = ssl.create_default_context(cadata=cluster.emulator.ca_certificate)
    return context.wrap_socket(plain, server_hostname=address)
