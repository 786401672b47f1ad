"""`ilios doctor` on services with one thing wrong: each is found, with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import boto3
import pytest

from ilios.core import data_folder
from ilios.core.file_systems import type_of
from ilios.core.settings import Settings
from ilios.db import readonly
from ilios.db.database import Database
from ilios.db.driver import sqlite
from ilios.operations.doctor.bucket import DONE
from ilios.storage.opening import open_store
from tests.integration.cli import (
    spoilt_buckets,
    spoilt_databases,
    spoilt_machines,
    spoilt_services,
)
from tests.integration.cli.cases import SEEDS, Case, Seed
from tests.mistral_server.process import MistralServer
from tests.support import documents, search_indexes
from tests.support.api_server import Server, free_port
from tests.support.commands import Operator
from tests.support.predecessor import Predecessor
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

SPOILT = (
    spoilt_machines,
    spoilt_databases,
    spoilt_services,
    spoilt_buckets,
)  # imported, each adds to SEEDS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Server]:
    """Serve without a supervisor."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(data_dir=folder, port=free_port(), web_concurrency=1, log_format="console")
    data_folder.prepare(settings)
    shutil.copy(migrated_file, settings.database_path)
    open_store(settings)
    with closing(Server(settings)) as server:
        yield server
        server.stop()


@pytest.fixture
def case(
    operator: Operator, provider: MistralServer, request: pytest.FixtureRequest
) -> Iterator[Case]:
    with ExitStack() as stack:
        yield Case(operator, provider, stack, partial(request.getfixturevalue, "server"))


@pytest.mark.parametrize(("seed", "check", "says", "remedy", "status"), SEEDS)
def test_the_doctor_finds(
    case: Case, seed: Seed, check: str, says: str, remedy: str, status: str
) -> None:
    seed(case)

    diagnosis = case.operator.diagnosis()

    (found,) = [one for one in diagnosis.of(status) if says in one["detail"]]
    assert found["check"] == check
    assert remedy in found["remedy"]
    is_error = status == "error"
    assert {one["check"] for one in diagnosis.of("error")} == ({check} if is_error else set())
    assert diagnosis.exit_code == is_error


@pytest.mark.parametrize("command", ["migrate", "workers"])
def test_a_start_refuses_a_database_on_a_network_file_system_in_one_line(
    case: Case, command: str
) -> None:
    case.mount(spoilt_machines.ON_NFS, case.folder)

    done = case.operator.run(command)

    (line,) = (done.stderr + done.stdout).splitlines()
    assert done.returncode == 1
    assert "is on a network file system (nfs4), where SQLite loses data" in line
    assert "Set DATA_DIR to a folder on a disk of this machine, or DATABASE_URL" in line


def test_a_service_in_order_has_no_findings(case: Case) -> None:
    case.use_provider()

    diagnosis = case.operator.diagnosis()

    assert diagnosis.of("error", "warning") == []
    assert diagnosis.exit_code == 0
    assert diagnosis.report["status"] == "ok"
    assert {"Mistral", "OCR model", "clock"} <= {one["check"] for one in diagnosis.of("ok")}


def test_a_bucket_in_order_is_tried_in_every_way(case: Case) -> None:
    case.use_bucket(S3_BUCKET="in-order")
    admin = boto3.session.Session().client(
        "s3",
        endpoint_url=case.operator.variables["AWS_ENDPOINT_URL_S3"],
        region_name="us-east-1",
        aws_access_key_id="key-id",
        aws_secret_access_key="secret",
    )
    admin.create_bucket(Bucket="in-order")

    diagnosis = case.operator.diagnosis()

    tried = {one["check"] for one in diagnosis.of("ok") if one["check"].startswith("bucket")}
    assert tried == {f"bucket, {name}" for name in DONE}
    assert diagnosis.of("error", "warning") == []
    assert "Contents" not in admin.list_objects_v2(Bucket="in-order")
    admin.close()


def test_a_database_of_the_predecessor_is_recognised_and_left_alone(case: Case) -> None:
    case.database.unlink()
    Predecessor(case.database)
    case.database.chmod(0o600)  # the start sees to that, before it adopts it
    before = contents(case.folder)

    diagnosis = case.operator.diagnosis()

    assert diagnosis.of("error", "warning") == []
    (found,) = [one for one in diagnosis.of("ok") if one["check"] == "database"]
    assert "the next start adopts it" in found["detail"]
    assert contents(case.folder) == before


