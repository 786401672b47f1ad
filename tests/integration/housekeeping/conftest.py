"""Documents that are submitted, converted in the test's own process, and then looked after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ilios.admission import Order
from ilios.database import Database
from ilios.housekeeping import Housekeeping
from ilios.intake import Intake
from ilios.models import Document
from ilios.reports import Reports
from ilios.settings import Settings
from ilios.storage import ObjectStore
from ilios.uploads import Received
from ilios.wakeup import Bell
from tests.support.api_working import InTestWorker

OWNER = "me"


@pytest.fixture
def housekeeping(
    settings: Settings, database: Database, store: ObjectStore, bell: Bell
) -> Housekeeping:
    return Housekeeping(settings, database, store, bell)


@pytest.fixture
def submit(intake: Intake, receive: Callable[..., Received]) -> Callable[..., str]:
    """Submit a document of the owner; returns its id."""

    def submit(content: bytes = b"Hello", name: str = "hello.txt", **changes: object) -> str:
        order = replace(Order(owner=OWNER), **changes)  # type: ignore[arg-type]
        return intake.submit(receive(content, name), order).id

    return submit


@pytest.fixture
def worker(settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(settings, database)


@pytest.fixture
def text_of(reports: Reports) -> Callable[[str], list[str]]:
    def text_of(document_id: str) -> list[str]:
        return [page.markdown for page in reports.result(document_id, owner=OWNER).pages]

    return text_of


@pytest.fixture
def row(database: Database) -> Callable[[str], Document]:
    def row(document_id: str) -> Document:
        with database.reading() as session:
            return session.get_one(Document, document_id)

    return row
