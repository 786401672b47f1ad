"""Fetches of documents by URL, with workers that die under them and servers that never end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ilios.conversion.fetching import FETCHES_AT_ONCE
from ilios.core import data_folder, failpoints
from ilios.core.owner_places import guest_places
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, JobStatus, JobType
from ilios.documents.admission import Order
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.remote import Remote
from ilios.documents.submission import Submissions
from ilios.outbound.guard import Guard
from ilios.queue.notify import Notifier
from ilios.storage.opening import open_store
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until
from tests.support.web_servers import WebServer, reply, serving

Start = Callable[..., SupervisorProcess]
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let documents be fetched from this machine."""
    return settings.model_copy(update={"url_allow": "127.0.0.1"})


@pytest.fixture
def submit(settings: Settings, database: Database) -> Callable[..., str]:
    notifier = Notifier(data_folder.wake_socket(settings))
    submissions = Submissions(settings, database, open_store(settings), notifier)

    def submit(url: str, owner: str = "me") -> str:
        remote = Remote(Guard(settings.url_allowance).checked(url))
        return submissions.submit(remote, replace(Order(owner=owner), cache=False)).id

    return submit


def status_of(database: Database, document_id: str) -> DocumentStatus:
    return documents.document(database, document_id).status


def wait_until_completed(database: Database, document_id: str) -> None:
    wait_until(lambda: status_of(database, document_id) is DocumentStatus.COMPLETED, timeout_s=30)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def stalling_at_first(server: Callable[[], WebServer]) -> Callable[[socket.socket, bytes], None]:
    """Give the first request the beginning of a document, and all others one that is whole."""

    def answer(connection: socket.socket, _head: bytes) -> None:
        if len(server().requests) > 1:
            connection.sendall(reply(b"Hello"))
            return
        connection.sendall(HEAD + b"He")
        while connection.recv(1):  # until its process is gone
            pass

    return answer


def test_a_worker_that_is_killed_in_mid_fetch_loses_nothing(
    start_supervisor: Start, submit: Callable[..., str], settings: Settings, database: Database
) -> None:
    with serving(stalling_at_first(lambda: server)) as server:
        supervisor = start_supervisor("echo", worker_count=1, url_allow="127.0.0.1")
        document_id = submit(server.url("/a.txt"))
        wait_until(lambda: len(server.requests) == 1, timeout_s=30)

        supervisor.workers[0].kill()

        wait_until_completed(database, document_id)
    assert len(server.requests) == 2
    (fetch,) = [job for job in documents.jobs(database) if job.type is JobType.FETCH]
    assert (fetch.status, fetch.attempts) == (JobStatus.COMPLETED, 2)
    # Removed right after the commit that the status shows.
    wait_until(lambda: not list(data_folder.workspaces(settings).iterdir()), timeout_s=20)
    assert len(files_below(settings.data_folder / "objects")) == 1


@pytest.mark.parametrize("point", [failpoints.FETCHED, failpoints.FETCHED_STORED])
def test_a_worker_that_is_killed_after_its_fetch_leaves_nothing_that_a_deletion_leaves(
    start_supervisor: Start,
    submit: Callable[..., str],
    settings: Settings,
    database: Database,
    tmp_path: Path,
    point: str,
) -> None:
    points = tmp_path / "points"
    points.mkdir()
    (points / point).touch()
    with serving(reply(b"Hello")) as server:
        supervisor = start_supervisor(
            "echo",
            worker_count=1,
            url_allow="127.0.0.1",
            variables={"ILIOS_SYNC_POINTS": str(points)},
        )
        document_id = submit(server.url("/a.txt"))
        wait_until(lambda: list(points.glob(f"{point}@*")) != [], timeout_s=30)

        supervisor.workers[0].kill()

        wait_until_completed(database, document_id)
    assert len(server.requests) == 2
    notifier = Notifier(data_folder.wake_socket(settings))
    actions = DocumentActions(settings, database, open_store(settings), notifier)
    actions.delete(document_id, owner="me")
    assert files_below(settings.data_folder / "objects") == []


def test_a_stop_in_mid_fetch_costs_no_attempt(
    start_supervisor: Start, submit: Callable[..., str], database: Database
) -> None:
    with serving(stalling_at_first(lambda: server)) as server:
        supervisor = start_supervisor(
            "echo", worker_count=1, url_allow="127.0.0.1", shutdown_grace_seconds=0
        )
        document_id = submit(server.url("/a.txt"))
        wait_until(lambda: len(server.requests) == 1, timeout_s=30)

        supervisor.stop()

        (fetch,) = documents.jobs(database)
        assert (fetch.status, fetch.attempts) == (JobStatus.PENDING, 0)
        assert status_of(database, document_id) is DocumentStatus.PENDING
        start_supervisor("echo", worker_count=1, url_allow="127.0.0.1")
        wait_until_completed(database, document_id)


def test_one_owner_never_holds_all_places(
    start_supervisor: Start, submit: Callable[..., str], database: Database
) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        if b"/quick" in head:
            connection.sendall(reply(b"Hello"))
            return
        connection.sendall(HEAD + b"He")
        while connection.recv(1):
            pass

    places = FETCHES_AT_ONCE + guest_places(FETCHES_AT_ONCE)
    with serving(answer) as server:
        supervisor = start_supervisor("echo", worker_count=1, url_allow="127.0.0.1")
        slow = [submit(server.url("/slow"), owner="greedy") for _ in range(2 * places)]
        wait_until(lambda: len(server.requests) == FETCHES_AT_ONCE, timeout_s=30)

        quick = submit(server.url("/quick"), owner="somebody else")

        wait_until_completed(database, quick)
        assert all(status_of(database, one) is not DocumentStatus.COMPLETED for one in slow)
        supervisor.close()


def test_fetches_keep_no_conversion_waiting(
    start_supervisor: Start, submit: Callable[..., str], settings: Settings, database: Database
) -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(HEAD + b"He")
        while connection.recv(1):
            pass

    with serving(answer) as server:
        supervisor = start_supervisor("echo", worker_count=1, url_allow="127.0.0.1")
        for _ in range(2 * FETCHES_AT_ONCE):
            submit(server.url("/slow"))
        wait_until(lambda: len(server.requests) == FETCHES_AT_ONCE, timeout_s=30)

        sent, _ = documents.add_document(database, settings=settings, owner="me")

        wait_until_completed(database, sent)
        supervisor.close()
