"""A credential provider for redis-py and valkey-py that signs in to MemoryDB with IAM, here and on AWS alike.

    RedisCluster(host=..., ssl=True, credential_provider=MemoryDBCredentials(boto3.Session(), "orders", "app"))

https://docs.aws.amazon.com/memorydb/latest/devguide/auth-iam.html says what the password is: a presigned request.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError, NoRegionError

TOKEN_SECONDS: Final = 900
"""How long a token is good for: fifteen minutes, the longest that MemoryDB accepts."""


class Session(Protocol):
    """What a token needs of a boto3 session."""

    @property
    def region_name(self) -> str | None:
        """The Region of the cluster."""

    def get_credentials(self) -> Any:
        """The credentials that sign, those of a role too."""


class MemoryDBCredentials:
    """User name and token for each new connection, signed with the session's credentials of that moment.

    Both libraries call a provider by its methods and ask for no base class.
    """

    def __init__(self, session: Session, cluster: str, user: str) -> None:
        self._session = session
        self._cluster = cluster.lower()
        self._user = user

    def get_credentials(self) -> tuple[str, str]:
        """The user and a fresh token; raises botocore's NoCredentialsError or NoRegionError."""
        return self._user, self.token()

    async def get_credentials_async(self) -> tuple[str, str]:
        """The same for asyncio clients; signing takes no time worth waiting for."""
        return self.get_credentials()

    def token(self) -> str:
        """What to send as the password within the next fifteen minutes; the connection may then last for twelve hours."""
        credentials, region = self._session.get_credentials(), self._session.region_name
        if credentials is None:
            raise NoCredentialsError
        if region is None:
            raise NoRegionError
        request = AWSRequest(
            "GET", f"http://{self._cluster}/", params={"Action": "connect", "User": self._user}
        )
        SigV4QueryAuth(credentials, "memorydb", region, expires=TOKEN_SECONDS).add_auth(request)
        return str(request.url).removeprefix("http://")
