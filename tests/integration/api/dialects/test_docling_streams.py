"""Long results in the forms of docling-serve: whole for those who read, never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ilios.accounts.keys import owner_of
from ilios.api.dialects.docling.tasks import Task
from ilios.api.dialects.docling.wanted import Chunking, ResultForms
from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from tests.integration.api.test_streamed_results import GROWTH_MAX_BYTES, peak_bytes, read
from tests.support import structured
from tests.support.api_fixtures import KEY
from tests.support.api_server import Connection, Server

PAGES = 3_000
ALL = ResultForms(("md", "json", "html", "text"), page_break="\f")
FEW = 501


@pytest.fixture(scope="module")
def long_and_short(shared_settings: Settings) -> Iterator[tuple[str, str]]:
    """Provide the ids of a document with many pages, and of one with few."""
    with closing(SqliteDatabase(shared_settings.database_path)) as database:
        yield tuple(  # type: ignore[misc]  # two
            structured.add_result(database, map(structured.page, range(count)), owner=owner_of(KEY))
            for count in (PAGES, FEW)
        )


def path_of(document_id: str, chunking: Chunking | None = None) -> str:
    return f"/v1/result/{Task((document_id,), ALL, chunking).id}"


def test_all_parts_of_all_pages_come(
    connection: Connection, long_and_short: tuple[str, str]
) -> None:
    body: dict[str, Any] = read(connection, path_of(long_and_short[0]))

    document = body["document"]["json_content"]
    assert len(document["texts"]) == 3 * PAGES
    assert len(document["tables"]) == len(document["pictures"]) == PAGES
    assert len(document["body"]["children"]) == 5 * PAGES
    assert [int(number) for number in document["pages"]] == list(range(1, PAGES + 1))
    assert body["document"]["md_content"].count("\f") == PAGES - 1
    assert body["status"] == "success"


@pytest.mark.parametrize("chunking", [None, Chunking()])
def test_a_web_process_does_not_grow_with_a_result(
    server: Server, long_and_short: tuple[str, str], chunking: Chunking | None
) -> None:
    process = Path(f"/proc/{server.web_process().pid}")
    many, few = (path_of(document_id, chunking) for document_id in long_and_short)
    with server.connect() as connection:
        read(connection, few)
        (process / "clear_refs").write_text("5")  # the peak begins anew
        before = peak_bytes(process)
        read(connection, many)

    assert peak_bytes(process) - before < GROWTH_MAX_BYTES
