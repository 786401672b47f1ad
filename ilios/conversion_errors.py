"""Why a conversion failed. What the queue does about it depends on `retryable` alone."""

from __future__ import annotations

from typing import ClassVar

from ilios.errors import IliosError


class ConversionError(IliosError):
    """A job could not be done. `retryable` says whether another attempt can help."""

    retryable: ClassVar[bool] = False
    engine_fault: ClassVar[bool] = False  #: true when the document itself is blameless


class EncryptedDocument(ConversionError):
    code = "encrypted_document"


class CorruptDocument(ConversionError):
    code = "corrupt_document"


class EmptyDocument(ConversionError):
    """A readable file without a single page or character."""

    code = "empty_document"


class UnsupportedDocument(ConversionError):
    """The type was accepted, but its content cannot be read by this engine."""

    code = "unsupported_document"


class PagesOutOfRange(ConversionError):
    """The `pages` selection names a page that the document does not have."""

    code = "pages_out_of_range"


class DocumentTooLarge(ConversionError):
    """Beyond the engine's limits: pages, pixels or memory."""

    code = "document_too_large"


class PoisonDocument(ConversionError):
    """The document crashed its parser twice."""

    code = "poison_document"


class DeadlineExceeded(ConversionError):
    """The job's total deadline passed."""

    code = "deadline_exceeded"


class ParserCrashed(ConversionError):
    """The parser child died while it held this document."""

    code = "parser_crashed"
    retryable = True


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


class ObjectMissing(ConversionError):
    """The object store answered: there is no such object."""

    code = "object_missing"
    engine_fault = True


class EngineFailed(ConversionError):
    """The engine broke on a document in a way that nobody foresaw."""

    code = "engine_failed"
    retryable = True
    engine_fault = True
