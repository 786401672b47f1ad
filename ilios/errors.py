"""Everything that can go wrong, as classes.

A class carries a stable `code` for programs and a sentence for people. `ilios.api.errors` alone
decides which HTTP status an error has; the queue alone decides what `retryable` costs.
"""

from __future__ import annotations

from collections.abc import Sequence
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


# --- requests ---------------------------------------------------------------------------------


class RequestError(IliosError):
    """A request that the client has to change before it can succeed."""

    code = "bad_request"


class InvalidField(RequestError):
    """A field is malformed or out of range; names the field, its value and what is allowed."""

    code = "invalid_field"

    def __init__(self, field: str, value: object, allowed: str, code: str | None = None) -> None:
        shown = f"{value!r:.80}"
        super().__init__(f"{field} is {shown}; allowed: {allowed}.")
        self.field = field
        self.code = code or f"invalid_{field}"  # type: ignore[misc]  # one class, one code a field


class InvalidCursor(RequestError):
    """A cursor that was not given out for this list."""

    code = "invalid_cursor"


class MissingFile(RequestError):
    """The multipart field that should carry a file is absent or is plain text."""

    code = "missing_file"


class EmptyFile(RequestError):
    """A file of zero bytes."""

    code = "empty_file"


class TooManyFiles(RequestError):
    """More files than a batch may hold."""

    code = "too_many_files"


class MalformedRequest(RequestError):
    """The body is not what its headers say: bad JSON, broken multipart, wrong content type."""

    code = "malformed_request"


class TruncatedBody(RequestError):
    """The body ended before Content-Length bytes had arrived."""

    code = "truncated_body"


class SlowBody(RequestError):
    """The body stopped arriving for longer than the socket timeout."""

    code = "request_timeout"
    title = "Request timed out"


class FileTooLarge(RequestError):
    """A file, a form field or a whole request beyond its size limit."""

    code = "file_too_large"


class UnsupportedType(RequestError):
    """The bytes are of a type that no engine reads."""

    code = "unsupported_type"


class OptionUnavailable(RequestError):
    """An option that is known but cannot be had here; refused so that it is never ignored."""

    code = "option_unavailable"
    title = "Option not available"


class BatchRefused(RequestError):
    """At least one file of a batch was refused, so nothing was stored."""

    code = "batch_refused"

    def __init__(self, reasons: Sequence[tuple[str, RequestError]]) -> None:
        listed = " ".join(f"{name}: {reason.detail}" for name, reason in reasons)
        super().__init__(f"Nothing was stored. {listed}")
        self.reasons = tuple(reasons)


class Unauthorized(RequestError):
    """No valid API key."""

    code = "unauthorized"


class KeyRevoked(Unauthorized):
    """The API key was revoked."""

    code = "key_revoked"


class KeyExpired(Unauthorized):
    """The API key has expired, or its secret was replaced by a new one."""

    code = "key_expired"


class InsufficientScope(RequestError):
    """The API key does not have the scope that the call needs."""

    code = "insufficient_scope"


class RateLimited(RequestError):
    """The API key has sent as many requests as it may in a minute."""

    code = "rate_limited"

    def __init__(self, requests_per_minute: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"This key may send {requests_per_minute} requests in 60 seconds, and has. "
            f"Try again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class NotFound(RequestError):
    """Nothing with this id belongs to the caller.

    The text never repeats the id: the answer for somebody else's id and for an unknown one is the
    same to the byte.
    """

    code = "not_found"


class DocumentNotFound(NotFound):
    code = "document_not_found"

    def __init__(self) -> None:
        super().__init__("No document with this id belongs to this key.")


class JobNotFound(NotFound):
    """No job or document has this id."""

    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__("No job and no document has this id. `ilios jobs list` shows those open.")


class BatchNotFound(NotFound):
    code = "batch_not_found"

    def __init__(self) -> None:
        super().__init__("No batch with this id belongs to this key.")


class ImageNotFound(NotFound):
    code = "image_not_found"

    def __init__(self) -> None:
        super().__init__("The document has no image of this name.")


class LinkInvalid(NotFound):
    """A presigned link that is forged, expired or whose object is gone."""

    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__("This link is not valid or has expired. Ask for a new one.")


class Conflict(RequestError):
    """The request is right, but not now."""

    code = "conflict"


class DocumentNotReady(Conflict):
    """The conversion has not ended yet."""

    code = "document_not_ready"
    retry_after_seconds: ClassVar[int] = 2


class DocumentFailed(Conflict):
    """The conversion failed, so there is no result."""

    code = "document_failed"


class DocumentCancelled(Conflict):
    """The conversion was cancelled, so there is no result."""

    code = "document_cancelled"


class TooLate(Conflict):
    """What should be cancelled has ended."""

    code = "too_late"


class NothingToRetry(Conflict):
    """Only what has failed or was cancelled can be retried."""

    code = "nothing_to_retry"


class BatchNotFinished(Conflict):
    code = "batch_not_finished"
    retry_after_seconds: ClassVar[int] = 2


class UploadIncomplete(Conflict):
    """The object behind a presigned upload is missing or has another size."""

    code = "upload_incomplete"


class UploadAlreadyCompleted(Conflict):
    code = "upload_already_completed"


class Gone(RequestError):
    """It existed, and does not any more."""

    code = "document_deleted"
    title = "Gone"


class OriginalMissing(Gone):
    code = "original_missing"


class Busy(IliosError):
    """No place to wait for a result is free; nothing was stored."""

    code = "busy"
    retry_after_seconds: ClassVar[int] = 2


class DatabaseBusy(IliosError):
    """The database stayed locked through every retry."""

    code = "database_busy"
    retry_after_seconds: ClassVar[int] = 5


class DatabaseFull(DatabaseBusy):
    """The disk has no room for what the database was to keep; nothing of it was."""

    code = "disk_full"
    retry_after_seconds: ClassVar[int] = 60


class StillRunning(IliosError):
    """The wait for an immediate conversion ended before the conversion did."""

    code = "still_running"

    def __init__(self, document_id: str, waited_seconds: int) -> None:
        super().__init__(
            f"The conversion goes on after {waited_seconds} s; follow it at statusUrl."
        )
        self.document_id = document_id


class ConversionFailed(IliosError):
    """An immediate conversion ended as failed; `engine_fault` tells whose fault it was."""

    code = "conversion_failed"

    def __init__(self, document_id: str, code: str, detail: str, *, engine_fault: bool) -> None:
        super().__init__(detail)
        self.document_id = document_id
        self.code = code  # type: ignore[misc]  # the document's own code
        self.engine_fault = engine_fault


# --- queue ------------------------------------------------------------------------------------


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
