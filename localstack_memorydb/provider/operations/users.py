"""Users: https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from localstack_memorydb.provider import access_strings
from localstack_memorydb.provider.catalog import version_number
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    InvalidUserStateFault,
    UserAlreadyExistsFault,
    UserQuotaExceededFault,
)
from localstack_memorydb.provider.membership import acls_with, change_members, require_engine_for
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.passwords import Credentials, require_credentials
from localstack_memorydb.provider.requirements import (
    LONGEST_CLUSTER_NAME,
    require_identifier,
    require_tags,
    require_user,
)
from localstack_memorydb.provider.resources import User
from localstack_memorydb.provider.store import DEFAULT_USER

FIRST_WITH_IAM: Final = "7.0"
_FILTERS: Final = {"username": "name", "accessstring": "access_string", "status": "status"}


@operation
def create_user(
    context: Context,
    user_name: str,
    authentication_mode: Mapping[str, Any],
    access_string: str,
    tags: Sequence[Mapping[str, Any]] = (),
) -> User:
    """A user that is active at once; a cluster knows it when its ACL holds it.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateUser.html
    """
    name = require_identifier("UserName", user_name, LONGEST_CLUSTER_NAME)
    if name in context.store.users:
        raise UserAlreadyExistsFault(f"User {name} already exists.")
    if len(context.store.users) > context.quotas.users:  # the default user does not count
        raise UserQuotaExceededFault(f"An account can have at most {context.quotas.users} users.")
    credentials = require_credentials(authentication_mode)
    access = access_strings.parse(access_string)
    user = User(
        name=name,
        arn=context.store.arn(User.kind, name),
        tags=require_tags(context, tags),
        status="active",
        since=context.now,
        access_string=access.text,
        minimum_engine_version=_minimum(credentials, access),
        authentication=credentials.authentication,
        password_hashes=credentials.hashes,
        salt=credentials.salt,
    )
    context.store.users[name] = user
    context.record("user", name, f"Create user {name} operation completed.")
    return _answer(context, user)


def _minimum(credentials: Credentials, access: access_strings.AccessString) -> str:
    """The first engine version that knows both the rules and the way to authenticate."""
    version = access.minimum_engine_version
    is_iam = credentials.authentication.type == "iam"
    return max(version, FIRST_WITH_IAM, key=version_number) if is_iam else version


@operation
def describe_users(
    context: Context, user_name: str | None = None, filters: Sequence[Mapping[str, Any]] = ()
) -> list[User]:
    """A user must pass every filter, by having one of its values.

    The names of filters are not published; user-name, access-string and status are known here, in any spelling.
    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeUsers.html
    """
    users = list(context.store.users.values()) if user_name is None else [require_user(context, user_name)]
    for each in filters:
        attribute = _FILTERS.get(each["Name"].replace("-", "").replace("_", "").lower())
        if attribute is None:
            raise InvalidParameterValueException(f"The filter {each['Name']} is not valid.")
        users = [user for user in users if getattr(user, attribute) in each["Values"]]
    return [_answer(context, user) for user in users]


def _answer(context: Context, user: User) -> User:
    acls = (each.name for each in context.store.acls.values() if user.name in each.user_names)
    return replace(user, acl_names=tuple(sorted(acls)))


@operation
def update_user(
    context: Context,
    user_name: str,
    authentication_mode: Mapping[str, Any] | None = None,
    access_string: str | None = None,
) -> User:
    """Change what a user may do, or replace all its passwords; clients that are connected stay so.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UpdateUser.html
    """
    user = _require_own_user(context, user_name, "modified")
    if authentication_mode is None and access_string is None:
        raise InvalidParameterCombinationException("AuthenticationMode or AccessString must be provided.")
    credentials = Credentials(user.authentication, user.password_hashes, user.salt)
    if authentication_mode is not None:
        credentials = require_credentials(authentication_mode)
    access = access_strings.parse(user.access_string if access_string is None else access_string)
    minimum = _minimum(credentials, access)
    acls = acls_with(context.store, user)
    for acl in acls:
        require_engine_for(context.store, acl, minimum)
    user.access_string, user.minimum_engine_version = access.text, minimum
    user.authentication = credentials.authentication
    user.password_hashes, user.salt = credentials.hashes, credentials.salt
    _begin(context, user, "modifying", "Modify")
    for acl in acls:
        change_members(context, acl)
    return _answer(context, user)


def _require_own_user(context: Context, name: str, what: str) -> User:
    """A user that can be changed: not the one that every account has, and no other change may be under way."""
    user = require_user(context, name)
    if user.name == DEFAULT_USER:
        raise InvalidParameterValueException(f"The {DEFAULT_USER} user can't be {what}.")
    if user.status != "active":
        raise InvalidUserStateFault(f"User {user.name} is not in active state.")
    return user


def _begin(context: Context, user: User, status: str, verb: str) -> None:
    store, text = context.store, f"{verb} user {user.name} operation completed."
    context.transitions.begin(
        user, status, context.now, arrived=lambda _, at: store.record("user", user.name, text, at)
    )


@operation
def delete_user(context: Context, user_name: str) -> User:
    """Take a user out of every ACL, off the clusters that use them, and away.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteUser.html
    """
    user = _require_own_user(context, user_name, "deleted")
    _begin(context, user, "deleting", "Delete")
    for acl in acls_with(context.store, user):
        change_members(context, acl, remove=[user.name])
    return _answer(context, user)
