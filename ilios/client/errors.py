"""What the client raises: what the service said, or why it could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class IliosClientError(Exception):
    """The root of all errors of the client; `detail` is a sentence for people, as is its text."""

    def __init__(self, detail: str, code: str | None = None) -> None:
        self.detail = detail
        super().__init__(f"{detail} ({code})" if code else detail)


class ApiError(IliosClientError):
    """The service refused a request: a problem document (RFC 9457), listed in docs/errors.md."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code") or "unknown")  #: for programs; stable
        self.request_id: str | None = problem.get("requestId")
        detail = str(problem.get("detail") or f"The service answered with status {status}.")
        super().__init__(detail, problem.get("code"))


class ConversionFailed(IliosClientError):
    """A document was accepted and has no result: it failed, or was cancelled or deleted.

    `status` is the last status of the document, as the service answered it.
    """

    def __init__(self, status: Mapping[str, Any]) -> None:
        self.status = dict(status)
        self.document_id = str(status.get("id", ""))
        self.code = str(status.get("errorCode") or status.get("status") or "unknown")
        detail = str(status.get("error") or f"The document is {status.get('status')}.")
        super().__init__(detail, status.get("errorCode"))


class Unreachable(IliosClientError):
    """The service did not answer, however often it was asked. Nothing was created."""


class OutcomeUnknown(IliosClientError):
    """The connection ended before the answer, and nothing says whether a document was created.

    It happens alone where the service knows no `Idempotency-Key`. The request is not sent again,
    for that might be paid twice: look for the document in the list of documents.
    """


class WaitTimeout(IliosClientError):
    """A document or batch had not ended in time; it goes on. `id` is what to wait for again."""

    def __init__(self, identifier: str, seconds: float) -> None:
        self.id = identifier
        super().__init__(f"{identifier} has not ended within {seconds:g} s. It goes on.")
