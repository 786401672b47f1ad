"""Everything dies at once, and everything is there afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus
from tests.support import documents
from tests.support.engines import in_call
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
DOCUMENTS = 200


def completed(database: Database) -> int:
    rows = documents.documents(database)
    return sum(row.status is DocumentStatus.COMPLETED for row in rows)


def test_a_power_cut_in_the_middle_of_200_documents_loses_none_and_bills_none_twice(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    documents.add_document(database, settings=settings, content=b"held")  # in mid call at the cut
    for _ in range(DOCUMENTS - 1):
        documents.add_document(database, settings=settings)
    first = start_supervisor("slow", worker_concurrency=4)
    wait_until(lambda: completed(database) >= DOCUMENTS // 4, timeout_s=60)

    first.kill_tree()
    assert completed(database) < DOCUMENTS
    (settings.data_folder / "release").touch()
    start_supervisor("slow", worker_concurrency=4)

    wait_until(lambda: completed(database) == DOCUMENTS, timeout_s=120)
    settled = Counter(
        call.document_id for call in documents.calls(database) if call.state is CallState.SETTLED
    )
    assert len(settled) == DOCUMENTS
    assert set(settled.values()) == {1}


def test_what_was_cut_off_leaves_no_files_and_costs_nothing_when_it_is_free(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    documents.add_document(database, settings=settings)
    first = start_supervisor("waiting", worker_count=1)
    wait_until(lambda: in_call(settings), timeout_s=30)
    first.kill_tree()
    (left_behind,) = data_folder.workspaces(settings).iterdir()

    (settings.data_folder / "release").touch()
    start_supervisor("waiting", worker_count=1)

    assert not left_behind.exists()
    wait_until(lambda: completed(database) == 1, timeout_s=30)
    assert [call.state for call in documents.calls(database)] == [CallState.SETTLED]


def test_a_second_supervisor_does_not_start_beside_a_living_one(
    start_supervisor: Start, settings: Settings
) -> None:
    start_supervisor("echo", worker_count=1)

    second = SupervisorProcess(settings, "echo")

    assert second.process.wait(timeout=40) != 0
    assert "Another supervisor works in" in second.log
