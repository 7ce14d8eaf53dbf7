"""IAM authentication tokens, against botocore's own signatures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localstack_memorydb.integrations.iam_tokens import Tokens, verify
from localstack_memorydb.provider.ports import Scope, Secret

KEY, SECRET, SESSION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "SESSIONTOKEN/+="
SIGNED = 1_767_323_045_000  # 2026-01-02T03:04:05Z
MINUTE = 60_000
SIGNATURES = {
    "": "a7a605f3201517fa6120b02e4a27ed74bb08fcb51b779ebc8b3b7ee5f13c2078",
    SESSION: "d496b3d05e8b95916983f5bfc389e39672a708f127adeb6bfdda596861204aec",
}


def token(session: str = "") -> str:
    """The token of cluster-01 and iam-user-01 that was signed then."""
    security = f"&X-Amz-Security-Token={SESSION.replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')}"
    return (
        "cluster-01/?Action=connect&User=iam-user-01&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={KEY}%2F20260102%2Fus-east-1%2Fmemorydb%2Faws4_request&X-Amz-Date=20260102T030405Z"
        f"&X-Amz-Expires=900&X-Amz-SignedHeaders=host{security if session else ''}"
        f"&X-Amz-Signature={SIGNATURES[session]}"
    )


def accepted(
    text: str,
    cluster: str = "cluster-01",
    user: str = "iam-user-01",
    region: str = "us-east-1",
    after: int = MINUTE,
    secrets: Iterable[Secret] = (Secret(SECRET),),
) -> bool:
    return verify(text, cluster, user, region, SIGNED + after, lambda key: secrets if key == KEY else [])


def test_a_token_is_good_for_fifteen_minutes() -> None:
    assert accepted(token())
    assert accepted(token(), after=15 * MINUTE - 1)
    assert not accepted(token(), after=15 * MINUTE)
    assert not accepted(token(), after=-10 * MINUTE)


def test_a_token_of_temporary_credentials() -> None:
    assert accepted(token(SESSION), secrets=[Secret(SECRET, SESSION)])
    assert not accepted(token(SESSION), secrets=[Secret(SECRET)])
    assert not accepted(token(), secrets=[Secret(SECRET, SESSION)])


@pytest.mark.parametrize(
    "change",
    [{"cluster": "cluster-02"}, {"user": "iam-user-02"}, {"region": "eu-west-1"}, {"secrets": [Secret("x")]}],
)
def test_a_token_is_good_for_one_use(change: dict[str, object]) -> None:
    assert not accepted(token(), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("User=iam-user-01", "User=admin"),
        ("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        ("X-Amz-Expires=900", "X-Amz-Expires=899"),
        ("20260102T030405Z", "20260102T030406Z"),
        ("Action=connect", "Action=disconnect"),
        ("%2Fmemorydb%2F", "%2Felasticache%2F"),
        ("X-Amz-Signature=a7", "X-Amz-Signature=a8"),
        ("&X-Amz-Date=20260102T030405Z", ""),
        ("cluster-01/?", "cluster-01:6379/?"),
        ("cluster-01/?", "cluster-01/?ResourceType=ServerlessCache&"),
        ("cluster-01/?", "cluster-01/\t?"),
        ("cluster-01/?", "CLUSTER-01/?"),
        ("User=iam-user-01", "User=admin&User=iam-user-01"),
        ("X-Amz-Expires=900", "X-Amz-Expires=9" + "0" * 30),
        ("X-Amz-Expires=900", "X-Amz-Expires=-900"),
        ("X-Amz-Expires=900", "X-Amz-Expires=٩٠٠"),
        ("X-Amz-Signature=a7", "X-Amz-Signature=%C3%A9"),
        ("X-Amz-Signature=a7", "X-Amz-Signature=é"),
        ("20260102", "00010101"),
        ("20260102", "99991231"),
    ],
)
def test_a_token_that_was_tampered_with_is_refused(part: str, other: str) -> None:
    assert part in token()
    assert not accepted(token().replace(part, other))


@pytest.mark.parametrize(
    "text", ["", "password", "?", "cluster-01/?", "http://cluster-01/?Action=connect", "\x00" * 9]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert not accepted(text)


def test_what_botocore_presigns_is_accepted() -> None:
    signer = SigV4QueryAuth(Credentials(KEY, SECRET), "memorydb", "us-east-1", expires=300)
    request = AWSRequest("GET", "http://cluster-01/", params={"Action": "connect", "User": "iam-user-01"})
    signer.add_auth(request)
    presigned = request.url.removeprefix("http://")
    now = int(datetime.now(UTC).timestamp() * 1000)
    assert verify(presigned, "cluster-01", "iam-user-01", "us-east-1", now, lambda _: [Secret(SECRET)])


@pytest.mark.parametrize(
    "name", ["Action", "User", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Expires", "X-Amz-Signature"]
)
def test_a_token_without_one_of_its_parts_is_refused(name: str) -> None:
    parts = token().partition("?")[2].split("&")
    kept = "&".join(part for part in parts if not part.startswith(f"{name}="))
    assert not accepted(f"cluster-01/?{kept}")


def test_clocks_may_differ_by_five_minutes() -> None:
    assert accepted(token(), after=-5 * MINUTE)
    assert not accepted(token(), after=-5 * MINUTE - 1)


class Keys:
    """IAM and STS of an account that has one key, in some state; a key of twelve digits is of that account."""

    def __init__(self, secrets: list[Secret] | None) -> None:
        self.known = secrets

    def secrets(self, scope: Scope, access_key: str) -> list[Secret] | None:
        return self.known

    def account(self, access_key: str) -> str:
        return access_key if access_key.isdigit() else "000000000000"


def signed(access_key: str, secret: str, session: str | None = None) -> str:
    """A token of this moment."""
    signer = SigV4QueryAuth(Credentials(access_key, secret, session), "memorydb", "us-east-1", expires=900)
    request = AWSRequest("GET", "http://cluster-01/", params={"Action": "connect", "User": "iam-user-01"})
    signer.add_auth(request)
    return str(request.url).removeprefix("http://")


def let_in(keys: Keys, account: str, token: str) -> bool:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return Tokens(keys).verify(Scope(account, "us-east-1"), "cluster-01", "iam-user-01", token, now)


@pytest.mark.parametrize(
    ("key", "secret", "session", "account", "expected"),
    [
        ("test", "test", None, "000000000000", True),
        ("anything", "test", "any-session", "000000000000", True),
        ("test", "guessed", None, "000000000000", False),
        ("111111111111", "test", None, "111111111111", True),
        ("111111111111", "test", None, "000000000000", False),
        ("test", "test", None, "111111111111", False),
    ],
)
def test_a_key_that_iam_does_not_know(
    key: str, secret: str, session: str | None, account: str, expected: bool
) -> None:
    assert let_in(Keys(None), account, signed(key, secret, session)) is expected


def test_a_key_that_is_inactive_or_has_expired() -> None:
    """What IAM knows has no other secret beside its own."""
    assert let_in(Keys([Secret(SECRET)]), "000000000000", signed(KEY, SECRET))
    assert not let_in(Keys([]), "000000000000", signed(KEY, SECRET))
    assert not let_in(Keys([]), "000000000000", signed(KEY, "test"))
