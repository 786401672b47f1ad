"""What is wrong with a request, or keeps it from being answered now, as classes."""

from __future__ import annotations

from typing import ClassVar

from ilios.core.errors import IliosError


class RequestError(IliosError):
    """A request that the client has to change before it can succeed."""

    code = "bad_request"


class InvalidField(RequestError):
    """A field is malformed or out of range; names the field, its value and what is allowed.

    Where the value may be a secret, or there is none, a `fault` stands in its place.
    """

    code = "invalid_field"

    def __init__(
        self,
        field: str,
        value: object,
        allowed: str,
        code: str | None = None,
        *,
        fault: str | None = None,
    ) -> None:
        found = fault or f"is {value!r:.80}"
        super().__init__(f"{field:.80} {found}; allowed: {allowed}.")
        self.field = field
        self.code = code or f"invalid_{field:.80}"  # type: ignore[misc]  # one class, one code a field


class InvalidChunkSize(InvalidField):
    """A size of chunks, or an overlap, that chunks cannot have."""

    code = "invalid_chunk_size"


class InvalidCursor(RequestError):
    """A cursor that was not given out for this list."""

    code = "invalid_cursor"


class SearchTooWide(RequestError):
    """Words that so many pages have that to rank these takes too long."""

    code = "search_too_wide"


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


class InvalidSchema(RequestError):
    """A field that is no JSON Schema, or one that cannot be used; `path` is a JSON pointer."""

    code = "invalid_schema"
    title = "Invalid schema"

    def __init__(self, field: str, why: str, path: str) -> None:
        place = f"{field} at {path}" if path else field
        super().__init__(f"{place} cannot be used: {why}. Send a JSON Schema.")
        self.path = path


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


class HostNotAllowed(RequestError):
    """The service has no keys, and was asked by a name that the settings do not know."""

    code = "host_not_allowed"
    title = "Host not allowed"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Without an API key this service answers to known hosts only, not to {host!r:.80}. "
            "Set PUBLIC_URL or ALLOWED_HOSTS to the name that clients use, or create a key."
        )


class OriginNotAllowed(RequestError):
    """The service has no keys, and a web page of another origin sent something."""

    code = "origin_not_allowed"
    title = "Origin not allowed"

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"Without an API key pages of {origin!r:.80} may not call this service. List their "
            "origin in CORS_ORIGINS, set PUBLIC_URL if it is the service's own, or create a key."
        )


class RateLimited(RequestError):
    """The API key has sent as many requests as it may in a minute."""

    code = "rate_limited"

    def __init__(self, requests_per_minute: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"This key may send {requests_per_minute} requests in 60 seconds, and has. "
            f"Try again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class StorageQuotaExceeded(RequestError):
    """The documents of this key take as many bytes as they may."""

    code = "storage_quota_exceeded"

    def __init__(
        self, stored_bytes: int, needed_bytes: int, limit_bytes: int, documents: int = 1
    ) -> None:
        needs = f"the {documents} of this request together need" if documents > 1 else "this needs"
        super().__init__(
            f"The documents of this key take {stored_bytes} of the {limit_bytes} bytes that they "
            f"may, and {needs} {needed_bytes} more, with what is kept beside each file. Nothing "
            "was stored: delete documents, or ask the operator for more "
            "(`ilios keys set --storage`, KEY_STORAGE_BYTES)."
        )


class TooManyWaiting(RequestError):
    """As many documents of this key wait as may wait."""

    code = "too_many_waiting"
    retry_after_seconds: ClassVar[int] = 30

    def __init__(self, waiting: int, more: int, limit: int) -> None:
        super().__init__(
            f"{waiting} documents of this key wait to be uploaded or converted, and {more} more "
            f"would be above the {limit} that may. Nothing was stored: send again when some are "
            "done, or ask the operator for more (`ilios keys set --waiting`, "
            "KEY_WAITING_DOCUMENTS)."
        )


class NotFound(RequestError):
    """Nothing with this id belongs to the caller.

    The text never repeats the id: the answer for somebody else's id and for an unknown one is the
    same to the byte.
    """

    code = "not_found"


class DocumentNotFound(NotFound):
    code = "document_not_found"

    def __init__(self) -> None:
        super().__init__(
            "No document with this id belongs to this key. `GET /api/documents` lists those that "
            "do."
        )


class KeptFileNotFound(NotFound):
    code = "file_not_found"

    def __init__(self) -> None:
        super().__init__("No file with this id belongs to this key, or it has expired.")


class JobNotFound(NotFound):
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
