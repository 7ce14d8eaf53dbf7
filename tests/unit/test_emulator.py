"""What a host's emulator does by itself, while nobody calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localstack_memorydb.integrations import emulator as emulator_module
from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.provider import Fault
from localstack_memorydb.provider.ports import Datum, Ports, Scope
from localstack_memorydb.provider.windows import (
    DAYS,
    require_apart,
    require_maintenance_window,
    require_snapshot_window,
)
from localstack_memorydb.settings import Settings, SettingsError
from tests.world import ACCOUNT, REGION, Buckets, Metrics, Subnets


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    emulator = Emulator(Settings(), lambda: Ports(Buckets(), Subnets()))
    yield emulator
    emulator.close()


def call(emulator: Emulator, operation: str, **params: Any) -> dict[str, Any]:
    return emulator.invoke(operation, params, account=ACCOUNT, region=REGION)


def windows_around(now: datetime) -> dict[str, str]:
    """A snapshot window that it is now, at any time of the day, and a maintenance window apart from it."""
    start, end, later = (now + timedelta(hours=hours) for hours in (-1, 1, 6))
    day, following = (
        DAYS[(each.isoweekday() + 2) % len(DAYS)] for each in (later, later + timedelta(hours=1))
    )
    return {
        "SnapshotWindow": f"{start:%H:%M}-{end:%H:%M}",
        "MaintenanceWindow": f"{day}:{later:%H:%M}-{following}:{later + timedelta(hours=1):%H:%M}",
    }


@pytest.mark.parametrize("hour", range(24))
def test_the_windows_of_these_tests_are_apart(hour: int) -> None:
    windows = windows_around(datetime(2026, 1, 4, hour, 30, tzinfo=UTC))
    require_apart(
        require_maintenance_window(windows["MaintenanceWindow"]),
        require_snapshot_window(windows["SnapshotWindow"]),
    )


def test_its_timer_takes_automatic_snapshots(emulator: Emulator) -> None:
    call(
        emulator,
        "CreateCluster",
        ClusterName="orders",
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumReplicasPerShard=0,
        SnapshotRetentionLimit=1,
        **windows_around(datetime.now(UTC)),
    )
    patience = threading.Event()
    for _ in range(1200):
        found = call(emulator, "DescribeSnapshots", Source="system")["Snapshots"]
        if found and found[0]["Status"] == "available":
            break
        patience.wait(0.05)
    assert [each["Name"].startswith("automatic.orders-20") for each in found] == [True]


def test_its_timer_tells_cloudwatch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_module, "_METRICS_SECONDS", 0.05)
    told, metrics = threading.Event(), Metrics()

    class Listening(Metrics):
        def put(self, scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
            metrics.put(scope, namespace, data, at)
            if len(metrics.times) > 1:
                told.set()

    emulator = Emulator(Settings(), lambda: Ports(Buckets(), Subnets(), metrics=Listening()))
    try:
        call(emulator, "CreateCluster", ClusterName="orders", NodeType="db.t4g.small", ACLName="open-access")
        assert told.wait(60)
    finally:
        emulator.close()
    assert {each.microsecond for each in metrics.times} == {0}


@pytest.fixture
def timers() -> Callable[[], set[str]]:
    """The timers that have begun since the test did."""
    before = set(threading.enumerate())
    return lambda: (
        {each.name for each in set(threading.enumerate()) - before}
        & {
            "memorydb-timer",
            "memorydb-metrics",
        }
    )


def test_it_tells_cloudwatch_nothing_by_itself_when_it_shall_not(timers: Callable[[], set[str]]) -> None:
    emulator = Emulator(Settings(metrics=False), lambda: Ports(Buckets(), Subnets(), metrics=Metrics()))
    emulator.open()
    assert timers() == {"memorydb-timer"}
    emulator.close()


def test_its_timers_end_with_it(timers: Callable[[], set[str]], emulator: Emulator) -> None:
    emulator.open()
    assert timers() == {"memorydb-timer", "memorydb-metrics"}
    emulator.close()
    assert timers() == set()


def test_an_error_of_ours_tells_nothing_of_the_request(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> Any:
        raise KeyError(arguments)

    emulator.open()
    monkeypatch.setattr("localstack_memorydb.provider.Provider.invoke", broken)
    with pytest.raises(Fault) as failure:
        call(emulator, "CreateUser", UserName="secret-password")
    assert (failure.value.code, failure.value.status) == ("InternalFailure", 500)
    assert failure.value.message == "MemoryDB.CreateUser failed"
    assert "internal error in CreateUser: KeyError" in caplog.text
    assert "secret-password" not in caplog.text


def test_an_authority_that_cannot_be_read_is_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    chosen = Settings(data_dir=tmp_path)
    first = Emulator(chosen, lambda: Ports(Buckets(), Subnets()))
    first.open()
    first.close()
    (tmp_path / "ca.key").write_bytes(b"junk")
    second = Emulator(chosen, lambda: Ports(Buckets(), Subnets()))
    for _ in range(2):  # the directory is not held
        with pytest.raises(SettingsError, match="remove both"):
            second.open()