def test_an_open_database_is_not_read_as_immutable(case: Case) -> None:
    case.execute("PRAGMA journal_mode=WAL")
    with closing(sqlite.connect(str(case.database), isolation_level=None)) as service:
        service.execute("SELECT * FROM instance").fetchall()  # nothing is written yet
        with closing(readonly.open_file(case.database)) as look:
            service.execute("CREATE TABLE written (later)")
            tables = look.execute("SELECT name FROM sqlite_master").fetchall()

    assert ("written",) in tables


def test_a_folder_before_the_first_start_is_in_order(case: Case) -> None:
    shutil.rmtree(case.folder)

    diagnosis = case.operator.diagnosis()

    assert diagnosis.of("error", "warning") == []
    assert not case.folder.exists()


def test_asking_the_provider_costs_nothing(case: Case) -> None:
    case.use_provider()

    case.operator.diagnosis()

    assert [call.kind for call in case.provider.journal().calls] == ["models"]
    assert case.provider.stats().billed_pages == 0


def test_all_wrong_settings_are_named_and_the_rest_is_checked_all_the_same(case: Case) -> None:
    case.operator.variables |= {
        "WORKER_COUNT": "many",
        "CORS_ORIGINS": "example.com",
        "S3_BUCKET": "documents",
        "DB_ENCRYPTION_KEY": "x",
    }
    spoilt_databases.a_database_of_another_program(case)

    errors = case.operator.diagnosis().of("error")

    named = {one["detail"].split()[0] for one in errors if one["check"] == "settings"}
    assert named == {"WORKER_COUNT", "CORS_ORIGINS", "S3_BUCKET", "DB_ENCRYPTION_KEY"}
    assert "database" in {one["check"] for one in errors}


def test_secrets_are_not_shown(case: Case) -> None:
    case.use_provider(MISTRAL_API_KEY="hush-hush", API_KEY="hush-hush-ü")

    assert "hush" not in case.operator.run("doctor").stdout


@pytest.mark.parametrize(
    "seed",
    [
        spoilt_databases.a_database_with_a_damaged_header,
        spoilt_databases.a_database_with_a_damaged_page,
        spoilt_databases.a_database_of_a_newer_version,
        spoilt_databases.a_database_of_another_program,
        spoilt_databases.a_database_whose_writer_was_killed,
    ],
)
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_nothing_is_written_whatever_lies_there(case: Case, seed: Seed, journal: str) -> None:
    case.execute(f"PRAGMA journal_mode={journal}")
    seed(case)
    before = contents(case.folder)

    case.operator.diagnosis()

    assert contents(case.folder) == before


def test_a_running_service_is_in_order_and_is_not_disturbed(case: Case, database: Database) -> None:
    supervisor = SupervisorProcess(case.operator.settings)
    case.stack.callback(supervisor.close)
    case.stack.callback(Server(case.operator.settings).close)
    supervisor.wait_until_ready()
    documents.add_document(database, settings=case.operator.settings)
    # Completed, and no word of it is left that the doctor would tell of as not indexed yet.
    wait_until(lambda: has_ended(database) and search_indexes.progress(database).is_done, 60)

    diagnosis = case.operator.diagnosis()

    assert diagnosis.of("error", "warning") == []
    assert {"port", "service"} <= {one["check"] for one in diagnosis.of("ok")}


def test_people_read_each_finding_and_its_remedy(case: Case) -> None:
    case.operator.variables["WORKER_COUNT"] = "0"

    done = case.operator.run("doctor")

    assert "error    settings            WORKER_COUNT is '0'" in done.stdout
    assert "→ For example WORKER_COUNT=2." in done.stdout
    assert done.stdout.splitlines()[-1] == "1 error, no warnings."
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/data", "nfs4"),
        ("/data/deep/below", "nfs4"),
        ("/database", "ext4"),
        ("/my data/x", "cifs"),
        ("/twice", "tmpfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount_point(path: str, kind: str) -> None:
    mounts = (
        "/dev/sda / ext4 rw 0 0\n"
        "host:/export /data nfs4 rw 0 0\n"
        "//host/share /my\\040data cifs rw 0 0\n"
        "/dev/sdb /twice xfs rw 0 0\n"
        "none /twice tmpfs rw 0 0\n"
    )

    assert type_of(Path(path), mounts) == kind


def test_a_start_refuses_a_database_on_a_network_file_system(case: Case) -> None:
    case.mount(spoilt_machines.ON_NFS, case.folder)

    done = case.operator.run("migrate")

    (line,) = (done.stdout + done.stderr).splitlines()
    assert done.returncode
    assert "where SQLite loses data" in line
    assert "DATABASE_URL" in line


def has_ended(database: Database) -> bool:
    return all(one.processed_at for one in documents.documents(database))


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {
        path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }
