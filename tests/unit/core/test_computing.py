"""Threads that compute: how many at once, and that one which waits lets others go on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from ilios.api.server.slow_client_socket import SlowClientSocket
from ilios.core import computing
from ilios.core.computing import GUEST_PLACES, PLACES, ComputingPlaces
from ilios.core.conversion_errors import StorageUnavailable
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.documents.waiting import Waiter
from ilios.storage.s3.location import Timeouts
from ilios.storage.s3.store import S3Store
from tests.support.waiting import wait_until

TIMEOUT_S = 20.0

Run = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def places() -> ComputingPlaces:
    return ComputingPlaces()


@pytest.fixture
def run(places: ComputingPlaces) -> Iterator[Run]:
    """Run something in a thread of its own that has a place, for an owner."""
    with ExitStack() as stack:

        def start(owner: str, work: Callable[[], object]) -> None:
            def compute() -> None:
                with places.held(owner):
                    work()

            thread = threading.Thread(target=compute)
            thread.start()
            stack.callback(thread.join, TIMEOUT_S)

        yield start


class Computation:
    """Has begun, and goes on until it is told to end."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.end = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.end.wait(TIMEOUT_S)


def test_one_owner_leaves_a_place_for_the_next(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "PATIENCE_SECONDS", TIMEOUT_S)
    flood = [Computation() for _ in range(PLACES + GUEST_PLACES + 3)]
    guest = Computation()

    for one in flood:
        run("flood", one)
    wait_until(lambda: sum(one.begun.is_set() for one in flood) == PLACES, TIMEOUT_S)
    run("guest", guest)

    assert guest.begun.wait(TIMEOUT_S)
    assert sum(one.begun.is_set() for one in flood) == PLACES
    for one in (guest, *flood):
        one.end.set()


def test_a_thread_that_waits_lets_another_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "PATIENCE_SECONDS", TIMEOUT_S)
    waits, others = Computation(), [Computation() for _ in range(PLACES)]

    def wait_in_two_layers() -> None:
        with computing.waiting(), computing.waiting():
            waits()

    run("a", wait_in_two_layers)
    assert waits.begun.wait(TIMEOUT_S)
    for one in others:
        run("a", one)

    assert all(one.begun.wait(TIMEOUT_S) for one in others)
    for one in (waits, *others):
        one.end.set()


def test_without_a_place_there_is_nothing_to_give_back() -> None:
    with computing.waiting():
        pass


def test_what_nobody_gives_back_is_not_waited_for_for_ever(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "PATIENCE_SECONDS", 0.01)
    stuck = [Computation() for _ in range(PLACES + 1)]

    for one in stuck:
        run("a", one)

    assert all(one.begun.wait(TIMEOUT_S) for one in stuck)
    for one in stuck:
        one.end.set()


class TestAThreadHoldsNoPlace:
    """While it does what takes long, all places are free for others of its owner."""

    @pytest.fixture(autouse=True)
    def _patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(computing, "PATIENCE_SECONDS", TIMEOUT_S)

    def finds_all_free(self, run: Run) -> None:
        others = [Computation() for _ in range(PLACES)]
        for one in others:
            run("a", one)
        assert all(one.begun.wait(TIMEOUT_S) for one in others)
        for one in others:
            one.end.set()

    def test_while_it_writes_to_the_database(self, run: Run, database: Database) -> None:
        writes = Computation()

        def write() -> None:
            with database.writing():
                writes()

        run("a", write)
        assert writes.begun.wait(TIMEOUT_S)
        self.finds_all_free(run)
        writes.end.set()

    def test_while_it_waits_for_others_that_write(self, run: Run, database: Database) -> None:
        group_commit = GroupCommit(database)
        leads = Computation()
        follows = threading.Event()

        def follow() -> None:
            follows.set()
            group_commit.write(lambda _session: None, "a")

        run("a", lambda: group_commit.write(lambda _session: leads(), "a"))
        assert leads.begun.wait(TIMEOUT_S)
        for _ in range(PLACES):
            follows.clear()
            run("a", follow)
            assert follows.wait(TIMEOUT_S)
        self.finds_all_free(run)
        leads.end.set()

    def test_while_it_waits_for_a_document(self, run: Run, database: Database) -> None:
        waiter = Waiter(database)
        for _ in range(PLACES):
            run("a", lambda: waiter.until_ended("never", TIMEOUT_S))
        self.finds_all_free(run)
        waiter.drain()

    def test_while_it_waits_for_the_bucket(self, run: Run) -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        store = S3Store(
            "documents",
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            "an-id",
            "a-secret",
            "path",
            timeouts=Timeouts(connect_seconds=20, read_seconds=20, attempts=1),
        )

        def ask() -> None:
            with suppress(StorageUnavailable):
                store.stat("documents/a/b/source")

        for _ in range(PLACES):
            run("a", ask)
        asking = [silent.accept()[0] for _ in range(PLACES)]
        self.finds_all_free(run)
        for one in (silent, *asking):
            one.close()

    def test_while_it_waits_for_a_client(self, run: Run) -> None:
        ours, client = socket.socketpair()
        slow = SlowClientSocket(fileno=ours.detach())
        slow.setblocking(True)
        received: list[bytes] = []

        run("a", lambda: received.append(slow.recv(10)))
        self.finds_all_free(run)
        client.sendall(b"late")
        wait_until(lambda: received == [b"late"], TIMEOUT_S)
        client.close()
        slow.close()
