"""What the client raises: what the service said, or why it could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class IliosClientError(Exception):
    """The root of all errors of the client; `detail` is a sentence for people, as is its text."""

    document_id: str | None = None
    """Of `convert`: what it had submitted before, and what can be waited for again."""

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
    """The service did not answer, however often it was asked, and got nothing of this request."""


class OutcomeUnknown(IliosClientError):
    """No answer came, however often the service was asked, and it may have created something.

    To send the same again under `idempotency_key`, within 24 hours, creates it once and is paid
    once, whatever became of the first; under another key it might be paid twice.
    """

    def __init__(self, reason: str, idempotency_key: str | None) -> None:
        self.idempotency_key = idempotency_key
        self.loss = (
            f"The answer of the service was lost ({reason}): what it was asked for may exist all "
            "the same."
        )
        """The detail without its remedy, which is one for programs."""
        super().__init__(
            f"{self.loss} Sent again under the same Idempotency-Key, it is not created twice."
        )


class WaitTimeout(IliosClientError):
    """A document or batch had not ended in time; it goes on. `id` is what to wait for again."""

    def __init__(self, identifier: str, seconds: float) -> None:
        self.id = identifier
        super().__init__(f"{identifier} has not ended within {seconds:g} s. It goes on.")
