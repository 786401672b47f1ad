"""What keeps a client from listening to events, as classes."""

from __future__ import annotations

from typing import ClassVar

from ilios.core.request_errors import RequestError


class TooManyListeners(RequestError):
    """As many connections with this API key listen for statuses as may."""

    code = "too_many_listeners"
    title = "Too many listeners"
    retry_after_seconds: ClassVar[int] = 5

    def __init__(self, listeners: int) -> None:
        super().__init__(
            f"{listeners} connections with this key listen already. Close some, or listen to all "
            "of the key's documents on one: /api/documents/events."
        )
