"""`ilios backup` beside a service at work, and the restore that docs/backup.md describes."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.driver import sqlite
from tests.support import documents
from tests.support.api_server import Server, free_port
from tests.support.commands import Operator
from tests.support.migrating import alembic
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

WRITERS = 4
PAGE_BYTES = 4096
LEASES_END_S = 180  #: a lease is of 60 s, and who has lost one is looked for every 20 s


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite.connect(str(path))) as connection:
        found: list[tuple[object, ...]] = connection.execute(query).fetchall()
        return found


def is_completed(url: str, document_id: str) -> bool:
    answer = requests.get(f"{url}/api/documents/status/{document_id}", timeout=30)
    return bool(answer.json()["status"] == "completed")


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run a real service on this data folder; yield its URL."""
    supervisor = SupervisorProcess(settings)
    try:
        server = Server(settings)
        try:
            yield server.url
        finally:
            server.close()
    finally:
        supervisor.close()


class Submitting:
    """Clients that keep submitting documents; `accepted` is what was acknowledged."""

    def __init__(self, url: str) -> None:
        self.accepted: dict[str, str] = {}
        self._url = url
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._submit, args=(n,)) for n in range(WRITERS)]

    def __enter__(self) -> Submitting:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _submit(self, writer: int) -> None:
        number = 0
        while not self._stopped.is_set():
            text = f"Document {number} of writer {writer}"
            files = {"file": (f"{number}.txt", text.encode())}
            answer = requests.post(f"{self._url}/api/documents/submit", files=files, timeout=30)
            if answer.status_code == 202:
                self.accepted[answer.json()["id"]] = text
            number += 1


def test_a_backup_under_writes_is_restored_into_an_empty_volume_with_every_document_readable(
    operator: Operator, tmp_path: Path, empty_volume: Path
) -> None:
    backup = tmp_path / "backup.db"
    with serving(operator.settings) as url, Submitting(url) as clients:
        wait_until(lambda: len(clients.accepted) >= 3 * WRITERS, timeout_s=30)
        before = dict(clients.accepted)
        done = operator.run("backup", backup)
        wait_until(lambda: len(clients.accepted) > len(before), timeout_s=30)  # nobody was kept
    assert done.returncode == 0, done.stderr
    old = operator.settings
    restored = old.model_copy(update={"data_dir": empty_volume, "port": free_port()})

    # docs/backup.md, "Restore"
    shutil.copy(backup, empty_volume / "ilios.db")
    shutil.copytree(data_folder.objects(old), data_folder.objects(restored))
    shutil.copytree(data_folder.answers(old), data_folder.answers(restored))
    shutil.copy2(data_folder.signing_key(old), data_folder.signing_key(restored))
    assert alembic(restored, "upgrade", "head").returncode == 0

    with serving(restored) as url:
        for document_id, text in before.items():
            wait_until(partial(is_completed, url, document_id), LEASES_END_S)
            result = f"{url}/api/documents/{document_id}"
            assert requests.get(f"{result}?format=markdown", timeout=30).text.strip() == text
            assert requests.get(f"{result}/original", timeout=30).text == text


def test_a_backup_says_what_it_holds_and_what_else_a_restore_needs(
    operator: Operator, database: Database, tmp_path: Path
) -> None:
    for _ in range(3):
        documents.add_document(database)

    done = operator.run("backup", tmp_path / "backup.db")

    assert "3 documents, 0 pages, 3 jobs, 0 calls; checked." in done.stdout
    for part in ("objects", "link-signing.key", "webhook-signing.key", "answers"):
        assert str(operator.settings.data_folder / part) in done.stdout


def test_with_a_bucket_the_bucket_is_what_a_restore_needs(
    operator: Operator, tmp_path: Path
) -> None:
    operator.variables |= {
        "S3_BUCKET": "scans",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }

    done = operator.run("backup", tmp_path / "backup.db")

    assert "the bucket scans" in done.stdout
    assert "link-signing.key" not in done.stdout


def test_only_its_owner_may_read_a_backup(operator: Operator, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"

    operator.run("backup", backup)

    assert backup.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_leaves_nothing_of_its_own_in_the_data_folder(operator: Operator) -> None:
    folder, uid = operator.settings.data_folder, 10001
    subprocess.run(["chown", "-R", f"{uid}:{uid}", folder], check=True)
    operator.prefix = ()  # root with all its rights, as `docker exec` has it

    done = operator.run("backup", folder / "backup.db")
    operator.run("doctor")

    assert done.returncode == 0, done.stderr
    assert {path.stat().st_uid for path in [folder, *folder.rglob("*")]} == {uid}


def test_a_file_that_is_there_is_replaced_only_when_asked(
    operator: Operator, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    backup.write_text("the last one")

    refused = operator.run("backup", backup)
    assert (refused.returncode, backup.read_text()) == (1, "the last one")
    assert "--force" in refused.stderr

    assert operator.run("backup", "--force", backup).returncode == 0
    assert rows(backup, "PRAGMA quick_check") == [("ok",)]


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".write-lock"])
def test_the_services_own_files_are_never_replaced(operator: Operator, suffix: str) -> None:
    path = operator.settings.database_path
    before = path.read_bytes()

    done = operator.run("backup", "--force", f"{path}{suffix}")

    assert done.returncode == 1
    assert "the service's own file" in done.stderr
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_one_line(operator: Operator, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    for target in (closed / "backup.db", tmp_path / "nowhere" / "backup.db", tmp_path):
        done = operator.run("backup", target)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert str(target) in line


def test_a_disk_that_fills_up_leaves_no_partial_backup(
    operator: Operator, database: Database, tmp_path: Path
) -> None:
    for _ in range(50):
        documents.add_document(database)
    small = tmp_path / "small"
    small.mkdir()
    script = 'mount -t tmpfs -o size=64k none "$1" && folder=$1 && shift && "$@"; ls -A "$folder"'
    operator.prefix = ("unshare", "--mount", "sh", "-c", script, "sh", str(small))
    if subprocess.run([*operator.prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root and a mount namespace")

    done = operator.run("backup", small / "backup.db")

    (line,) = done.stderr.splitlines()
    assert "full" in line
    assert "free some disk" in line
    assert done.stdout == ""  # the folder is empty


def test_a_corrupt_database_does_not_become_a_backup(operator: Operator, tmp_path: Path) -> None:
    with operator.settings.database_path.open("r+b") as file:
        file.seek(6 * PAGE_BYTES)
        file.write(b"\xa5" * 10 * PAGE_BYTES)

    done = operator.run("backup", tmp_path / "backup.db")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "ilios doctor" in line
    assert not (tmp_path / "backup.db").exists()


@pytest.mark.parametrize("database", ["absent", "empty", "foreign", "half"])
def test_what_is_not_ours_is_not_backed_up(
    operator: Operator, tmp_path: Path, database: str
) -> None:
    path = operator.settings.database_path
    path.unlink()
    if database == "empty":
        path.touch()
    if database == "foreign":
        rows(path, "CREATE TABLE recipes (id INTEGER)")
    if database == "half":
        path.touch()
        path.with_name(f"{path.name}-journal").write_text("what a killed writer left")

    done = operator.run("backup", tmp_path / "backup.db")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "backup.db").exists()
