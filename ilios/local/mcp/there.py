"""Documents of a service, asked with the client for programs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, Literal

from ilios.client import AsyncIlios, ConversionFailed
from ilios.client.answers import DocumentStatus, ListedDocument
from ilios.client.answers import Warned as Doubt
from ilios.client.conversations import ENDED, WITH_RESULT
from ilios.local.by_service import linked
from ilios.local.mcp import documents
from ilios.local.mcp.documents import FOUND_MAX, WARNINGS_MAX, Order, Report
from ilios.local.mcp.messages import (
    Converted,
    DocumentState,
    FoundDocument,
    Match,
    PageRead,
    SearchResult,
    Warned,
)
from ilios.local.mcp.refusals import refusal
from ilios.local.mcp.session_documents import READ

LOOK_SECONDS: Final = 2  #: between two looks at how many pages are done
HELD_SECONDS: Final = 60  #: for which a service holds an answer at most


class There:
    """Converts by a service; see Documents. What is called off goes on there."""

    scope: Final[Literal["service"]] = "service"

    def __init__(self, url: str, api_key: str | None) -> None:
        self._client = AsyncIlios(url, api_key)

    async def convert(self, order: Order, report: Report) -> Converted:
        fields: Any = {} if order.pages is None else {"pages": order.pages}
        file = order.content if order.path is None else order.path
        accepted = await self._client.submit(file, url=order.url, file_name=order.name, **fields)
        ended = await self._followed(accepted["id"], order.wait_seconds, report)
        name, status = ended["fileName"], ended["status"]
        if status not in ENDED:
            return documents.unfinished(accepted["id"], status, name, ended.get("pagesTotal"))
        if status not in WITH_RESULT:
            raise ConversionFailed(ended)
        result = await self._client.result(accepted["id"], "json")
        pages = (
            (page["number"], linked(page["markdown"], accepted["id"])) for page in result["pages"]
        )
        return documents.finished(accepted["id"], name, pages, _warnings(result.get("warnings")))

    async def status(self, document_id: str, wait_seconds: int) -> DocumentState:
        until = time.monotonic() + wait_seconds
        while True:
            left = max(0, round(until - time.monotonic()))
            asked = time.monotonic()
            found = await self._client.status(document_id, wait=min(left, HELD_SECONDS))
            if found["status"] in ENDED or time.monotonic() >= until:
                return _state(found)
            await _pause(asked)

    async def search(self, query: str) -> SearchResult:
        found = await self._client.documents(q=query, limit=FOUND_MAX)
        return SearchResult(
            scope=self.scope,
            documents=[_listed(one) for one in found["documents"]],
            has_more=found["nextCursor"] is not None,
        )

    async def read_page(self, document_id: str, number: int, offset: int) -> PageRead:
        page = await self._client.page(document_id, number)
        markdown = linked(page["markdown"], document_id)
        return documents.part_of_page(document_id, number, markdown, offset)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _followed(self, document_id: str, seconds: int, report: Report) -> DocumentStatus:
        """Return the last status of a document within this time; tell of each rise of its pages."""
        until, told = time.monotonic() + seconds, -1
        while True:
            asked = time.monotonic()
            held = max(0, min(LOOK_SECONDS, round(until - asked)))
            found = await self._client.status(document_id, wait=held)
            done = found.get("pagesDone", 0)
            if done > told:
                told = done
                await report(done, found.get("pagesTotal"))
            if found["status"] in ENDED or time.monotonic() >= until:
                return found
            await _pause(asked)


async def _pause(asked: float) -> None:
    """Wait before the next question, if the service had no place to hold the last one."""
    await asyncio.sleep(max(0.0, asked + LOOK_SECONDS - time.monotonic()))


def _state(found: DocumentStatus) -> DocumentState:
    why = refusal(ConversionFailed(found)) if "errorCode" in found else None
    hint = why.remedy if why else None
    return DocumentState(
        id=found["id"],
        status=found["status"],
        file_name=found["fileName"],
        pages_done=found.get("pagesDone"),
        pages_total=found.get("pagesTotal"),
        queue_position=found.get("queuePosition"),
        error_code=found.get("errorCode"),
        error=found.get("error"),
        warnings=_warnings(found.get("warnings")),
        hint=READ if found["status"] in WITH_RESULT else hint,
    )


def _listed(found: ListedDocument) -> FoundDocument:
    return FoundDocument(
        id=found["id"],
        file_name=found["fileName"],
        status=found["status"],
        pages_total=found.get("pagesTotal"),
        matches=[
            Match(page=one["page"], snippet=one["snippet"]) for one in found.get("matches", ())
        ],
    )


def _warnings(found: Sequence[Doubt] | None) -> list[Warned]:
    return [
        Warned(code=one["code"], message=one["message"], page=one.get("page"))
        for one in (found or ())[:WARNINGS_MAX]
    ]
