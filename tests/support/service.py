"""A service that a test breaks, as its clients see it."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import Any

import psutil
import requests

ANSWER_TIMEOUT_S = 30.0


class Service(ABC):
    """Takes documents in at an address, which may be another one each time."""

    starts: int  #: how often it was started, whole or in part
    timeout: float | tuple[float, float] = ANSWER_TIMEOUT_S
    """Seconds for an answer, or for a connection and an answer."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    @abstractmethod
    def everything(self) -> list[psutil.Process]:
        """Return its processes."""

    @abstractmethod
    def wait_until_ready(self, timeout_s: float) -> None:
        """Return when all parts of it and all workers are there."""

    def doctor(self) -> list[str]:
        """Return what `ilios doctor` finds to be wrong, where it is asked."""
        return []

    def submit(
        self, content: bytes, name: str = "document.pdf", key: str | None = None, **fields: str
    ) -> str:
        """Have a document acknowledged, perhaps with an idempotency key; returns its id.

        Raises RequestException, else.
        """
        answer = requests.post(
            f"{self.url}/api/documents/submit",
            data=fields,
            files={"file": (name, content)},
            headers={"Idempotency-Key": key} if key else {},
            timeout=self.timeout,
        )
        answer.raise_for_status()
        return str(answer.json()["id"])

    def cancel(self, document_id: str) -> None:
        """Raise RequestException when it is refused, as `retry` does."""
        self._act(document_id, "cancel")

    def retry(self, document_id: str) -> None:
        self._act(document_id, "retry")

    def delete(self, document_id: str) -> None:
        place = f"{self.url}/api/documents/{document_id}"
        requests.delete(place, timeout=self.timeout).raise_for_status()

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=self.timeout)
        answer.raise_for_status()
        return answer.json()

    def is_completed(self, document_id: str) -> bool:
        """Return whether it is completed; False while nobody answers."""
        with contextlib.suppress(requests.RequestException):
            status = self.get(f"/api/documents/status/{document_id}")["status"]
            return bool(status == "completed")
        return False

    def _act(self, document_id: str, action: str) -> None:
        requests.post(
            f"{self.url}/api/documents/{document_id}/{action}", timeout=self.timeout
        ).raise_for_status()
