"""A service whose processes are the test itself: it submits, converts and deletes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.opening import open_database
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.documents.submission import Submissions
from ilios.documents.uploads import UploadSink
from ilios.documents.waiting import Waiter
from ilios.queue.notify import open_notifier
from ilios.storage.opening import open_store
from tests.support.api_working import InTestWorker

OWNER = "me"
IMAGE = "![a figure](figure.png)"  #: of which the worker makes an object
MAX_BYTES = 4 * 1024 * 1024


@dataclass
class SmallService:
    """Works on what its settings name; close its database at the end."""

    settings: Settings
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        data_folder.prepare(self.settings)
        self.database = open_database(self.settings)
        store = open_store(self.settings)
        notifier = open_notifier(self.settings, self.database)
        self._submissions = Submissions(self.settings, self.database, store, notifier)
        self._actions = DocumentActions(self.settings, self.database, store, notifier)
        self.worker = InTestWorker(self.settings, self.database)
        self.worker.free()

    def submit(self, text: str) -> str:
        """Return the id of a document that waits."""
        sink = UploadSink(
            data_folder.uploads(self.settings),
            limit_bytes=MAX_BYTES,
            disk_reserve=DiskReserve(self.settings),
        )
        sink.write(text.encode())
        return self._submissions.submit(sink.received("hello.txt"), Order(owner=OWNER)).id

    def convert(self) -> None:
        """Convert all that waits."""
        self.worker.work()

    def delete(self, document_id: str) -> None:
        self._actions.delete(document_id, owner=OWNER)


@contextmanager
def small_service(settings: Settings) -> Iterator[SmallService]:
    service = SmallService(settings)
    with closing(service.database):
        yield service


def text_of(settings: Settings, document_id: str) -> str:
    """Return a result as it is read in the service of these settings."""
    with closing(open_database(settings)) as database:
        reader = DocumentReader(database, open_store(settings), Waiter(database))
        pages = reader.result(document_id, owner=OWNER).pages()
        return "".join(piece for page in pages for piece in page.pieces())
