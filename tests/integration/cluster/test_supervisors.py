"""Supervisors of several nodes on one database: real processes, each with its data folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from ilios.accounts import ledger_sums
from ilios.cluster.kinds import WORKERS
from ilios.cluster.nodes import live
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.models import DocumentStatus
from ilios.db.models.cluster import Node
from ilios.db.postgres.database import PostgresDatabase
from ilios.engines.registry import MISTRAL
from ilios.operations.cluster_beats import ClusterBeats
from ilios.operations.heartbeat import BlockReason
from ilios.operations.node_admin import NodeAdmin
from tests.integration.cluster.conftest import Expand, MakeNode
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

LIMIT = 16
SLOTS = 8  #: of each node
DOCUMENTS = 48
LONG_MS = 600_000
NODES = ("host-1", "host-2", "host-3", "host-4")
ENDED_TIMEOUT_S = 60.0
Start = Callable[..., SupervisorProcess]


@pytest.fixture
def start(node: MakeNode, bucket: Mapping[str, object]) -> Iterator[Start]:
    """Start a worker node."""
    trust = {"AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"]}
    with ExitStack() as stack:

        def start(
            name: str, engine: str = "echo", *, impatient: bool = False, **more: object
        ) -> SupervisorProcess:
            settings = node(name, worker_count=1, log_format="console", **bucket, **more)
            process = SupervisorProcess(
                settings, engine, hurried=True, impatient=impatient, variables=trust
            )
            stack.enter_context(closing(process))
            return process

        yield start


def mistral(server: MistralServer) -> dict[str, object]:
    return {
        "ocr_engine": MISTRAL,
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": server.url,
    }


def submit(database: PostgresDatabase, settings: Settings, content: bytes, lane: str) -> str:
    document_id, _ = documents.add_document(
        database,
        settings=settings,
        content=content,
        lane=lane,
        mime_type="application/pdf" if lane == MISTRAL else "text/plain",
    )
    return document_id


def all_completed(database: PostgresDatabase, ids: list[str]) -> bool:
    return all(documents.document(database, one).status is DocumentStatus.COMPLETED for one in ids)


def live_nodes(database: PostgresDatabase) -> list[Node]:
    with database.watching() as watch:
        return live(watch, clock.now())


def test_four_nodes_of_eight_slots_never_make_more_than_sixteen_calls(
    shared: PostgresDatabase, start: Start, mistral_server: MistralServer
) -> None:
    mistral_server.control(latency_ms=LONG_MS)  # until we have seen enough
    more = {**mistral(mistral_server), "worker_concurrency": SLOTS, "provider_concurrency": LIMIT}
    processes = [start(name, "real", **more) for name in NODES[:-1]]
    for one in processes:
        one.wait_until_ready()
    contents = [pdf(f"Document {number}") for number in range(DOCUMENTS)]
    ids = [submit(shared, processes[0].settings, one, MISTRAL) for one in contents]
    wait_until(lambda: mistral_server.stats().in_flight == LIMIT, ENDED_TIMEOUT_S)

    start(NODES[-1], "real", **more).wait_until_ready()  # its share is others' still
    mistral_server.control(latency_ms=50)
    wait_until(lambda: all_completed(shared, ids), ENDED_TIMEOUT_S)

    assert mistral_server.stats().peak_in_flight == LIMIT
    assert mistral_server.stats().billed_pages == DOCUMENTS
    with shared.reading() as session:
        totals = ledger_sums.summary(session, "anonymous", ledger_sums.Period())
    assert (totals.operations, totals.ambiguous_calls) == (DOCUMENTS, 0)
    assert totals.pages == DOCUMENTS
    workers = {job.worker for job in documents.jobs(shared)}
    assert workers == {None}
    held = [one.calls_held for one in live_nodes(shared)]
    assert len(held) == len(NODES)
    assert sum(held) <= LIMIT
    with shared.watching() as watch:
        left = watch.driver.execute("SELECT count(*) FROM paid_answers").fetchone()
    assert left == (0,)


def test_the_jobs_of_a_node_that_was_killed_go_on_elsewhere(
    shared: PostgresDatabase, start: Start
) -> None:
    first = start("host-1", "slow", impatient=True)
    first.wait_until_ready()
    document_id = submit(shared, first.settings, b"Hello", "embedded")
    wait_until(
        lambda: documents.document(shared, document_id).status is DocumentStatus.PROCESSING,
        ENDED_TIMEOUT_S,
    )
    first.kill_tree()

    start("host-2", impatient=True)

    wait_until(lambda: all_completed(shared, [document_id]), ENDED_TIMEOUT_S)


def test_a_drained_node_claims_nothing_until_it_is_resumed(
    shared: PostgresDatabase, start: Start
) -> None:
    only = start("host-1")
    only.wait_until_ready()
    admin = NodeAdmin(shared)
    admin.drain("host-1")
    only.wait_until_blocked(BlockReason.DRAINING)
    document_id = submit(shared, only.settings, b"Hello", "embedded")
    (beat,) = ClusterBeats(shared).each()
    assert beat.state == "drained"
    assert documents.document(shared, document_id).status is DocumentStatus.PENDING

    admin.resume("host-1")

    wait_until(lambda: all_completed(shared, [document_id]), ENDED_TIMEOUT_S)
    assert "node.drained" in only.log
    assert "node.resumed" in only.log


def test_a_node_that_ends_leaves_and_makes_no_sqlite_file(
    shared: PostgresDatabase, start: Start
) -> None:
    only = start("host-1")
    only.wait_until_ready()
    wait_until(lambda: [one.kind for one in live_nodes(shared)] == [WORKERS], ENDED_TIMEOUT_S)
    together = ClusterBeats(shared).read()
    assert together is not None
    assert [worker.name for worker in together.workers] == ["host-1/worker-0"]

    assert only.stop() == 0

    assert live_nodes(shared) == []
    assert not list(only.settings.data_folder.rglob("*.db*"))


def test_a_node_goes_on_while_the_next_version_migrates_and_starts_again_on_its_schema(
    shared: PostgresDatabase, start: Start, expand: Expand
) -> None:
    first = start("host-1")
    first.wait_until_ready()

    expand()

    ids = [submit(shared, first.settings, b"Before the restart", "embedded")]
    wait_until(lambda: all_completed(shared, ids), ENDED_TIMEOUT_S)
    assert first.stop() == 0
    again = start("host-1")
    again.wait_until_ready()
    ids.append(submit(shared, again.settings, b"After the restart", "embedded"))
    wait_until(lambda: all_completed(shared, ids), ENDED_TIMEOUT_S)


def test_a_node_that_cannot_reach_the_database_claims_nothing_and_says_so(
    shared: PostgresDatabase, start: Start, cluster_url: str
) -> None:
    only = start("host-1")
    only.wait_until_ready()
    with shared.writing() as session:
        name = session.scalar(text("SELECT current_database()"))
    shared.close()
    with PostgresDatabase(cluster_url.replace(f"/{name}", "/postgres")).watching() as admin:
        admin.driver.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.driver.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        only.wait_until_blocked(BlockReason.DATABASE_BUSY)
        admin.driver.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    only.wait_until_blocked(None)
    document_id = submit(shared, only.settings, b"Hello", "embedded")
    wait_until(lambda: all_completed(shared, [document_id]), ENDED_TIMEOUT_S)
