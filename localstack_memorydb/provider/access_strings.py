"""Access strings: what a user may do. The engine reads them; here it is asked what each engine version makes of one.

https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html#access-string
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from localstack_memorydb.engine import AccessStringError, check_access_string
from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.faults import InvalidParameterValueException

HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
_PASSWORD_RULE: Final = re.compile(r"(?<![^\s('])[<>#!]\S+")


def without_passwords(text: str) -> str:
    """An access string, or what is said of one, without passwords and their hashes, which MemoryDB does not take there."""
    return _PASSWORD_RULE.sub(HIDDEN, text)


@dataclass(frozen=True, slots=True)
class AccessString:
    """A valid access string: its normal form, and the first engine version that knows all of its rules."""

    text: str
    minimum_engine_version: str


def parse(text: str) -> AccessString:
    """Read an access string; InvalidParameterValueException for one that MemoryDB does not take.

    The normal form is that of the newest version, for all: AWS answers `resetchannels` for engine 6.2 too.
    """
    versions = sorted(catalog.engine_versions(), key=lambda version: version.number)
    try:
        normal = check_access_string(text, versions[-1].engine_version)
    except AccessStringError as reason:
        text = without_passwords(str(reason))
        raise InvalidParameterValueException(f"The access string is not valid: {text}") from None
    known = (each.engine_version for each in versions if _is_known(text, each.engine_version))
    return AccessString(normal, next(known))


def _is_known(text: str, engine_version: str) -> bool:
    try:
        check_access_string(text, engine_version)
    except AccessStringError:
        return False
    return True
