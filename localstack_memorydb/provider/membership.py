"""Users in ACLs, ACLs on clusters: what follows from a change of one for the others.

https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html: a change of a user reaches the ACLs that
hold it, and a change of an ACL the clusters that use it. Clusters are told at once; the states tell of it as
long as the configured delays want it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from localstack_memorydb.provider.catalog import version_number
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import InvalidParameterCombinationException
from localstack_memorydb.provider.resources import ACL, ACLPendingChanges, Cluster, User
from localstack_memorydb.provider.store import Store

OLDEST: Final = "6.2"
_LASTING: Final = frozenset({"creating", "active", "modifying"})


def users_of(store: Store, acl: ACL) -> list[User]:
    """The users that may connect to a cluster with this ACL."""
    return [store.users[name] for name in acl.members if name in store.users]


def acls_with(store: Store, user: User) -> list[ACL]:
    """The ACLs that hold the user, but those that are being deleted."""
    return [acl for acl in store.acls.values() if user.name in acl.members and acl.status in _LASTING]


def clusters_with(store: Store, acl: ACL) -> list[Cluster]:
    """The clusters that use the ACL, or are about to."""
    return [each for each in store.clusters.values() if acl.name in {each.acl_name, each.target_acl_name}]


def minimum_engine_version(users: Iterable[User]) -> str:
    """The first engine version that suits all of them."""
    versions = [OLDEST, *(user.minimum_engine_version for user in users)]
    return max(versions, key=version_number)


def require_engine_for(store: Store, acl: ACL, minimum: str) -> None:
    """Every cluster with this ACL must have that engine version at least."""
    for cluster in clusters_with(store, acl):
        if version_number(minimum) > version_number(cluster.engine_version):
            raise InvalidParameterCombinationException(
                f"Engine version {minimum} or later is required; cluster {cluster.name}, which uses ACL {acl.name}, "
                f"has {cluster.engine_version}."
            )


def change_members(
    context: Context, acl: ACL, *, remove: Sequence[str] = (), add: Sequence[str] = ()
) -> None:
    """Make the ACL `modifying` and its clusters obey; without users, because one of them has changed."""
    pending = acl.pending_changes or ACLPendingChanges()
    if remove or add:
        acl.pending_changes = ACLPendingChanges(
            (*(pending.user_names_to_remove or ()), *remove) or None,
            (*(pending.user_names_to_add or ()), *add) or None,
        )
    store = context.store

    def arrived(_: object, at: datetime) -> None:
        acl.user_names, acl.pending_changes = acl.members, None
        acl.minimum_engine_version = minimum_engine_version(users_of(store, acl))
        store.record("acl", acl.name, f"Modify ACL {acl.name} operation completed.", at)

    for cluster in clusters_with(store, acl):
        if cluster.target_acl_name == acl.name:
            context.fleet.set_users(cluster, users_of(store, acl))
    context.transitions.begin(acl, "modifying", context.now, arrived=arrived)
