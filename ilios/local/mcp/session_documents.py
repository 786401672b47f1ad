"""What a session knows of its documents. Used by tasks of one event loop, but for `stop_by`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ilios.core.errors import IliosError
from ilios.core.request_errors import DocumentCancelled, DocumentFailed, DocumentNotReady
from ilios.local.mcp.documents import WARNINGS_MAX, Report
from ilios.local.mcp.messages import DocumentState, Warned
from ilios.local.mcp.refusals import refusal

READ: Final = "Read it with `read_page`."

Pages = dict[int, str]
"""The Markdown of pages by their numbers, in order."""


class SessionDocument:
    """A document of this session, from the moment that it is asked for."""

    def __init__(self, document_id: str, name: str) -> None:
        self.id = document_id
        self.name = name
        self.status = "pending"
        self.pages_done = 0
        self.pages_total: int | None = None
        self.pages: Pages | None = None
        self.warnings: list[Warned] = []
        self.error: Exception | None = None
        self._stop: Callable[[], None] | None = None
        self._changed = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        return self.status not in ("pending", "processing")

    @property
    def characters(self) -> int:
        return sum(map(len, (self.pages or {}).values()))

    def stop_by(self, stop: Callable[[], None]) -> None:
        """Note how its conversion is stopped, which begins now. Called in another thread."""
        self._stop = stop

    def advance(self, done: int, total: int) -> None:
        """Take note that so many pages are done."""
        if not self.has_ended:
            self.status, self.pages_done, self.pages_total = "processing", done, total
            self._tell()

    def complete(self, pages: Pages, warnings: list[Warned]) -> None:
        if not self.has_ended:
            self.status, self.pages, self.warnings = "completed", pages, warnings
            self.pages_done = self.pages_total = len(pages)
            self._tell()

    def fail(self, error: Exception) -> None:
        if not self.has_ended:
            self.status, self.error = "failed", error
            self._tell()

    def cancel(self, work: asyncio.Task[None]) -> None:
        """End it without a result: nobody waits for it any more."""
        if self.has_ended:
            return
        self.status = "cancelled"
        work.cancel()  # if it has not begun; else:
        if self._stop is not None:
            self._stop()
        self._tell()

    async def wait_for_end(self, seconds: float, report: Report | None = None) -> None:
        """Wait for so long at most; tell of each rise of the pages that are done."""
        told = -1
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.has_ended:
                    changed = self._changed
                    if report is not None and self.pages_done > told:
                        told = self.pages_done
                        await report(told, self.pages_total)
                    await changed.wait()
        if report is not None and self.pages is not None and self.pages_done > told:
            await report(self.pages_done, self.pages_total)

    def state(self) -> DocumentState:
        """Return its status."""
        why = None if self.error is None else refusal(self.error)
        return DocumentState(
            id=self.id,
            status=self.status,
            file_name=self.name,
            pages_done=self.pages_done,
            pages_total=self.pages_total,
            queue_position=None,
            error_code=why.code if why else None,
            error=why.detail if why else None,
            warnings=self.warnings[:WARNINGS_MAX],
            hint=READ if self.pages else why.remedy if why else None,
        )

    def result(self) -> Pages:
        """Return its pages. Raises IliosError when it has none."""
        if self.pages is not None:
            return self.pages
        raise self._missing()

    def _missing(self) -> IliosError:
        if self.status == "cancelled":
            return DocumentCancelled(
                "There is no result: the call that asked for it was cancelled."
            )
        if self.error is not None:
            return DocumentFailed(f"There is no result: {refusal(self.error).detail}")
        return DocumentNotReady("The conversion has not ended yet.")

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class SessionDocuments:
    """The documents of a session by id; those that ended first are forgotten first."""

    def __init__(self, count_max: int, characters_max: int) -> None:
        self._count_max = count_max
        self._characters_max = characters_max
        self._known: dict[str, SessionDocument] = {}

    def get(self, document_id: str) -> SessionDocument | None:
        return self._known.get(document_id)

    def add(self, document: SessionDocument) -> None:
        self._known[document.id] = document
        self.forget_oldest()

    def completed(self) -> list[SessionDocument]:
        """Return those with a result, the newest first."""
        return [one for one in reversed(self._known.values()) if one.pages is not None]

    def forget_oldest(self) -> None:
        """Forget what is beyond the bounds, but neither the newest nor what still runs."""
        ended = [one for one in self._known.values() if one.has_ended]
        characters = sum(one.characters for one in ended)
        for oldest in ended[:-1]:
            if len(self._known) <= self._count_max and characters <= self._characters_max:
                return
            characters -= oldest.characters
            del self._known[oldest.id]
