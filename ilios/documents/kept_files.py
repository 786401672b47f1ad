"""Files that clients keep here for a while, to have them converted when they ask for it.

A file is a document that waits as one does whose bytes are to be PUT to a link, except that its
bytes are here: so it has an owner, counts as stored and as waiting, and ends with its key. To
convert it, its bytes are submitted as a document of their own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from ilios.accounts import holdings
from ilios.accounts.holdings import Standard
from ilios.core import clock, data_folder, ids
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import OutcomeUnknown
from ilios.core.request_errors import (
    EmptyFile,
    Gone,
    KeptFileNotFound,
    LinkInvalid,
    UnsupportedType,
)
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db import instance
from ilios.db.database import Database, Scope
from ilios.db.models import AWAITING_UPLOAD, DELETED, Document, DocumentStatus
from ilios.db.prepared import Prepared
from ilios.documents import idempotency, repository
from ilios.documents.admission import OPERATION_FILE
from ilios.documents.idempotency import CreatedBefore, Repeatable
from ilios.documents.uploads import Received
from ilios.engines.detection import media_types
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import source_key
from ilios.storage.signed_links import Link, LinkSigner

log = logs.get(__name__)

LIFETIME_DEFAULT: Final = timedelta(hours=24)
LIFETIME_MAX: Final = timedelta(hours=168)
LISTED_MAX: Final = 1_000  #: files of one page of a list

_COLUMNS: Final = (
    *(Document.id, Document.file_name, Document.mime_type, Document.file_size),
    *(Document.sha256, Document.storage_key, Document.options, Document.created_at),
)
_KEPT: Final = (
    Document.status == AWAITING_UPLOAD,
    Document.operation == OPERATION_FILE,
    Document.owner == bindparam("of_owner"),
    Document.options["expires_at"].as_integer() > bindparam("moment"),
)
_FILE = Prepared(select(*_COLUMNS).where(*_KEPT, Document.id == bindparam("wanted")))
_LINKED = Prepared(
    select(*_COLUMNS).where(
        Document.id == bindparam("wanted"),
        Document.owner == bindparam("of_owner"),
        Document.storage_key == bindparam("of_key"),
        Document.status != DELETED,
    )
)


def _some(listed: Select[tuple[Any, ...]]) -> Select[tuple[Any, ...]]:
    newest_first = listed.order_by(Document.created_at.desc(), Document.id.desc())
    return newest_first.limit(bindparam("at_most")).offset(bindparam("skipped"))


def _of_purpose() -> ColumnElement[bool]:
    purpose: ColumnElement[str] = Document.options["purpose"].as_string()
    return purpose == bindparam("of_purpose")


_ALL = Prepared(_some(select(*_COLUMNS).where(*_KEPT)))
_OF_PURPOSE = Prepared(_some(select(*_COLUMNS).where(*_KEPT, _of_purpose())))
_COUNT_ALL = Prepared(select(func.count()).select_from(Document).where(*_KEPT))
_COUNT_OF_PURPOSE = Prepared(
    select(func.count()).select_from(Document).where(*_KEPT, _of_purpose())
)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as its owner sees it."""

    id: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    key: str  #: of its object
    created_at: datetime
    purpose: str = ""  #: in the words of its client; empty for a document of another kind
    expires_at: datetime | None = None
    about: dict[str, Any] = field(default_factory=dict)  #: small, as whoever keeps it needs it


@dataclass(frozen=True, slots=True)
class Listed:
    """Files of a list, and how many there are in all."""

    files: list[KeptFile]
    total: int


