"""What is wrong with a request whose `Idempotency-Key` was sent before."""

from __future__ import annotations

from typing import ClassVar

from ilios.core.request_errors import Conflict, RequestError


class IdempotencyKeyReused(RequestError):
    """The `Idempotency-Key` stands for another request of the last 24 hours."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was sent with another request: another path, other fields or "
            "other files. Send a new key with it."
        )


class IdempotencyInFlight(Conflict):
    """A request with the same `Idempotency-Key` is arriving just now."""

    code = "idempotency_in_flight"
    title = "Idempotency key in flight"
    retry_after_seconds: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__(
            "The body of another request with this Idempotency-Key is still arriving. Once it is "
            "there, the same request is answered as that one is."
        )
