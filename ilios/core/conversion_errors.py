"""Why a conversion failed. What the queue does about it depends on `retryable` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ilios.core.errors import IliosError


class ConversionError(IliosError):
    """A job could not be done. `retryable` says whether another attempt can help."""

    retryable: ClassVar[bool] = False
    engine_fault: ClassVar[bool] = False  #: true when the document itself is blameless

    def __init__(self, detail: str, *, logged: str | None = None) -> None:
        """Set `logged` to what a log may hold of a detail that may quote the document."""
        super().__init__(detail)
        self._logged = detail if logged is None else logged

    @property
    def logged(self) -> str:
        return self._logged


class EncryptedDocument(ConversionError):
    """A password protects the document."""

    code = "encrypted_document"


class WrongPassword(ConversionError):
    """The password that came with the document does not open it."""

    code = "wrong_password"


class CorruptDocument(ConversionError):
    """The file is damaged, incomplete or of another type."""

    code = "corrupt_document"


class EmptyDocument(ConversionError):
    """A readable file without a single page or character."""

    code = "empty_document"


class UnsupportedDocument(ConversionError):
    """The type was accepted, but its content cannot be read by this engine."""

    code = "unsupported_document"


class TooManyPagesFailed(ConversionError):
    """More pages could not be converted than `allowPartial` lets be missing."""

    code = "too_many_pages_failed"


class PagesOutOfRange(ConversionError):
    """The `pages` selection names a page that the document does not have."""

    code = "pages_out_of_range"


class DocumentTooLarge(ConversionError):
    """Beyond the engine's limits: pages, pixels or memory."""

    code = "document_too_large"


class SchemaDocumentTooLong(ConversionError):
    """It has more pages or bytes than one call takes, which fields by a schema need."""

    code = "schema_document_too_long"


class OutOfMemory(DocumentTooLarge):
    """A parser may not take as much memory as the document needs."""


class PoisonDocument(ConversionError):
    """The document crashed its parser twice, or its answer the process that read it."""

    code = "poison_document"


class DeadlineExceeded(ConversionError):
    """The job's total deadline passed."""

    code = "deadline_exceeded"


class ParserCrashed(ConversionError):
    """The parser child died while it held this document."""

    code = "parser_crashed"
    retryable = True

    def __init__(self, detail: str, cause: str = "") -> None:
        super().__init__(detail)
        self.cause = cause  #: the name of the signal that ended it, its exit code; "" if not known


class WorkerLost(ConversionError):
    """The worker process that held the job died."""

    code = "worker_lost"
    retryable = True
    engine_fault = True


class StorageUnavailable(ConversionError):
    """The object store did not answer, or answered with an error of its own."""

    code = "storage_unavailable"
    retryable = True
    engine_fault = True


class StorageMisconfigured(StorageUnavailable):
    """The store works, but not with our settings; jobs wait for their repair all the same."""

    code = "storage_misconfigured"


class DiskFull(StorageUnavailable):
    """The data folder has no room for more; documents wait until it has."""

    code = "disk_full"
    retry_after_seconds: ClassVar[int] = 60


class ObjectMissing(ConversionError):
    """The object store answered: there is no such object."""

    code = "object_missing"
    engine_fault = True


class NotFetched(ConversionError):
    """The address of a document did not give one that can be taken."""

    code = "url_unavailable"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        retryable: bool = False,
        logged: str | None = None,
    ) -> None:
        """Set `code` to that which the same bytes would get if they were uploaded."""
        super().__init__(detail, logged=logged)
        self.retryable = retryable  # type: ignore[misc]  # one class for all that may go wrong
        if code is not None:
            self.code = code  # type: ignore[misc]  # likewise


class EngineFailed(ConversionError):
    """The engine broke on a document in a way that nobody foresaw."""

    code = "engine_failed"
    retryable = True
    engine_fault = True


# --- what a key, or a request, allows: met at submit, or once pages are counted; at no cost ----


class BudgetSpent(ConversionError):
    """The key's budget for the month does not cover what the conversion costs."""

    code = "budget_spent"


class DailyPagesSpent(ConversionError):
    """The key may not convert as many more pages today."""

    code = "daily_pages_spent"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds  #: until midnight in UTC


class CostAboveLimit(ConversionError):
    """The conversion costs more than `maxCostUsd`."""

    code = "cost_above_limit"


# --- a paid provider --------------------------------------------------------------------------


class ProviderError(ConversionError):
    """The provider, or the way to it, is the cause."""

    engine_fault = True


class ProviderThrottled(ProviderError):
    """429: too many calls. Nothing was billed; waiting costs no attempt."""

    code = "provider_throttled"
    retryable = True

    def __init__(
        self, detail: str, retry_after_seconds: float | None = None, *, logged: str | None = None
    ) -> None:
        super().__init__(detail, logged=logged)
        self.retry_after_seconds = retry_after_seconds  #: as the provider said; None if it did not


class ProviderMisconfigured(ProviderError):
    """401, 402, 403 or an unknown model: no call can succeed before a setting is repaired."""

    code = "provider_misconfigured"
    retryable = True


class BatchLaneClosed(ProviderMisconfigured):
    """402 for a batch: the account has no batch billing. Single calls go on."""

    code = "batch_lane_closed"


class ProviderUnavailable(ProviderError):
    """5xx, or no connection: the call was not done, and not billed."""

    code = "provider_unavailable"
    retryable = True


class OutcomeUnknown(ProviderError):
    """A timeout, a reset in mid-call or an unreadable answer: the call may have been billed."""

    code = "outcome_unknown"
    retryable = True


class PagesMissing(ProviderError):
    """The answer has fewer pages than were asked for."""

    code = "pages_missing"
    retryable = True


class RefusedByProvider(ConversionError):
    """The provider refuses this document, in its own words. Nothing was billed."""

    code = "refused_by_provider"


class ModelUnavailable(ConversionError):
    """The model that the request named does not exist at the provider."""

    code = "model_unavailable"


class ProviderBatchFailed(ProviderError):
    """The provider gave up a batch, and this document in it was not converted."""

    code = "provider_batch_failed"


class ProviderBatchTimedOut(ProviderError):
    """The provider did not get to this document before its batch timed out."""

    code = "provider_batch_timeout"


class ProviderBatchCancelled(ProviderError):
    """Somebody cancelled the batch at the provider before this document's turn."""

    code = "provider_batch_cancelled"


def meaning(code: str) -> str:
    """Return a sentence that explains a code without a word of any document."""
    found = next((cls for cls in _all(ConversionError) if cls.code == code), None)
    if found is None or found.__doc__ is None:
        return f"{code.replace('_', ' ').capitalize()}."
    return found.__doc__.splitlines()[0]


def _all(base: type[ConversionError]) -> Iterator[type[ConversionError]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _all(cls)