class KeptFiles:
    """Keeps files for owners; deleting one is deleting its document."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        links: LinkSigner,
        disk_reserve: DiskReserve,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._links = links
        self._disk_reserve = disk_reserve
        self._scratch = data_folder.uploads(settings)

    def keep(
        self,
        file: Received,
        *,
        owner: str,
        purpose: str,
        lifetime: timedelta = LIFETIME_DEFAULT,
        about: dict[str, Any] | None = None,
        repeatable: Repeatable | None = None,
    ) -> KeptFile:
        """Store a file for a while; it is moved from where it was received.

        Return the one that the same request has stored before. Raises EmptyFile,
        StorageQuotaExceeded, TooManyWaiting, StorageUnavailable, DatabaseBusy; with a key also
        IdempotencyKeyReused, and Gone when that file is.
        """
        if not file.size_bytes:
            raise EmptyFile(f"{file.file_name} is empty. Send a file with content.")
        kept_id = ids.new_id()
        now = clock.now()
        kept = KeptFile(
            id=kept_id,
            file_name=file.file_name,
            media_type=_type_of(file),
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            key=source_key(self._instance, kept_id),
            created_at=now,
            purpose=purpose,
            expires_at=(now + lifetime).replace(microsecond=0),
            about=about or {},
        )
        try:
            self._store_as(kept, file, owner, repeatable)
        except CreatedBefore as before:
            return self._again(before.created.documents[0].id, owner)
        log.info("file.kept", document_id=kept.id, size_bytes=kept.size_bytes)
        return kept

    def file(self, file_id: str, *, owner: str) -> KeptFile:
        """Return a file. Raises KeptFileNotFound, also for one that has expired."""
        with self._database.watching() as watch:
            row = _FILE.first(watch, wanted=file_id, of_owner=owner, moment=_seconds(clock.now()))
        if row is None:
            raise KeptFileNotFound
        return _file(row)

    def listed(self, *, owner: str, purpose: str | None, skipped: int, at_most: int) -> Listed:
        """Return files of an owner, the newest first, perhaps those of one purpose only."""
        which: dict[str, object] = {"of_owner": owner, "moment": _seconds(clock.now())}
        rows, count = _ALL, _COUNT_ALL
        if purpose is not None:
            rows, count, which["of_purpose"] = _OF_PURPOSE, _COUNT_OF_PURPOSE, purpose
        page = {"skipped": skipped, "at_most": min(at_most, LISTED_MAX)}
        with self._database.watching() as watch:
            found = rows.all(watch, **which, **page)
            ((total,),) = count.all(watch, **which)
        return Listed([_file(row) for row in found], total)

    def token(self, file: KeptFile, lifetime: timedelta) -> str:
        """Return a signed token for the bytes of a file, which ends with the file at the latest."""
        end = clock.now() + lifetime
        if file.expires_at is not None:
            end = min(end, file.expires_at)
        return self._links.sign(Link("GET", file.key, end, file.file_name, file.media_type))

    def of_token(self, token: str, *, owner: str) -> KeptFile:
        """Return the file that a signed link to an object of the owner stands for.

        Raises LinkInvalid, also for an object of another owner: it says who may read it, and what
        is converted is read by the owner of the result.
        """
        link = self._links.read(token, "GET", clock.now())
        _, _, document_id, *_ = [*link.key.split("/"), "", ""]
        with self._database.watching() as watch:
            row = _LINKED.first(watch, wanted=document_id, of_owner=owner, of_key=link.key)
        if row is None or row[4] is None:
            raise LinkInvalid
        return _file(row)

    @contextlib.contextmanager
    def received(self, file: KeptFile) -> Iterator[Received]:
        """Give a file as one that was just received, to be submitted; what is left is removed.

        Raises KeptFileNotFound when its bytes are gone, DiskFull, and StorageUnavailable.
        """
        path = self._scratch / ids.new_id()
        try:
            self._fetch(file, path)
            yield Received(path, file.file_name, file.size_bytes, file.sha256)
        finally:
            path.unlink(missing_ok=True)

    def _again(self, file_id: str, owner: str) -> KeptFile:
        try:
            return self.file(file_id, owner=owner)
        except KeptFileNotFound as error:  # its time is over, and the sweep has not come yet
            raise Gone(repository.GONE) from error

    def _store_as(
        self, kept: KeptFile, file: Received, owner: str, repeatable: Repeatable | None
    ) -> None:
        """Store object and row, or neither of them. Raises CreatedBefore."""
        standard = Standard.of(self._settings, self._disk_reserve.free_bytes)
        counted_bytes = holdings.counted_bytes(file.size_bytes)
        with self._database.watching() as watch:  # before it is stored; then once more
            idempotency.require_new(watch, repeatable)
            holdings.of(watch, owner, standard).require_room(counted_bytes, 1)
        self._store.put(kept.key, file.path, kept.media_type, kept.sha256)
        try:
            with self._database.writing(Scope.owner(owner)) as session:
                idempotency.require_new(session, repeatable)
                holdings.of(session, owner, standard).require_room(counted_bytes, 1)
                row = repository.add(session, **_row(kept, owner))
                idempotency.note(session, repeatable, [row])
        except OutcomeUnknown:
            raise  # the row may be there: else the sweep finds the object
        except BaseException:
            with contextlib.suppress(Exception):
                self._store.delete(kept.key)
            raise

    def _fetch(self, file: KeptFile, path: Path) -> None:
        try:
            with self._disk_reserve.promised(file.size_bytes):
                self._store.fetch(file.key, path, file.sha256)
        except ObjectMissing as error:
            raise KeptFileNotFound from error

    @cached_property
    def _instance(self) -> str:
        with self._database.reading() as session:
            return instance.instance_id(session)


def _type_of(file: Received) -> str:
    """Return a file's type from its bytes, whether or not it can be converted."""
    with file.path.open("rb", buffering=0) as stream:
        try:
            return media_types.sniff(stream, file.file_name)
        except UnsupportedType:
            return media_types.UNKNOWN


def _row(kept: KeptFile, owner: str) -> dict[str, Any]:
    if kept.expires_at is None:
        raise ValueError("a file that is kept has an end")
    return {
        "id": kept.id,
        "owner": owner,
        "file_name": kept.file_name,
        "mime_type": kept.media_type,
        "file_size": kept.size_bytes,
        "sha256": kept.sha256,
        "storage_key": kept.key,
        "status": DocumentStatus.AWAITING_UPLOAD,
        "operation": OPERATION_FILE,
        "options": {
            "purpose": kept.purpose,
            "expires_at": _seconds(kept.expires_at),
            "about": kept.about,
        },
        "retention_days": 1,
        "created_at": kept.created_at,
    }


def _file(row: tuple[Any, ...]) -> KeptFile:
    id_, name, media_type, size_bytes, sha256, key, options, created_at = row
    end: int | None = options.get("expires_at")
    return KeptFile(
        id_,
        name,
        media_type,
        size_bytes,
        sha256,
        key,
        created_at,
        options.get("purpose", ""),
        None if end is None else datetime.fromtimestamp(end, UTC),
        options.get("about", {}),
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
