"""IAM authentication tokens: presigned requests of Signature Version 4 that a client sends as its password.

https://docs.aws.amazon.com/memorydb/latest/devguide/auth-iam.html says how a token is made: a GET to
`http://<cluster>/?Action=connect&User=<user>`, presigned for the service `memorydb`, without its scheme.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localstack_memorydb.provider.ports import Keys, Scope, Secret

_LONGEST: Final = timedelta(minutes=15)
_CLOCK_SKEW: Final = timedelta(minutes=5)
_ALGORITHM: Final = "AWS4-HMAC-SHA256"

# Emulators accept any access key. One that IAM does not know is taken for its owner's if the secret is the one that
# everybody uses with emulators, with a session token or without.
EMULATOR_SECRET: Final = "test"  # noqa: S105 - a convention, not a secret


class Tokens:
    """Verifies tokens with the secrets that the host's IAM knows."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def verify(self, scope: Scope, cluster: str, user: str, token: str, now: int) -> bool:
        """Whether the token lets this user connect to this cluster at `now` (unix time in ms)."""
        return verify(token, cluster, user, scope.region, now, lambda key: self._secrets(scope, key))

    def _secrets(self, scope: Scope, access_key: str) -> Iterable[Secret]:
        known = self._keys.secrets(scope, access_key)
        if known is not None:
            return known
        if self._keys.account(access_key) != scope.account:
            return []
        return [Secret(EMULATOR_SECRET, None)]


def verify(
    token: str, cluster: str, user: str, region: str, now: int, secrets: Callable[[str], Iterable[Secret]]
) -> bool:
    """Whether the token is signed by one of the access key's secrets, for this use, and not expired."""
    if not token.isprintable():  # urlsplit would leave out line ends and tabs
        return False
    try:
        parts = urlsplit(f"http://{token}")
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
        access_key, *rest = query["X-Amz-Credential"].split("/")
        signed = datetime.strptime(query["X-Amz-Date"], SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        lifetime = timedelta(seconds=int(query["X-Amz-Expires"]))
    except (KeyError, ValueError, OverflowError):
        return False
    moment = datetime.fromtimestamp(now / 1000, UTC)
    expected = {
        "Action": "connect",
        "User": user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-SignedHeaders": "host",
    }
    if any(query.get(name) != value for name, value in expected.items()):
        return False
    if (parts.netloc, parts.path) != (cluster, "/") or rest != _credential_scope(signed, region):
        return False
    if (
        not timedelta(0) < lifetime <= _LONGEST
        or not signed <= moment + _CLOCK_SKEW
        or moment >= signed + lifetime
    ):
        return False
    return any(_is_signed_by(token, query, access_key, secret, region) for secret in secrets(access_key))


def _credential_scope(signed: datetime, region: str) -> list[str]:
    return [signed.strftime("%Y%m%d"), region, "memorydb", "aws4_request"]


def _is_signed_by(token: str, query: dict[str, str], access_key: str, secret: Secret, region: str) -> bool:
    session = query.get("X-Amz-Security-Token")
    if secret.session_token is not None and (secret.session_token or None) != session:
        return False
    credentials = Credentials(access_key, secret.access_key, session)
    signer = SigV4QueryAuth(credentials, "memorydb", region)
    parts = [part for part in token.split("&") if not part.startswith("X-Amz-Signature=")]
    request = AWSRequest(method="GET", url=f"http://{'&'.join(parts)}")
    request.context["timestamp"] = query["X-Amz-Date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signature = query.get("X-Amz-Signature", "").encode()
    return hmac.compare_digest(signer.signature(text, request).encode(), signature)
