"""The move of a service: a copy while it runs, the rest once it is stopped, then the handing over.

The rest is copied while nobody can write to the source. At its end the source is marked as moved,
in the transaction that kept the others out, and then the target as whole: there is no moment at
which both could be served, and whatever step is cut off, the next run goes on from there.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db import instance, revision, schema_version
from ilios.db.database import Database
from ilios.db.models import REVISION
from ilios.db.opening import open_database
from ilios.operations import standstill
from ilios.operations.transfer import of_cluster, tables
from ilios.operations.transfer.ends import Ends
from ilios.operations.transfer.errors import TransferFailed, TransferRefused
from ilios.operations.transfer.journal import Journal
from ilios.operations.transfer.objects import ObjectCopy
from ilios.operations.transfer.objects import folders as object_folders
from ilios.operations.transfer.receivers import Receiver, open_receiver
from ilios.operations.transfer.tables import Report, TableState
from ilios.storage import self_test
from ilios.storage.opening import open_store

POLL_SECONDS: Final = 1.0  #: between two looks whether the service is stopped
ROUND_SECONDS: Final = 60.0  #: between two copies while it is not
STOP: Final = (
    "All is copied but what changes now. Stop the service: the rest is copied then, and it starts "
    "with the new settings."
)


@dataclass(frozen=True, slots=True)
class Moved:
    """What has arrived. `faults` are those that the source had already."""

    tables: tuple[TableState, ...] = ()
    objects: int = 0
    faults: tuple[str, ...] = ()


def move(ends: Ends, report: Report, wait: Callable[[float], None] = time.sleep) -> Moved:
    """Move a service from one end to the other. Whatever happens, it can be run again.

    Raises TransferRefused, TransferFailed, StartupError, DatabaseBusy and StorageUnavailable.
    """
    try:
        return _move(ends, report, wait)
    except (OSError, DatabaseError) as error:
        reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
        raise TransferFailed(
            f"The move was cut off ({' '.join(str(reason).split())}): see to that, and run the "
            "command again."
        ) from error


def _move(ends: Ends, report: Report, wait: Callable[[float], None]) -> Moved:
    data_folder.prepare(ends.source)
    with closing(open_database(ends.source)) as source:
        state, instance_id = _state_of(ends.source, source)
        of_cluster.take_keys(ends.source)
        receiver = open_receiver(ends.target, instance_id)
        with closing(receiver.database):
            moved_by = revision.token_of(state, revision.MOVED)
            if receiver.token is None:
                return _moved_before(moved_by)
            if moved_by not in (None, receiver.token):
                raise TransferRefused(
                    "The service was moved to another database before: go on there, and move that "
                    "one."
                )
            return _Move(ends, source, receiver, report, wait).run(receiver.token)


class _Move:
    def __init__(
        self,
        ends: Ends,
        source: Database,
        receiver: Receiver,
        report: Report,
        wait: Callable[[float], None],
    ) -> None:
        self._ends = ends
        self._source = source
        self._receiver = receiver
        self._report = report
        self._wait = wait

    def run(self, token: str) -> Moved:
        with _objects(self._ends) as objects, self._stopped(objects):
            with self._source.writing() as session:
                standstill.keep(self._ends.source, session)
                of_cluster.require_recorded(self._ends.source, session)
                states = tables.copy_rest(session, self._receiver.database, self._report)
                faults = self._copy_last_objects(objects, session)
                self._receiver.attach()
                of_cluster.give_keys(self._ends.target, self._receiver.database)
                standstill.end(self._ends.source, session)
                revision.note(session.driver, revision.MOVED + token)
            self._receiver.finish()
            count = objects.count() if objects else 0
        shutil.rmtree(_folder(self._ends.source), ignore_errors=True)
        return Moved(tuple(states), count, tuple(faults))

    @contextmanager
    def _stopped(self, objects: _Objects | None) -> Iterator[None]:
        """Copy until the service is stopped, and keep it so for the block."""
        is_told = False
        while (held := standstill.reached(self._ends.source, self._source)) is None:
            self._copy(objects)
            if not is_told:
                self._report(STOP)
                is_told = True
            held = self._look(time.monotonic() + ROUND_SECONDS)
            if held is not None:
                break
        with held:
            yield

    def _look(self, until: float) -> ExitStack | None:
        """Wait for the end of the service; return None when it still runs at the end of that."""
        while time.monotonic() < until:
            if (held := standstill.reached(self._ends.source, self._source)) is not None:
                return held
            self._wait(POLL_SECONDS)
        return None

    def _copy(self, objects: _Objects | None) -> None:
        """Copy while the service goes on."""
        tables.copy_all(self._source, self._receiver.database, self._report)
        if objects is not None:
            with self._source.reading() as session:
                folders = object_folders(session)
            self._report(f"{objects.copy.copy(folders)} objects copied")

    def _copy_last_objects(self, objects: _Objects | None, session: Session) -> list[str]:
        if objects is None:
            return []
        objects.copy.copy(object_folders(session))
        self._report(f"{objects.count()} objects, each read back with its SHA-256")
        return list(objects.copy.faults(session))


@dataclass(frozen=True, slots=True)
class _Objects:
    copy: ObjectCopy
    journal: Journal

    def count(self) -> int:
        return self.journal.count()


@contextmanager
def _objects(ends: Ends) -> Iterator[_Objects | None]:
    """Open both stores, unless the objects stay where they are."""
    if not ends.moves_objects:
        yield None
        return
    self_test.examine(ends.target)
    folder = _folder(ends.source)
    scratch = folder / "objects"
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir(parents=True, mode=0o700)
    with (
        closing(open_store(ends.source)) as source,
        closing(open_store(ends.target)) as target,
        closing(Journal(folder / _journal_name(ends.target))) as journal,
    ):
        yield _Objects(ObjectCopy(source, target, journal, scratch), journal)


def _journal_name(target: Settings) -> str:
    return f"objects-in-{target.s3_bucket or 'folder'}.db"


def _folder(source: Settings) -> Path:
    """Return the folder of what a move keeps until it has ended."""
    return source.data_folder / "transfer"


def _state_of(settings: Settings, database: Database) -> tuple[str, str]:
    """Return revision and instance of the source. Raises TransferRefused for none of ours."""
    if settings.database_url is None:
        found = schema_version.read(settings.database_path).revision
    else:
        from ilios.db.postgres import starting  # an extra

        with database.watching() as watch:
            found = starting.revision(watch.driver)
    if found is None or (found != REVISION and not found.startswith(revision.MOVED)):
        raise TransferRefused(
            f"The database that is to be moved has schema {found or 'none'}, and this version "
            f"moves {REVISION}: set DATA_DIR or DATABASE_URL to that of the service, and run "
            "`ilios migrate` first."
        )
    with database.reading() as session:
        return found, instance.instance_id(session)


def _moved_before(token: str | None) -> Moved:
    if token is None:
        raise TransferRefused(
            "The database of --to has this service already, and this one was used since: empty "
            "that database, or go on there."
        )
    return Moved()
