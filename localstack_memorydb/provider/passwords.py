"""How users show who they are: https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from localstack_memorydb.engine import hash_password
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
)
from localstack_memorydb.provider.resources import Authentication

MOST: Final = 2
_LENGTHS: Final = range(16, 129)
_FORBIDDEN: Final = frozenset(',"/@')


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is kept of an AuthenticationMode: the hashes of its passwords, and their salt."""

    authentication: Authentication
    hashes: tuple[str, ...] = field(default=(), repr=False)
    salt: str = field(default="", repr=False)


def require_credentials(mode: Mapping[str, Any]) -> Credentials:
    """One or two passwords, or IAM. The passwords themselves are kept nowhere and stand in no error."""
    kind, passwords = mode.get("Type"), mode.get("Passwords")
    if kind is None:
        raise InvalidParameterValueException("The parameter AuthenticationMode.Type must be provided.")
    if kind == "iam":
        if passwords:
            raise InvalidParameterCombinationException(
                "Passwords cannot be used with authentication type iam."
            )
        return Credentials(Authentication("iam", None))
    if not passwords:
        raise InvalidParameterCombinationException("Authentication type password requires Passwords.")
    if len(passwords) > MOST:
        raise InvalidParameterValueException(f"A user can have at most {MOST} passwords.")
    for password in passwords:
        _require_password(password)
    salt = secrets.token_hex(16)
    hashes = tuple(hash_password(password, salt) for password in passwords)
    return Credentials(Authentication("password", len(passwords)), hashes, salt)


def _require_password(password: str) -> None:
    if len(password) not in _LENGTHS:
        raise InvalidParameterValueException(
            f"A password must have {_LENGTHS.start} to {_LENGTHS.stop - 1} characters."
        )
    if not (password.isascii() and password.isprintable()) or _FORBIDDEN & set(password):
        raise InvalidParameterValueException(
            'A password must hold printable characters only, and none of the following: , " / @'
        )
