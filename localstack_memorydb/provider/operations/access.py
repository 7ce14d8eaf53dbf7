"""Users and ACLs: https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import InvalidParameterValueException, UserNotFoundFault
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.requirements import require_acl
from localstack_memorydb.provider.resources import ACL, User

_FILTERS: Final = {"username": "name", "accessstring": "access_string", "status": "status"}


@operation
def describe_acls(context: Context, acl_name: str | None = None) -> list[ACL]:
    """https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeACLs.html"""
    acls = list(context.store.acls.values()) if acl_name is None else [require_acl(context, acl_name)]
    return [_acl_answer(context, acl) for acl in acls]


def _acl_answer(context: Context, acl: ACL) -> ACL:
    clusters = (each.name for each in context.store.clusters.values() if each.acl_name == acl.name)
    return replace(acl, clusters=tuple(sorted(clusters)))


@operation
def describe_users(
    context: Context, user_name: str | None = None, filters: Sequence[Mapping[str, Any]] = ()
) -> list[User]:
    """A user must pass every filter, by having one of its values.

    The names of filters are not published; user-name, access-string and status are known here, in any spelling.
    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeUsers.html
    """
    users = list(context.store.users.values()) if user_name is None else [_require_user(context, user_name)]
    for each in filters:
        attribute = _FILTERS.get(each["Name"].replace("-", "").replace("_", "").lower())
        if attribute is None:
            raise InvalidParameterValueException(f"The filter {each['Name']} is not valid.")
        users = [user for user in users if getattr(user, attribute) in each["Values"]]
    return [_user_answer(context, user) for user in users]


def _require_user(context: Context, name: str) -> User:
    user = context.store.users.get(name.lower())
    if user is None:
        raise UserNotFoundFault(f"User {name.lower()} not found.")
    return user


def _user_answer(context: Context, user: User) -> User:
    acls = (each.name for each in context.store.acls.values() if user.name in each.user_names)
    return replace(user, acl_names=tuple(sorted(acls)))
