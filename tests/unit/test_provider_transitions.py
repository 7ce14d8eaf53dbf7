"""States: what is due moves, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from localstack_memorydb.provider.resources import User
from localstack_memorydb.provider.store import Store, new_store
from localstack_memorydb.provider.transitions import GONE, STATES, Transitions
from tests.world import ACCOUNT, REGION, START

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store() -> Store:
    return new_store(ACCOUNT, REGION, "aws", START)


@pytest.fixture
def user(store: Store) -> User:
    return store.users["default"]


@pytest.fixture
def transitions() -> Iterator[Transitions]:
    transitions = Transitions()
    yield transitions
    transitions.close()


def test_every_transitional_state_ends_in_one_that_lasts() -> None:
    assert not {(kind, after) for (kind, _), after in STATES.items() if after != GONE} & STATES.keys()


def test_without_delay_the_next_call_sees_the_final_state(
    store: Store, user: User, transitions: Transitions
) -> None:
    transitions.begin(user, "modifying", START)
    assert user.status == "modifying"
    transitions.settle(store, START)
    assert (user.status, user.since) == ("active", START)


def test_a_delay_can_be_set_for_one_state(store: Store, user: User) -> None:
    transitions = Transitions(delay=0.0, delays={"user.modifying": 60.0})
    transitions.begin(user, "modifying", START)
    transitions.settle(store, START + MINUTE * 0.99)
    assert user.status == "modifying"
    transitions.settle(store, START + MINUTE)
    assert user.status == "active"


def test_a_resource_waits_for_its_work(store: Store, user: User, transitions: Transitions) -> None:
    released, told = threading.Event(), []
    work = transitions.submit(lambda: released.wait(60))
    transitions.begin(user, "modifying", START, work, arrived=lambda result, at: told.append((result, at)))
    transitions.settle(store, START + MINUTE)
    assert (user.status, told) == ("modifying", [])
    released.set()
    assert transitions.wait(60)
    transitions.settle(store, START + 2 * MINUTE)
    assert (user.status, told) == ("active", [(True, START + 2 * MINUTE)])


def test_of_two_works_both_are_waited_for(store: Store, user: User, transitions: Transitions) -> None:
    released = threading.Event()
    transitions.begin(user, "modifying", START, transitions.run(lambda: 1))
    transitions.begin(user, "modifying", START, transitions.submit(lambda: released.wait(60)))
    transitions.settle(store, START)
    assert user.status == "modifying"
    released.set()
    transitions.wait(60)
    transitions.settle(store, START)
    assert user.status == "active"


def test_failed_work_names_the_state_to_go_to(store: Store, user: User, transitions: Transitions) -> None:
    told: list[Any] = []

    def failed(error: Exception, at: datetime) -> str:
        told.append((str(error), at))
        return "broken"

    transitions.begin(user, "modifying", START, transitions.run(lambda: 1 / 0), failed=failed)
    transitions.settle(store, START)
    assert (user.status, told) == ("broken", [("division by zero", START)])


def test_what_is_deleted_is_forgotten(store: Store, user: User, transitions: Transitions) -> None:
    transitions.begin(user, "deleting", START)
    transitions.settle(store, START)
    assert store.users == {}


def test_a_state_that_is_not_in_the_table_is_an_error(user: User, transitions: Transitions) -> None:
    with pytest.raises(KeyError, match="asleep is no transitional state of a user"):
        transitions.begin(user, "asleep", START)


def test_a_state_without_work_moves_too_as_after_a_restart(
    store: Store, user: User, transitions: Transitions
) -> None:
    user.status = "modifying"
    transitions.settle(store, START)
    assert user.status == "active"
