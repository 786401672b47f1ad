"""The replicator under a real supervisor, while each process is killed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.operations import heartbeat
from ilios.operations.heartbeat import Heartbeat
from ilios.replication.errors import OtherWriter
from ilios.replication.preflight import examine
from tests.integration.replication.conftest import libsql_server, replicating
from tests.replication_server.process import NEEDS_SERVER, LibsqlServer
from tests.support import documents, replicas
from tests.support.supervising import SupervisorProcess
from tests.support.volumes import volume
from tests.support.waiting import wait_for_ends, wait_until

pytestmark = NEEDS_SERVER

Start = Callable[..., SupervisorProcess]
TIMEOUT_S = 60.0
STOP_LIMIT_S = 30.0  #: the last push may take 10 s; without a limit it would wait for ever


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibsqlServer]:
    """Start the server of all tests here, which share volume and supervisor too."""
    with libsql_server(tmp_path_factory.mktemp("sqld")) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Settings]:
    with volume(tmp_path_factory.mktemp("shared"), migrated_file) as settings:
        yield settings.model_copy(update={"worker_count": 1})


@pytest.fixture
def settings(shared: Settings, server: LibsqlServer) -> Settings:
    """Return the settings with a token that is valid now."""
    return replicating(shared, server)


@pytest.fixture(scope="module")
def started() -> Iterator[list[SupervisorProcess]]:
    started: list[SupervisorProcess] = []
    yield started
    for supervisor in started:
        supervisor.close()


@pytest.fixture
def start(settings: Settings, started: list[SupervisorProcess]) -> Start:
    """Start a supervisor in place of any that runs, and wait until it replicates."""

    def start(**changes: object) -> SupervisorProcess:
        for before in started:
            before.close()
        started.append(SupervisorProcess(settings.model_copy(update=changes)))
        started[-1].wait_until_ready()
        wait_until_turso_is(settings, "ok")
        return started[-1]

    return start


@pytest.fixture
def supervisor(
    start: Start, started: list[SupervisorProcess], server: LibsqlServer, settings: Settings
) -> Iterator[SupervisorProcess]:
    """Return the supervisor of the last test if it still runs, else a new one."""
    is_there = bool(started) and started[-1].process.poll() is None
    supervisor = started[-1] if is_there else start()
    wait_until_turso_is(settings, "ok")  # after what the test before has done to it
    yield supervisor
    server.resume()
    if server.process.poll() is not None:
        server.start()


def beat(settings: Settings) -> Heartbeat:
    found = heartbeat.read(data_folder.supervisor_state(settings))
    assert found is not None
    return found


def wait_until_turso_is(settings: Settings, text: str, timeout_s: float = TIMEOUT_S) -> None:
    wait_until(lambda: beat(settings).turso == text, timeout_s)


def is_converged(settings: Settings) -> bool:
    found = beat(settings)
    return found.turso == "ok" and found.turso_lag_rows == 0 and replicas.differences(settings) == 0


def replicator_of(supervisor: SupervisorProcess) -> psutil.Process:
    return psutil.Process(replicator_pid(supervisor))


def replicator_pid(supervisor: SupervisorProcess) -> int:
    """Return the process ID of the replicator that was started last; it may have ended."""
    return int(re.findall(r"replicator_pid=(\d+)", supervisor.log)[-1])


def add_documents(database: Database, settings: Settings, count: int = 3) -> list[str]:
    return [documents.add_document(database, settings=settings)[0] for _ in range(count)]


def are_completed(database: Database, ids: list[str]) -> bool:
    return all(documents.document(database, one).status is DocumentStatus.COMPLETED for one in ids)


def convert(database: Database, settings: Settings, count: int = 3) -> None:
    """Convert documents, and wait until all are completed."""
    added = add_documents(database, settings, count)
    wait_until(lambda: are_completed(database, added), TIMEOUT_S)


def test_results_are_copied_and_the_last_of_them_at_the_stop(
    start: Start, settings: Settings, database: Database
) -> None:
    added = add_documents(database, settings)
    supervisor = start(turso_sync_interval=3600)
    convert(database, settings)
    assert are_completed(database, added)

    assert supervisor.stop() == 0

    assert replicas.differences(settings) == 0
    assert replicas.ownership_of(settings).lease_seconds <= 0


def test_a_server_that_is_killed_under_load_has_everything_soon_after_its_return(
    supervisor: SupervisorProcess, settings: Settings, database: Database, server: LibsqlServer
) -> None:
    server.kill()
    added = add_documents(database, settings, 20)
    wait_until_turso_is(settings, "unreachable")
    # Nothing here waits for the remote.
    wait_until(lambda: are_completed(database, added), TIMEOUT_S)
    wait_until(lambda: beat(settings).turso_lag_rows > 0, TIMEOUT_S)
    wait_until(lambda: beat(settings).turso_lag_seconds > 0, TIMEOUT_S)

    server.start()

    wait_until(lambda: is_converged(settings), TIMEOUT_S)


def test_a_replicator_that_is_killed_is_started_again(
    supervisor: SupervisorProcess, settings: Settings, database: Database
) -> None:
    killed = replicator_of(supervisor)

    killed.kill()
    convert(database, settings)

    wait_until(lambda: replicator_pid(supervisor) != killed.pid, TIMEOUT_S)
    wait_until(lambda: is_converged(settings), TIMEOUT_S)
    assert settings.turso_auth_token is not None
    said = supervisor.log + str(beat(settings))
    assert settings.turso_auth_token.get_secret_value() not in said


def test_after_all_processes_were_killed_the_next_start_sends_what_was_left(
    supervisor: SupervisorProcess, start: Start, settings: Settings, database: Database
) -> None:
    added = add_documents(database, settings)
    supervisor.kill_tree()
    added += add_documents(database, settings)

    start()

    wait_until(lambda: are_completed(database, added) and is_converged(settings), TIMEOUT_S)


def test_no_replicator_outlives_its_supervisor(supervisor: SupervisorProcess) -> None:
    children = supervisor.workers
    assert replicator_of(supervisor) in children

    supervisor.kill()

    wait_for_ends(children, timeout_s=20)


def test_a_server_that_does_not_answer_delays_neither_jobs_nor_the_stop_for_long(
    supervisor: SupervisorProcess, settings: Settings, database: Database, server: LibsqlServer
) -> None:
    server.suspend()
    convert(database, settings)
    began = time.monotonic()

    assert supervisor.stop() == 0

    assert time.monotonic() - began < STOP_LIMIT_S
    server.resume()
    examine(settings)  # whatever arrived late was ours


def test_a_token_that_expires_is_reported_and_a_new_one_is_used(
    supervisor: SupervisorProcess,
    start: Start,
    settings: Settings,
    database: Database,
    server: LibsqlServer,
) -> None:
    server.kill()
    server.change_key()
    server.start()
    wait_until_turso_is(settings, "token refused")
    convert(database, settings)
    supervisor.stop()

    start(turso_auth_token=SecretStr(server.token()))


def test_a_second_writer_is_reported_and_sends_nothing(
    supervisor: SupervisorProcess, settings: Settings, database: Database, clone: Settings
) -> None:
    convert(database, settings)
    wait_until(lambda: is_converged(settings), TIMEOUT_S)  # of which the clone knows nothing
    with pytest.raises(OtherWriter, match="stop one of the two"):
        examine(clone)

    with closing(SupervisorProcess(clone)) as second:
        second.wait_until_ready()
        wait_until_turso_is(clone, "another writer")
        convert(database, settings)
        wait_until(lambda: is_converged(settings), TIMEOUT_S)
        assert replicas.ownership_of(settings).writer == data_folder.node_id(settings)
