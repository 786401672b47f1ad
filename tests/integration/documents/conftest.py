"""Documents that are submitted and converted in the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.listing import Filter, Listing
from ilios.documents.queries import DocumentReader
from ilios.documents.submission import Submissions
from ilios.documents.upkeep import Upkeep
from ilios.documents.uploads import Received
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from tests.support import search_indexes
from tests.support.api_working import InTestWorker

OWNER = search_indexes.OWNER


@pytest.fixture
def actions(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> DocumentActions:
    return DocumentActions(settings, database, store, notifier)


@pytest.fixture
def submit(submissions: Submissions, receive: Callable[..., Received]) -> Callable[..., str]:
    """Submit a document of the owner; returns its id."""

    def submit(content: bytes = b"Hello", name: str = "hello.txt", **changes: object) -> str:
        order = replace(Order(owner=OWNER), **changes)  # type: ignore[arg-type]
        return submissions.submit(receive(content, name), order).id

    return submit


@pytest.fixture
def worker(settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(settings, database)


@pytest.fixture
def text_of(reports: DocumentReader) -> Callable[[str], list[str]]:
    def text_of(document_id: str) -> list[str]:
        return ["".join(page.pieces()) for page in reports.result(document_id, owner=OWNER).pages()]

    return text_of


@pytest.fixture
def row(database: Database) -> Callable[[str], Document]:
    def row(document_id: str) -> Document:
        with database.reading() as session:
            return session.get_one(Document, document_id)

    return row


@pytest.fixture
def upkeep(settings: Settings, database: Database) -> Upkeep:
    return Upkeep(database, DiskReserve(settings), pause=lambda _seconds: None)


@pytest.fixture
def found(database: Database) -> Callable[[str], list[str]]:
    """Search among the owner's documents; returns their ids."""

    def found(q: str) -> list[str]:
        listed = Listing(database).documents(Filter(OWNER, q=q), None, 50)
        return [one.id for one in listed.documents]

    return found
