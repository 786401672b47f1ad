"""Why a remote database cannot be used as configured."""

from __future__ import annotations

from typing import ClassVar

from ilios.core.errors import StartupError


class ReplicationRefused(StartupError):
    """The remote database cannot be used as configured; the detail says why and what to do."""

    code = "replication_refused"
    cause: ClassVar[str] = "refused"  #: in a few words, for `/health`


class RemoteUnreachable(ReplicationRefused):
    """The server gives no answer, or one that says "later". Only this error passes by itself."""

    cause = "unreachable"


class TokenRefused(ReplicationRefused):
    """The server does not accept the token, or not for writing."""

    cause = "token refused"


class WrongRemote(ReplicationRefused):
    """What answers at the URL is no libSQL database."""

    cause = "wrong URL"


class ForeignRemote(ReplicationRefused):
    """The remote holds something that is not ours to change."""

    cause = "not ours"


class OtherWriter(ReplicationRefused):
    """Another node replicates to the remote, or has done so since we last wrote to it."""

    cause = "another writer"

    def __init__(self, detail: str, token: str, lease_seconds: int) -> None:
        super().__init__(detail)
        self.token = token  #: what the remote held when this was found
        self.lease_seconds = lease_seconds


class RemoteFault(ReplicationRefused):
    """The server refused a statement; for example its disk or a quota is full."""

    cause = "refused by the server"
