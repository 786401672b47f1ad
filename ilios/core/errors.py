"""The root of all errors, and those of start-up, database and queue.

`request_errors` and `conversion_errors` have those of requests and jobs.
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
        """Return what a log may hold of the detail."""
        return self.detail


# --- start-up ---------------------------------------------------------------------------------


class StartupError(IliosError):
    """The service cannot start; the detail is one line with the cause and the remedy."""

    code = "cannot_start"
    title = "Ilios cannot start"


class PlatformUnsupported(StartupError):
    """Ilios does not run on this operating system or processor."""

    code = "platform_unsupported"


class SettingsError(StartupError):
    """A setting is wrong; the detail names the variable, the fault and an example."""

    code = "wrong_setting"


class DatabaseRefused(StartupError):
    """The database is not ours, newer than this code, or its SQLite library is unsafe."""

    code = "database_refused"


class StorageRefused(StartupError):
    """The object store does not work with these settings."""

    code = "storage_refused"


class CommandFailed(IliosError):
    """A command of an operator has not done what it was to do; one line, with the remedy."""

    code = "command_failed"


# --- database and queue ------------------------------------------------------------------------


class DatabaseBusy(IliosError):
    """The database stayed locked through every retry."""

    code = "database_busy"
    retry_after_seconds: ClassVar[int] = 5


class DatabaseConflict(DatabaseBusy):
    """Two transactions waited for each other, and this one was undone: again, it may succeed."""


class DatabaseFull(DatabaseBusy):
    """The disk has no room for what the database was to keep; nothing of it was."""

    code = "disk_full"
    retry_after_seconds: ClassVar[int] = 60


class OutcomeUnknown(DatabaseBusy):
    """The connection broke off as a transaction was committed: it may have been, or not."""


class LeaseLost(IliosError):
    """The lease token does not match any more: somebody else owns the job now."""

    code = "lease_lost"
