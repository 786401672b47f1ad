"""The services of a web process and of a worker, on a real database file and a local store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ilios.conversion.converter import Converter
from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.documents.queries import DocumentReader
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received, UploadSink
from ilios.documents.waiting import Waiter
from ilios.engines.base import Engine
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store
from tests.support import working


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return open_store(settings)


@pytest.fixture
def submissions(
    settings: Settings, database: Database, store: ObjectStore, notifier: Notifier
) -> Submissions:
    return Submissions(settings, database, store, notifier)


@pytest.fixture
def reports(database: Database, store: ObjectStore) -> DocumentReader:
    return DocumentReader(database, store, Waiter(database))


@pytest.fixture
def make_converter(
    settings: Settings, database: Database, store: ObjectStore
) -> Callable[[Engine], Converter]:
    def make(engine: Engine) -> Converter:
        return working.converter(settings, database, store, engine)

    return make


@pytest.fixture
def receive(settings: Settings) -> Callable[..., Received]:
    """Return a file that has just arrived."""

    def receive(content: bytes, file_name: str = "hello.txt") -> Received:
        sink = UploadSink(
            data_folder.uploads(settings), limit_bytes=1024**2, disk_reserve=DiskReserve(settings)
        )
        sink.write(content)
        return sink.received(file_name)

    return receive


@pytest.fixture
def stored_files(settings: Settings) -> Callable[[], list[Path]]:
    """Find every file of the local store and of the upload folder."""

    def files() -> list[Path]:
        folders = (settings.data_folder / "objects", data_folder.uploads(settings))
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    return files
