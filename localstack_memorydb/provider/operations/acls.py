"""ACLs: https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    ACLAlreadyExistsFault,
    ACLQuotaExceededFault,
    DuplicateUserNameFault,
    InvalidACLStateFault,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    UserNotFoundFault,
)
from localstack_memorydb.provider.membership import (
    change_members,
    clusters_with,
    minimum_engine_version,
    require_engine_for,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.requirements import (
    LONGEST_CLUSTER_NAME,
    require_acl,
    require_active_acl,
    require_identifier,
    require_tags,
    require_user,
)
from localstack_memorydb.provider.resources import ACL, User
from localstack_memorydb.provider.store import DEFAULT_USER, OPEN_ACCESS


@operation
def create_acl(
    context: Context,
    acl_name: str,
    user_names: Sequence[str] = (),
    tags: Sequence[Mapping[str, Any]] = (),
) -> ACL:
    """An ACL of users that exist; without users nobody can connect to its clusters.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateACL.html
    """
    name = require_identifier("ACLName", acl_name, LONGEST_CLUSTER_NAME)
    if name in context.store.acls:
        raise ACLAlreadyExistsFault(f"ACL {name} already exists.")
    if len(context.store.acls) > context.quotas.acls:  # open-access does not count
        raise ACLQuotaExceededFault(f"An account can have at most {context.quotas.acls} ACLs.")
    users = _require_members(context, user_names, present=())
    acl = ACL(
        name=name,
        arn=context.store.arn(ACL.kind, name),
        tags=require_tags(context, tags),
        status="creating",
        since=context.now,
        user_names=[user.name for user in users],
        minimum_engine_version=minimum_engine_version(users),
    )
    context.store.acls[name] = acl
    _begin(context, acl, "creating", "Create")
    return _answer(context, acl)


def _require_members(context: Context, names: Sequence[str], present: Sequence[str]) -> list[User]:
    """Users that an ACL with those present can take; the default user is in open-access only."""
    taken, users = set(present), []
    for name in names:
        user = require_user(context, name)
        if user.status == "deleting":
            raise UserNotFoundFault(f"User {user.name} not found.")
        if user.name == DEFAULT_USER:
            raise InvalidParameterValueException(
                f"The {DEFAULT_USER} user can be in the {OPEN_ACCESS} ACL only."
            )
        if user.name in taken:
            raise DuplicateUserNameFault(f"User {user.name} is in the ACL already, or named twice.")
        taken.add(user.name)
        users.append(user)
    if len(taken) > context.quotas.users_per_acl:
        raise InvalidParameterValueException(f"An ACL can have at most {context.quotas.users_per_acl} users.")
    return users


def _begin(context: Context, acl: ACL, status: str, verb: str) -> None:
    store, text = context.store, f"{verb} ACL {acl.name} operation completed."
    context.transitions.begin(
        acl, status, context.now, arrived=lambda _, at: store.record("acl", acl.name, text, at)
    )


@operation
def describe_acls(context: Context, acl_name: str | None = None) -> list[ACL]:
    """ACLs with their users and the clusters that obey them.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeACLs.html
    """
    acls = list(context.store.acls.values()) if acl_name is None else [require_acl(context, acl_name)]
    return [_answer(context, acl) for acl in acls]


def _answer(context: Context, acl: ACL) -> ACL:
    clusters = (each.name for each in context.store.clusters.values() if each.acl_name == acl.name)
    return replace(acl, clusters=tuple(sorted(clusters)))


@operation
def update_acl(
    context: Context,
    acl_name: str,
    user_names_to_add: Sequence[str] = (),
    user_names_to_remove: Sequence[str] = (),
) -> ACL:
    """Add users and remove others; clients of a removed user are disconnected.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UpdateACL.html
    """
    acl = _require_own_acl(context, acl_name, "modified")
    if not user_names_to_add and not user_names_to_remove:
        raise InvalidParameterCombinationException("UserNamesToAdd or UserNamesToRemove must be provided.")
    leaving = list(dict.fromkeys(require_user(context, name).name for name in user_names_to_remove))
    for name in leaving:
        if name not in acl.user_names:
            raise InvalidParameterValueException(f"User {name} is not a member of ACL {acl.name}.")
    staying = [name for name in acl.user_names if name not in leaving]
    users = _require_members(context, user_names_to_add, staying)
    require_engine_for(context.store, acl, minimum_engine_version(users))
    change_members(context, acl, remove=leaving, add=[user.name for user in users])
    return _answer(context, acl)


def _require_own_acl(context: Context, name: str, what: str) -> ACL:
    if name.lower() == OPEN_ACCESS:
        raise InvalidParameterValueException(f"{OPEN_ACCESS} ACL can't be {what}.")
    return require_active_acl(context, name)


@operation
def delete_acl(context: Context, acl_name: str) -> ACL:
    """Delete an ACL that no cluster uses.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteACL.html
    """
    acl = _require_own_acl(context, acl_name, "deleted")
    if clusters := clusters_with(context.store, acl):
        raise InvalidACLStateFault(f"ACL {acl.name} is in use by cluster {clusters[0].name}.")
    _begin(context, acl, "deleting", "Delete")
    return _answer(context, acl)
