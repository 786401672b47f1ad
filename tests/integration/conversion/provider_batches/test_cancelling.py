"""Documents and batches that are cancelled or deleted while the provider's batch lane has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, ProviderBatchState
from ilios.documents.lifecycle import DocumentActions
from ilios.queue.notify import Notifier
from ilios.storage.opening import open_store
from tests.mistral_server.process import MistralServer
from tests.support import batching
from tests.support.batching import Check, LaneWorker, Statuses, Submit, one_page

pytestmark = pytest.mark.both_databases

OWNER = "anonymous"
CANCELLED, COMPLETED, DELETED = (
    DocumentStatus.CANCELLED,
    DocumentStatus.COMPLETED,
    DocumentStatus.DELETED,
)


@pytest.fixture
def actions(settings: Settings, database: Database) -> DocumentActions:
    notifier = Notifier(data_folder.wake_socket(settings))
    return DocumentActions(settings, database, open_store(settings), notifier)


def cancel_batch(actions: DocumentActions, database: Database) -> None:
    actions.cancel_batch(batching.batch(database).batch_id, owner=OWNER)


def test_a_batch_that_is_cancelled_before_it_is_sent_costs_nothing(
    submit: Submit,
    worker: LaneWorker,
    actions: DocumentActions,
    database: Database,
    statuses: Statuses,
    provider: MistralServer,
    assert_exact: Check,
) -> None:
    ids = submit(one_page(1), one_page(2))

    cancel_batch(actions, database)
    worker.work()

    assert statuses(ids) == [CANCELLED] * 2
    assert batching.calls(database) == []
    assert_exact()


def test_a_batch_that_is_cancelled_over_there_pays_for_what_was_done(
    submit: Submit,
    worker: LaneWorker,
    actions: DocumentActions,
    database: Database,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    ids = submit(one_page(1), one_page(2))
    worker.work_until(lambda: batching.state(database) is ProviderBatchState.RUNNING)

    cancel_batch(actions, database)
    worker.work()

    assert statuses(ids) == [CANCELLED] * 2
    assert_exact()


@pytest.mark.parametrize(
    ("action", "status"),
    [("cancel", CANCELLED), ("delete", DELETED)],
)
def test_a_line_of_a_document_that_is_gone_is_settled_and_the_others_go_on(
    submit: Submit,
    worker: LaneWorker,
    actions: DocumentActions,
    database: Database,
    statuses: Statuses,
    assert_exact: Check,
    action: str,
    status: DocumentStatus,
) -> None:
    ids = submit(one_page(1), one_page(2))
    worker.work_until(lambda: batching.state(database) is ProviderBatchState.RUNNING)

    act: Callable[..., None] = getattr(actions, action)
    act(ids[0], owner=OWNER)
    worker.work()

    assert statuses(ids) == [status, COMPLETED]
    assert len(batching.pages(database, ids[0])) == (action == "cancel")
    assert_exact()


def test_a_leader_that_is_cancelled_in_the_lane_is_converted_for_its_duplicate(
    submit: Submit,
    worker: LaneWorker,
    actions: DocumentActions,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    ids = submit(one_page(1), one_page(1))

    actions.cancel(ids[0], owner=OWNER)
    worker.work()

    assert statuses(ids) == [CANCELLED, COMPLETED]
    assert_exact()
