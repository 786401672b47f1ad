"""DELETE removes everything of a document, and nothing of those that share its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.conversion_errors import StorageUnavailable
from ilios.core.request_errors import Gone
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, JobStatus
from ilios.documents import lifecycle, removal, repository, results
from ilios.documents.erasure import Erasure
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.queries import DocumentReader
from ilios.documents.retention.service import Retention
from ilios.engines.base import Conversion, Engine, Keep, Options, Part, Progress
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from ilios.storage.base import ObjectStore
from ilios.storage.page_image_cache import PageImageCache
from tests.integration.documents.conftest import OWNER
from tests.support import documents
from tests.support.api_working import InTestWorker, TextEngine

pytestmark = pytest.mark.both_databases

MARKER = "xyzzy-of-the-marker"
FIGURE = f"![{MARKER}](figure.png)".encode()

Submit = Callable[..., str]
Row = Callable[[str], Document]
TextOf = Callable[[str], list[str]]


@pytest.fixture
def sweep(settings: Settings, database: Database, store: ObjectStore) -> Callable[[], object]:
    return Retention(settings, database, store).run


def files_with_marker(folder: Path) -> list[Path]:
    """Return every file below that holds the marker's bytes."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and MARKER.encode() in path.read_bytes()
    ]


def test_no_byte_of_a_deleted_document_is_left(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    sweep: Callable[[], object],
    settings: Settings,
    stored_files: Callable[[], list[Path]],
) -> None:
    gone = [submit(FIGURE + b"\n%d" % n, f"{MARKER}-{n}.txt") for n in range(20)]
    kept = [submit(b"![kept](figure.png)\n%d" % n, f"kept-{n}.txt") for n in range(20)]
    worker.work()
    assert files_with_marker(settings.data_folder)

    for document_id in gone:
        actions.delete(document_id, owner=OWNER)
    sweep()

    assert files_with_marker(settings.data_folder) == []
    assert len(stored_files()) == 2 * len(kept)


def test_an_original_under_the_key_of_earlier_versions_is_converted_and_erased(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    store: ObjectStore,
    database: Database,
    text_of: TextOf,
    stored_files: Callable[[], list[Path]],
) -> None:
    document_id = submit(b"of last year")
    with database.writing() as session:
        document = session.get_one(Document, document_id)
        earlier = f"documents/{instance.instance_id(session)}/{document_id}/source"
        store.copy(document.storage_key, earlier)  # and a move that ended here
        document.storage_key = earlier
    worker.work()
    assert text_of(document_id) == ["of last year"]

    actions.delete(document_id, owner=OWNER)

    assert stored_files() == []


def test_a_tombstone_has_no_content_and_keeps_the_costs(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    reports: DocumentReader,
    database: Database,
    row: Row,
) -> None:
    document_id = submit(b"one\n-")
    worker.work()

    actions.delete(document_id, owner=OWNER)

    tombstone = row(document_id)
    assert tombstone.status is DocumentStatus.DELETED
    assert (tombstone.file_name, tombstone.storage_key) == ("", "")
    assert (tombstone.sha256, tombstone.fingerprint, tombstone.error) == (None, None, None)
    assert (tombstone.options, tombstone.warnings, tombstone.to_erase) == ({}, [], False)
    assert sum(call.pages for call in documents.calls(database)) == 2
    with pytest.raises(Gone):
        reports.result(document_id, owner=OWNER)


def test_deleting_twice_is_deleting_once(submit: Submit, actions: DocumentActions) -> None:
    document_id = submit()

    actions.delete(document_id, owner=OWNER)
    actions.delete(document_id, owner=OWNER)


def test_the_duplicate_of_a_deleted_document_keeps_its_result(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    reports: DocumentReader,
    store: ObjectStore,
    text_of: TextOf,
    stored_files: Callable[[], list[Path]],
) -> None:
    first, second = submit(FIGURE), submit(FIGURE)
    worker.work()

    actions.delete(first, owner=OWNER)

    assert text_of(second) == [FIGURE.decode()]
    image = reports.image(second, "figure.png", owner=OWNER)
    assert store.stat(image.key).size_bytes
    assert len(stored_files()) == 2  # the duplicate's original, and the image

    actions.delete(second, owner=OWNER)

    assert stored_files() == []


def test_a_deleted_document_is_converted_for_the_duplicate_that_waits(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    sweep: Callable[[], object],
    text_of: TextOf,
    row: Row,
    stored_files: Callable[[], list[Path]],
) -> None:
    first, second = submit(FIGURE), submit(FIGURE)

    actions.delete(first, owner=OWNER)
    sweep()
    assert worker.work() == 1

    assert text_of(second) == [FIGURE.decode()]
    assert row(first).status is DocumentStatus.DELETED
    sweep()
    assert len(stored_files()) == 2
    actions.delete(second, owner=OWNER)
    sweep()
    assert stored_files() == []


