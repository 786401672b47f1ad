"""A receiver, and a sender that sends when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, WebhookDelivery
from ilios.webhooks.sender import Sender
from tests.support import documents
from tests.support.issuing import MovableClock
from tests.support.receivers import SECRET, Receiver, receiving

SENT_TIMEOUT_S = 20.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hook_settings(settings: Settings, receiver: Receiver) -> Settings:
    allowed = {"webhook_secret": SecretStr(SECRET), "url_allow": receiver.authority}
    return settings.model_copy(update=allowed)


@pytest.fixture
def make_sender(hook_settings: Settings, database: Database) -> Iterator[Callable[[], Sender]]:
    """Make senders, which end with the test."""
    made: list[Sender] = []

    def make() -> Sender:
        made.append(Sender(hook_settings, database))
        return made[-1]

    yield make
    for sender in made:
        sender.stop()


@pytest.fixture
def sender(make_sender: Callable[[], Sender]) -> Sender:
    return make_sender()


@pytest.fixture
def send(sender: Sender, database: Database) -> Callable[[], None]:
    """Send all that is due by the clock, and wait for it."""

    def send() -> None:
        with database.watching() as watch:
            while sender.send_due(watch):
                assert sender.wait_until_idle(SENT_TIMEOUT_S)

    return send


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    return MovableClock(monkeypatch)


class Ending:
    """Ends documents as jobs do, with statements of our own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, url: str | None = None, owner: str = "anonymous") -> str:
        document_id, _ = documents.add_document(
            self._database, owner=owner, now=clock.now(), webhook_url=url
        )
        return document_id

    def end(self, document_id: str, status: DocumentStatus = DocumentStatus.COMPLETED) -> None:
        self._set(document_id, status, clock.now())

    def reopen(self, document_id: str) -> None:
        self._set(document_id, DocumentStatus.PENDING, None)

    def _set(self, document_id: str, status: DocumentStatus, moment: datetime | None) -> None:
        with self._database.writing() as session:
            session.execute(
                update(Document)
                .where(Document.id == document_id)
                .values(status=status, processed_at=moment)
            )


@pytest.fixture
def ending(database: Database) -> Ending:
    return Ending(database)


@pytest.fixture
def deliveries(database: Database) -> Callable[[], list[WebhookDelivery]]:
    def found() -> list[WebhookDelivery]:
        with database.reading() as session:
            return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.number)))

    return found
