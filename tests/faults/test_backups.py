"""Backups under load: documents come, are converted and deleted while one after the other is made.

Three in the short form, twenty in the long one. Each is restored by one command.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.models import Document, DocumentStatus
from ilios.db.opening import open_database
from ilios.operations.backup import manifest
from ilios.storage.opening import open_store
from tests.conftest import POSTGRESQL, SQLITE
from tests.postgres_server.process import PostgresServer, programs
from tests.support.api_server import free_port
from tests.support.commands import Operator
from tests.support.small_service import small_service, text_of
from tests.support.waiting import wait_until

BACKUPS, BACKUPS_OF_LONG_FORM = 3, 20
DELETED_OF = 3  #: each third document is deleted again
MORE = 10  #: documents between two backups
LOAD_TIMEOUT_S = 60


@dataclass
class Load:
    """Clients that submit and delete, and a worker that converts; what was acknowledged to them."""

    settings: Settings
    accepted: dict[str, str] = field(default_factory=dict)  #: texts by document
    deleted: set[str] = field(default_factory=set)

    def __enter__(self) -> Load:
        self._stopped = threading.Event()
        self._stack = ExitStack()
        self.service = self._stack.enter_context(small_service(self.settings))
        self._stack.enter_context(self.service.worker.running())
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._stack.close()

    def go_on(self) -> None:
        """Wait for some more documents."""
        enough = len(self.accepted) + MORE
        wait_until(lambda: len(self.accepted) > enough, LOAD_TIMEOUT_S)

    def _run(self) -> None:
        recent: list[str] = []
        for number in itertools.count():
            if self._stopped.is_set():
                return
            text = f"Document {number} of many"
            document_id = self.service.submit(text)
            self.accepted[document_id] = text
            recent.append(document_id)
            if number % DELETED_OF == 0 and len(recent) > DELETED_OF:
                self.service.delete(gone := recent.pop(0))
                self.deleted.add(gone)


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def loaded(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Provide the settings of a migrated service on either database."""
    if request.param == SQLITE:
        yield settings
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    with server.database(template) as name:
        yield _on_postgres(settings, server.url(name))
    clock.follow(None)


def test_each_is_restored_by_one_command_with_every_document_and_its_object(
    request: pytest.FixtureRequest, loaded: Settings, tmp_path: Path
) -> None:
    is_long = request.config.getoption("repeat_faults", 0)
    count = BACKUPS_OF_LONG_FORM if is_long else BACKUPS
    folders = [tmp_path / f"backup-{number}" for number in range(count)]
    known: dict[Path, tuple[set[str], set[str]]] = {}
    with Load(loaded) as load:
        for folder in folders:
            load.go_on()
            before = set(load.accepted), set(load.deleted)
            done = Operator(loaded).run("backup", "--whole", folder)
            assert done.returncode == 0, done.stderr
            known[folder] = before

    assert load.deleted
    for folder in folders:
        accepted, deleted = known[folder]
        with _empty_place(request, loaded) as place:
            operator = Operator(place)
            checked = operator.run("backup", "--check", folder)
            assert checked.returncode == 0, checked.stderr
            done = operator.run("restore", folder)
            ended = manifest.read(folder).ended
            assert done.returncode == 0, done.stderr
            assert _of_others(done.stderr, ended) == []
            _require_whole(place, accepted, deleted, load.accepted)
            _require_ended(place, ended)
            assert operator.diagnosis().of("error") == []


def _of_others(log: str, ended: list[str]) -> list[str]:
    """Return the lines that say more than that what ended during the backup was deleted."""
    wanted = [f"document_id={document_id}" for document_id in ended]
    return [
        line
        for line in log.splitlines()
        if "[info" not in line or not any(one in line for one in wanted)
    ]


def _require_whole(
    settings: Settings, accepted: set[str], deleted: set[str], texts: dict[str, str]
) -> None:
    """Compare what was restored with what clients were told before the backup began."""
    store = open_store(settings)
    with closing(open_database(settings)) as database, database.reading() as session:
        assert owner_totals.differences(session.driver) == []
        found = {one.id: one for one in session.scalars(select(Document))}
    assert accepted <= found.keys()
    assert all(found[one].status is DocumentStatus.DELETED for one in deleted)
    for document in found.values():
        if document.status is DocumentStatus.DELETED:
            continue
        with store.open(document.storage_key) as stream:
            assert hashlib.sha256(stream.read()).hexdigest() == document.sha256
        if document.status is DocumentStatus.COMPLETED:
            assert text_of(settings, document.id).strip() == texts[document.id]


def _require_ended(settings: Settings, ended: list[str]) -> None:
    """Look at what was deleted during the backup: it is deleted in the restore."""
    with closing(open_database(settings)) as database, database.reading() as session:
        found = session.scalars(select(Document.status).where(Document.id.in_(ended)))
        assert set(found) <= {DocumentStatus.DELETED}


@contextmanager
def _empty_place(request: pytest.FixtureRequest, like: Settings) -> Iterator[Settings]:
    """Provide the settings of an empty data folder or database."""
    with ExitStack() as stack:
        # A short path, for the sockets in it.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ilios-"))
        settings = Settings(data_dir=Path(folder), port=free_port(), log_format="console")
        if like.database_url is not None:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            settings = _on_postgres(settings, server.url(stack.enter_context(server.database())))
        yield settings


def _on_postgres(settings: Settings, url: str) -> Settings:
    return settings.model_copy(
        update={"database_url": SecretStr(url), "postgres_programs": programs()}
    )