def test_the_last_duplicate_that_waits_takes_the_job_with_it(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, database: Database
) -> None:
    first, second = submit(), submit()

    actions.delete(first, owner=OWNER)
    actions.cancel(second, owner=OWNER)

    assert [job.status for job in documents.jobs(database)] == [JobStatus.CANCELLED]
    assert worker.work() == 0


def test_the_bytes_of_a_deleted_document_are_converted_when_sent_again(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, text_of: TextOf, row: Row
) -> None:
    actions.delete(submit(), owner=OWNER)

    again = submit()

    assert row(again).result_of is None
    worker.work()
    assert text_of(again) == ["Hello"]


def test_what_is_deleted_while_it_is_converted_is_paid_for_and_stays_deleted(
    submit: Submit,
    actions: DocumentActions,
    sweep: Callable[[], object],
    make_converter: Callable[[Engine], Converter],
    settings: Settings,
    database: Database,
    row: Row,
    stored_files: Callable[[], list[Path]],
) -> None:
    document_id = submit(FIGURE)

    class DeletedMeanwhile(TextEngine):
        def convert(
            self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
        ) -> Conversion:
            actions.delete(document_id, owner=OWNER)
            return TextEngine.convert(self, part, options, workspace, progress, keep)

    converter = make_converter(DeletedMeanwhile(settings))
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    converter.run(lease)

    assert row(document_id).status is DocumentStatus.DELETED
    assert [call.pages for call in documents.calls(database)] == [1]
    with database.reading() as session:
        assert repository.page_indexes(session, document_id) == []
    assert stored_files() == []


def test_a_store_that_is_away_is_made_up_for_by_the_sweep(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    sweep: Callable[[], object],
    store: ObjectStore,
    row: Row,
    monkeypatch: pytest.MonkeyPatch,
    stored_files: Callable[[], list[Path]],
) -> None:
    document_id = submit(FIGURE)
    worker.work()

    def away(_store: object, _key: str) -> None:
        raise StorageUnavailable("Away.")

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "delete", away)
        actions.delete(document_id, owner=OWNER)
    assert row(document_id).status is DocumentStatus.DELETED
    assert stored_files()

    sweep()

    assert stored_files() == []
    assert not row(document_id).to_erase


def test_an_upload_that_never_came_can_be_deleted(
    actions: DocumentActions, submissions: object, database: Database, row: Row
) -> None:
    offer = submissions.offer_upload(  # type: ignore[attr-defined]
        owner=OWNER, file_name="a.txt", size_bytes=1, media_type="text/plain", retention_days=1
    )

    actions.delete(offer.document_id, owner=OWNER)

    assert row(offer.document_id).status is DocumentStatus.DELETED


def test_a_document_that_was_shared_since_is_not_closed_with_its_images(
    submit: Submit, worker: InTestWorker, actions: DocumentActions, database: Database
) -> None:
    first, second = submit(FIGURE), submit(FIGURE)
    worker.work()
    actions.delete(first, owner=OWNER)
    with database.writing() as session:
        assert removal.tombstone(session, second, first, clock.now())

        assert not removal.close(session, first, keeps_images=True)


def test_no_file_of_the_service_is_open_to_the_marker_by_its_log(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document_id = submit(FIGURE, f"{MARKER}.txt")
    worker.work()
    actions.delete(document_id, owner=OWNER)

    said = capsys.readouterr()

    assert MARKER not in said.out + said.err


def test_the_objects_of_a_long_document_are_gone_before_its_pages(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    stored_files: Callable[[], list[Path]],
) -> None:
    document_id = submit(FIGURE + b"\n-\n-")
    worker.work()
    monkeypatch.setattr(removal, "PORTION_SECONDS", 0)
    monkeypatch.setattr(lifecycle, "ERASE_SECONDS", 0)

    actions.delete(document_id, owner=OWNER)

    with database.reading() as session:
        assert repository.page_indexes(session, document_id)
    assert stored_files() == []


def test_one_document_at_a_time_is_erased_with_pauses(
    submit: Submit,
    worker: InTestWorker,
    actions: DocumentActions,
    database: Database,
    store: ObjectStore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents_of_three = [submit(b"%d\n-\n-" % number) for number in range(2)]
    worker.work()
    monkeypatch.setattr(removal, "PORTION_SECONDS", 0)
    monkeypatch.setattr(lifecycle, "ERASE_SECONDS", -1)
    for document_id in documents_of_three:
        actions.delete(document_id, owner=OWNER)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert not erasure.erase(documents_of_three[1], time.monotonic() + 0.01)

    erasure = Erasure(database, store, PageImageCache(settings), pause=pause)

    assert erasure.erase(documents_of_three[0])

    assert len(pauses) == 3
    with database.reading() as session:
        assert len(repository.page_indexes(session, documents_of_three[1])) == 3
