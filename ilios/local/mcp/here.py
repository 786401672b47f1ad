"""Documents of this session: converted in this process, and kept in memory while it runs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal

from ilios.core.ids import new_id
from ilios.core.page_errors import PageNotFound
from ilios.core.request_errors import DocumentNotFound
from ilios.engines.base import Conversion
from ilios.engines.page_selection import PageSelection
from ilios.local.converter import default_concurrency
from ilios.local.in_process import InProcess
from ilios.local.inputs import Document, name_of_url
from ilios.local.mcp import documents, session_search
from ilios.local.mcp.documents import FOUND_MAX, Order, Report
from ilios.local.mcp.messages import (
    Converted,
    DocumentState,
    FoundDocument,
    PageRead,
    SearchResult,
    Warned,
)
from ilios.local.mcp.session_documents import Pages, SessionDocument, SessionDocuments

DOCUMENTS_MAX: Final = 500  #: that are known; those that ended first are forgotten first
KEPT_MAX_CHARACTERS: Final = 32 * 1024 * 1024  #: of all of them


class Here:
    """Converts with the embedded engine, one document for each core at once; see Documents."""

    scope: Final[Literal["session"]] = "session"

    def __init__(self, url_allow: str = "") -> None:
        """`url_allow` is what URL_ALLOW is to a service."""
        at_once = default_concurrency()
        self._converter = InProcess(at_once, url_allow)
        # Not the threads of the loop, which end when they are idle: a parser ends with the thread
        # that started it.
        self._executor = ThreadPoolExecutor(at_once, "conversion")
        self._known = SessionDocuments(DOCUMENTS_MAX, KEPT_MAX_CHARACTERS)
        self._work: set[asyncio.Task[None]] = set()

    async def convert(self, order: Order, report: Report) -> Converted:
        """Convert a document; one that is called off meanwhile is stopped."""
        name = order.name or _name(order)
        known = SessionDocument(new_id(), name)
        self._known.add(known)
        work = asyncio.create_task(self._converted(known, order))
        self._work.add(work)  # the loop itself does not keep it
        work.add_done_callback(self._work.discard)
        try:
            await known.wait_for_end(order.wait_seconds, report)
        except asyncio.CancelledError:
            known.cancel(work)
            raise
        if known.error is not None:
            raise known.error
        if known.pages is None:
            return documents.unfinished(known.id, known.status, name, known.pages_total)
        return documents.finished(known.id, name, known.pages.items(), known.warnings)

    async def status(self, document_id: str, wait_seconds: int) -> DocumentState:
        known = self._found(document_id)
        await known.wait_for_end(wait_seconds)
        return known.state()

    async def search(self, query: str) -> SearchResult:
        """Return documents whose name has the query, then those of which a page has its words."""
        looked_through = self._known.completed()
        find = partial(session_search.search, query, looked_through)
        found = await asyncio.get_running_loop().run_in_executor(None, find)
        listed = [
            FoundDocument(
                id=known.id,
                file_name=known.name,
                status=known.status,
                pages_total=known.pages_total,
                matches=matches,
            )
            for known, matches in found[:FOUND_MAX]
        ]
        return SearchResult(scope=self.scope, documents=listed, has_more=len(found) > FOUND_MAX)

    async def read_page(self, document_id: str, number: int, offset: int) -> PageRead:
        pages = self._found(document_id).result()
        if number not in pages:
            present = PageSelection.of_indexes(one - 1 for one in pages)
            raise PageNotFound(number, present, len(pages))
        return documents.part_of_page(document_id, number, pages[number], offset)

    async def aclose(self) -> None:
        """Stop what runs, and end the parsers."""
        self._converter.stop()
        self._executor.shutdown(cancel_futures=True)
        self._converter.close()

    def _found(self, document_id: str) -> SessionDocument:
        known = self._known.get(document_id)
        if known is None:
            raise DocumentNotFound
        return known

    async def _converted(self, known: SessionDocument, order: Order) -> None:
        """Convert a document, and note how it ends."""
        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:
            with suppress(RuntimeError):  # the loop has ended, and this is about to
                loop.call_soon_threadsafe(known.advance, done, total)

        work = partial(self._in_thread, known, order, progress)
        try:
            pages, warnings = await loop.run_in_executor(self._executor, work)
        except Exception as error:  # noqa: BLE001  # whoever asks for it is told
            known.fail(error)
        else:
            known.complete(pages, warnings)
            self._known.forget_oldest()

    def _in_thread(
        self, known: SessionDocument, order: Order, progress: Callable[[int, int], None]
    ) -> tuple[Pages, list[Warned]]:
        """Convert a document in one of the threads."""
        with tempfile.TemporaryDirectory(prefix="ilios-") as folder:
            path = order.path
            if order.content is not None:
                path = Path(folder, "content")
                path.write_bytes(order.content)
            document = Document(known.name, known.name, path, order.url)
            known.stop_by(partial(self._converter.stop_one, document))
            with self._converter.converted(document, order.pages, progress) as conversion:
                return _pages(conversion), _warnings(conversion)


def _name(order: Order) -> str:
    if order.path is not None:
        return order.path.name
    return "document" if order.url is None else name_of_url(order.url)


def _pages(conversion: Conversion) -> Pages:
    return {page.index + 1: "".join(page.pieces()) for page in conversion.pages}


def _warnings(conversion: Conversion) -> list[Warned]:
    return [
        Warned(code=one.code, message=one.message, page=one.page)
        for one in conversion.all_warnings()
    ]
