"""Everything that can go wrong, as classes.

What requests and jobs meet has modules of its own: `request_errors`, `conversion_errors`.
A class carries a stable `code` for programs and a sentence for people.
`ilios.api.responses.errors` alone decides which HTTP status an error has; the queue alone decides
what `retryable` costs.
"""

from __future__ import annotations

from typing import ClassVar


class IliosError(Exception):
    """The root of all errors that a caller of Ilios may see."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"  #: follows from the code, unless a class has its own

    def __init_subclass__(cls) -> None:
        if "title" not in cls.__dict__ and "code" in cls.__dict__:
            cls.title = cls.code.replace("_", " ").capitalize()

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def logged(self) -> str:
        """What a log may have of the detail."""
        return self.detail


# --- start-up ---------------------------------------------------------------------------------


class StartupError(IliosError):
    """The service cannot start; the detail is one line with the cause and the remedy."""

    code = "cannot_start"
    title = "Ilios cannot start"


class SettingsError(StartupError):
    """A setting is wrong; the detail names the variable, the fault and an example."""

    code = "wrong_setting"


class DatabaseRefused(StartupError):
    """The database is not ours, newer than this code, or its SQLite library is unsafe."""

    code = "database_refused"


class StorageRefused(StartupError):
    """The object store does not work with these settings."""

    code = "storage_refused"


class ReplicationRefused(StartupError):
    """The remote database cannot be used as configured; the detail says why and what to do."""

    code = "replication_refused"
    cause: ClassVar[str] = "refused"  #: in a few words, for `/health`


class RemoteUnreachable(ReplicationRefused):
    """No answer, or one that says "later". The only one of these that passes by itself."""

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
    """Somebody else replicates to the remote, or has done so behind our back."""

    cause = "another writer"

    def __init__(self, detail: str, token: str, lease_seconds: int) -> None:
        super().__init__(detail)
        self.token = token  #: what the remote held when this was found
        self.lease_seconds = lease_seconds


class RemoteFault(ReplicationRefused):
    """The server refused a statement; for example its disk or a quota is full."""

    cause = "refused by the server"


# --- database and queue ------------------------------------------------------------------------


class DatabaseBusy(IliosError):
    """The database stayed locked through every retry."""

    code = "database_busy"
    retry_after_seconds: ClassVar[int] = 5


class DatabaseFull(DatabaseBusy):
    """The disk has no room for what the database was to keep; nothing of it was."""

    code = "disk_full"
    retry_after_seconds: ClassVar[int] = 60


class LeaseLost(IliosError):
    """The lease token does not match any more: somebody else owns the job now."""

    code = "lease_lost"


# --- keys, as operators see them --------------------------------------------------------------


class KeyCommandError(IliosError):
    """A command on API keys that cannot be; the detail is one line with the remedy."""

    code = "key_command"


class UnknownKey(KeyCommandError):
    """No key of this name or id."""

    code = "unknown_key"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"There is no key {reference!r:.100}. `ilios keys list --all` shows all of them."
        )


class KeyNameTaken(KeyCommandError):
    """A key that is not revoked has this name."""

    code = "key_name_taken"


class KeyAlreadyRevoked(KeyCommandError):
    """The key was revoked before."""

    code = "key_already_revoked"


class KeyNotRotatable(KeyCommandError):
    """The key was rotated a moment ago, or has expired."""

    code = "key_not_rotatable"
