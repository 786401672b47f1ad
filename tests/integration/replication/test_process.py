"""The replicator under a real supervisor, with everything killed that can be."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from pydantic import SecretStr

from ilios import data_folder, heartbeat
from ilios.database import Database
from ilios.errors import OtherWriter
from ilios.heartbeat import Heartbeat
from ilios.models import DocumentStatus
from ilios.replication import examine
from ilios.settings import Settings
from tests.replication_server.process import NEEDS_SERVER, LibsqlServer
from tests.support import documents, replicas
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

pytestmark = NEEDS_SERVER

Start = Callable[..., SupervisorProcess]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    started: list[SupervisorProcess] = []

    def start(**changes: object) -> SupervisorProcess:
        changed = settings.model_copy(update={"worker_count": 1, **changes})
        started.append(SupervisorProcess(changed))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.close()


def beat(settings: Settings) -> Heartbeat:
    found = heartbeat.read(data_folder.supervisor_state(settings))
    assert found is not None
    return found


def wait_until_turso_is(settings: Settings, text: str, timeout_s: float = 20) -> None:
    wait_until(lambda: beat(settings).turso == text, timeout_s)


def is_converged(settings: Settings) -> bool:
    found = beat(settings)
    return found.turso == "ok" and found.turso_lag_rows == 0 and replicas.differences(settings) == 0


def replicator_of(supervisor: SupervisorProcess) -> psutil.Process:
    return psutil.Process(int(re.findall(r"replicator_pid=(\d+)", supervisor.log)[-1]))


def add_documents(database: Database, settings: Settings, count: int = 3) -> None:
    for _ in range(count):
        documents.add_document(database, settings=settings)


def all_completed(database: Database) -> bool:
    statuses = {document.status for document in documents.documents(database)}
    return statuses == {DocumentStatus.COMPLETED}


def test_what_is_converted_is_copied_and_the_last_of_it_at_the_stop(
    start: Start, settings: Settings, database: Database
) -> None:
    add_documents(database, settings)
    supervisor = start(turso_sync_interval=3600)
    wait_until_turso_is(settings, "ok")
    add_documents(database, settings)
    wait_until(lambda: all_completed(database), 20)

    assert supervisor.stop() == 0

    assert replicas.differences(settings) == 0
    assert replicas.held(settings).lease_seconds <= 0


def test_a_server_that_is_killed_under_load_has_everything_soon_after_its_return(
    start: Start, settings: Settings, database: Database, server: LibsqlServer
) -> None:
    start()
    wait_until_turso_is(settings, "ok")
    server.kill()
    add_documents(database, settings, 20)
    wait_until_turso_is(settings, "unreachable")
    wait_until(lambda: all_completed(database), 20)  # nothing here waits for the remote
    assert beat(settings).turso_lag_rows > 0
    wait_until(lambda: beat(settings).turso_lag_seconds > 0, 5)

    server.start()

    wait_until(lambda: is_converged(settings), 10)


def test_a_replicator_that_is_killed_is_started_again(
    start: Start, settings: Settings, database: Database
) -> None:
    supervisor = start()
    wait_until_turso_is(settings, "ok")
    killed = replicator_of(supervisor)

    killed.kill()
    add_documents(database, settings)

    wait_until(lambda: all_completed(database) and is_converged(settings), 20)
    assert replicator_of(supervisor).pid != killed.pid
    assert settings.turso_auth_token is not None
    said = supervisor.log + str(beat(settings))
    assert settings.turso_auth_token.get_secret_value() not in said


def test_after_everything_was_killed_the_next_start_sends_what_was_left(
    start: Start, settings: Settings, database: Database
) -> None:
    supervisor = start()
    wait_until_turso_is(settings, "ok")
    add_documents(database, settings)
    supervisor.kill_tree()
    add_documents(database, settings)

    start()

    wait_until(lambda: all_completed(database) and is_converged(settings), 20)


def test_no_replicator_outlives_its_supervisor(start: Start, settings: Settings) -> None:
    supervisor = start()
    wait_until_turso_is(settings, "ok")
    children = supervisor.workers

    supervisor.kill()

    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_a_server_that_does_not_answer_delays_neither_jobs_nor_the_stop_for_long(
    start: Start, settings: Settings, database: Database, server: LibsqlServer
) -> None:
    supervisor = start()
    wait_until_turso_is(settings, "ok")
    server.suspend()
    add_documents(database, settings)
    wait_until(lambda: all_completed(database), 20)
    began = time.monotonic()

    assert supervisor.stop() == 0

    assert time.monotonic() - began < 15
    server.resume()
    examine(settings)  # whatever arrived late was ours


def test_a_token_that_ends_is_named_and_a_new_one_goes_on(
    start: Start, settings: Settings, database: Database, server: LibsqlServer
) -> None:
    supervisor = start()
    wait_until_turso_is(settings, "ok")
    server.kill()
    server.change_key()
    server.start()
    wait_until_turso_is(settings, "token refused")
    add_documents(database, settings)
    wait_until(lambda: all_completed(database), 20)
    supervisor.stop()

    start(turso_auth_token=SecretStr(server.token()))

    wait_until_turso_is(settings, "ok")


def test_a_second_writer_is_named_and_sends_nothing(
    start: Start, settings: Settings, database: Database, clone: Settings
) -> None:
    start()
    wait_until_turso_is(settings, "ok")
    with pytest.raises(OtherWriter, match="stop one of the two"):
        examine(clone)

    second = SupervisorProcess(clone.model_copy(update={"worker_count": 1}))
    try:
        second.wait_until_ready()
        wait_until_turso_is(clone, "another writer")
        add_documents(database, settings)
        wait_until(lambda: all_completed(database) and is_converged(settings), 20)
        assert replicas.held(settings).writer == data_folder.node_id(settings)
    finally:
        second.close()
