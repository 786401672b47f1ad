"""How a request that waits for its conversion ends without a result, as classes."""

from __future__ import annotations

from ilios.core.errors import IliosError


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
