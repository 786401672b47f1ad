"""Whole backups of a service at work, on either database, and what is restored from them."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from ilios.core import data_folder
from ilios.core.errors import DatabaseRefused, IliosError
from ilios.core.processes import lock_file
from ilios.core.settings import Settings
from ilios.db import instance, owner_totals, revision
from ilios.db.models import REVISION, Document, DocumentStatus, Job
from ilios.db.opening import open_database
from ilios.operations.backup import checking, manifest, needed_objects, restoring, targets, whole
from ilios.operations.backup.errors import BackupRefused, RestoreRefused
from ilios.storage.object_keys import part_key
from ilios.storage.opening import open_store
from tests.conftest import POSTGRESQL
from tests.integration.operations.backup.conftest import TEXTS
from tests.support.small_service import SmallService, text_of


def silent(_line: str) -> None:
    """Report nothing."""


def documents_in(settings: Settings) -> dict[str, Document]:
    with closing(open_database(settings)) as database, database.reading() as session:
        return {one.id: one for one in session.scalars(select(Document))}


def require_whole(settings: Settings) -> None:
    """Compare each document that is completed with its object and its text."""
    store = open_store(settings)
    for document in documents_in(settings).values():
        if document.status is DocumentStatus.COMPLETED:
            with store.open(document.storage_key) as stream:
                content = stream.read()
            assert hashlib.sha256(content).hexdigest() == document.sha256
            text = content.decode()
            assert text_of(settings, document.id).split(" ![")[0] == text.split(" ![")[0]
    with closing(open_database(settings)) as database, database.reading() as session:
        assert owner_totals.differences(session.driver) == []
        assert revision.of(session.driver) == REVISION


def test_a_restore_is_one_step_and_gives_every_document_back(
    service: SmallService, empty: Settings, tmp_path: Path
) -> None:
    made = whole.make(service.settings, tmp_path / "backup")

    lacking = restoring.restore(empty, tmp_path / "backup", silent)

    assert lacking == []
    assert made.counts["documents"] == len(TEXTS)
    assert made.objects == len(TEXTS) + 1  # and an image
    assert documents_in(empty).keys() == documents_in(service.settings).keys()
    require_whole(empty)
    for key in whole.key_files(service.settings):
        assert (empty.data_folder / key.name).read_bytes() == key.read_bytes()
        assert (empty.data_folder / key.name).stat().st_mode & 0o777 == 0o600


def test_a_document_that_is_deleted_while_its_backup_is_made_is_deleted_in_its_restore(
    service: SmallService, empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, *kept = documents_in(service.settings)
    read_list = manifest.read_list

    def after_the_database(folder: Path) -> object:
        service.delete(deleted)
        return read_list(folder)

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "read_list", after_the_database)
        made = whole.make(service.settings, tmp_path / "backup")

    restoring.restore(empty, tmp_path / "backup", silent)

    assert made.ended == [deleted]
    assert made.missing == []
    found = documents_in(empty)
    assert found[deleted].status is DocumentStatus.DELETED
    assert {found[one].status for one in kept} == {DocumentStatus.COMPLETED}
    require_whole(empty)


def test_an_original_that_moves_meanwhile_is_found_where_it_is(
    service: SmallService, empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = next(iter(documents_in(service.settings).values()))
    read_list, new_key = manifest.read_list, f"archive/{moved.id}/source"

    def after_the_database(folder: Path) -> object:
        store = open_store(service.settings)
        store.copy(moved.storage_key, new_key)
        with service.database.writing() as session:
            session.get_one(Document, moved.id).storage_key = new_key
        store.delete(moved.storage_key)
        return read_list(folder)

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "read_list", after_the_database)
        whole.make(service.settings, tmp_path / "backup")

    assert restoring.restore(empty, tmp_path / "backup", silent) == []
    require_whole(empty)


def test_an_object_that_the_service_lacks_is_named(
    service: SmallService, empty: Settings, tmp_path: Path
) -> None:
    lost = next(iter(documents_in(service.settings).values()))
    open_store(service.settings).delete(lost.storage_key)

    made = whole.make(service.settings, tmp_path / "backup")
    (lacking,) = restoring.restore(empty, tmp_path / "backup", silent)

    assert made.missing == [lost.storage_key]
    assert lost.id in lacking


def test_an_object_with_other_bytes_makes_no_backup(service: SmallService, tmp_path: Path) -> None:
    spoilt = next(iter(documents_in(service.settings).values()))
    (data_folder.objects(service.settings) / spoilt.storage_key).write_bytes(b"Spoilt")

    with pytest.raises(BackupRefused, match="is not what was submitted"):
        whole.make(service.settings, tmp_path / "backup")

    assert list(tmp_path.glob("*backup*")) == []


def test_a_check_compares_rows_and_objects_by_hash(service: SmallService, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    made = whole.make(service.settings, folder)
    assert checking.check(service.settings, folder).faults == []
    first, second, *others = manifest.read_list(folder)

    manifest.object_path(folder, first.key).write_bytes(b"Spoilt")
    manifest.object_path(folder, second.key).unlink()
    with (folder / made.database).open("ab") as file:
        file.write(b"\0")

    faults = checking.check(service.settings, folder).faults
    assert len(faults) == 3
    for name in (made.database, first.key, second.key):
        assert any(name in fault for fault in faults)
    assert not any(one.key in fault for one in others for fault in faults)


@pytest.mark.parametrize("step", ["put_all", "fill", "delete", "finish"])
def test_a_restore_that_is_cut_off_at_any_step_goes_on(
    service: SmallService,
    empty: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    class Cut(BaseException):
        """What ends it in its midst, as a kill does."""

    def cut(*_: object, **__: object) -> None:
        raise Cut

    whole.make(service.settings, tmp_path / "backup")
    kind = targets._SqliteTarget if empty.database_url is None else targets._PostgresTarget
    where = {
        "put_all": (restoring._Objects, "put_all"),
        "fill": (kind, "fill"),
        "delete": (restoring, "_end"),
        "finish": (kind, "finish"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*where[step], cut)
        with pytest.raises(Cut):
            restoring.restore(empty, tmp_path / "backup", silent)

    assert restoring.restore(empty, tmp_path / "backup", silent) == []
    require_whole(empty)
    with pytest.raises(IliosError, match="already"):
        restoring.restore(empty, tmp_path / "backup", silent)


def test_jobs_that_ran_go_on_at_once(
    service: SmallService, empty: Settings, tmp_path: Path
) -> None:
    waiting = service.submit("Waiting")
    whole.make(service.settings, tmp_path / "backup")

    restoring.restore(empty, tmp_path / "backup", silent)

    assert documents_in(empty)[waiting].status is DocumentStatus.PENDING


def test_a_restore_beside_a_service_is_refused(
    service: SmallService, empty: Settings, tmp_path: Path
) -> None:
    whole.make(service.settings, tmp_path / "backup")
    data_folder.prepare(empty)
    if empty.database_url is None:
        lock_file(data_folder.web_lock(empty), 0)
        with pytest.raises(RestoreRefused, match="stop it first"):
            restoring.restore(empty, tmp_path / "backup", silent)
        return
    with closing(open_database(empty)) as node:
        with node.watching():
            pass
        with pytest.raises(RestoreRefused, match="stop it first"):
            restoring.restore(empty, tmp_path / "backup", silent)


def test_a_place_that_is_not_empty_is_refused(service: SmallService, tmp_path: Path) -> None:
    whole.make(service.settings, tmp_path / "backup")
    service.database.close()

    with pytest.raises((RestoreRefused, DatabaseRefused), match="already"):
        restoring.restore(service.settings, tmp_path / "backup", silent)


def test_a_backup_of_the_other_database_is_refused(
    service: SmallService, empty: Settings, tmp_path: Path, kind: str
) -> None:
    whole.make(service.settings, tmp_path / "backup")
    url = None if kind == POSTGRESQL else SecretStr("postgresql://host/x")
    other = Settings(data_dir=empty.data_folder, database_url=url)

    with pytest.raises(RestoreRefused, match="DATABASE_URL"):
        restoring.restore(other, tmp_path / "backup", silent)


def test_what_is_no_backup_is_refused(empty: Settings, tmp_path: Path) -> None:
    with pytest.raises(RestoreRefused, match="no whole backup"):
        restoring.restore(empty, tmp_path, silent)
    with pytest.raises(RestoreRefused, match="no whole backup"):
        checking.check(empty, tmp_path)


def test_a_backup_that_is_there_is_replaced_only_when_asked(
    service: SmallService, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    whole.make(service.settings, folder)
    with pytest.raises(BackupRefused, match="--force"):
        whole.make(service.settings, folder)

    service.submit("Four")
    made = whole.make(service.settings, folder, replace=True)

    assert made.counts["documents"] == len(TEXTS) + 1
    assert checking.check(service.settings, folder).faults == []
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_something_else_is_never_replaced(
    service: SmallService, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()

    for target in (tmp_path / "photos", service.settings.data_folder, tmp_path):
        with pytest.raises(BackupRefused):
            whole.make(service.settings, target, replace=True)


def test_images_and_waiting_ranges_are_among_what_is_needed(service: SmallService) -> None:
    waiting = service.submit("Waiting")
    with service.database.writing() as session:
        job = session.scalars(select(Job).where(Job.document_id == waiting)).one()
        job.first_page, job.last_page = 0, 9
    with service.database.reading() as session:
        found = {one.key for one in needed_objects.each(session)}
        part = part_key(instance.instance_id(session), waiting, 0, 9)

    originals = {one.storage_key for one in documents_in(service.settings).values()}
    (image,) = found - originals - {part}
    assert originals | {part} <= found
    assert image.endswith("figure.png")
