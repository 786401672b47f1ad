"""Steps whose process dies, or that lose their lease."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from ilios.conversion.answers import read_answer
from ilios.conversion.provider_batches import context, results
from ilios.conversion.provider_batches.records import Records
from ilios.conversion.units_of_work import SettleCall
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus
from ilios.engines.base import Conversion
from ilios.engines.mistral.batch.files import BatchFiles
from ilios.engines.mistral.batch.jobs import Batches
from ilios.queue import release
from ilios.storage.answer_spool import CallRecord
from tests.mistral_server.process import MistralServer
from tests.support import batching
from tests.support.batching import (
    TOO_LARGE_FOR_A_LINE,
    Check,
    Died,
    LaneWorker,
    Statuses,
    Submit,
    one_page,
)

pytestmark = pytest.mark.both_databases

COMPLETED = DocumentStatus.COMPLETED


@pytest.mark.parametrize(
    ("owner", "name", "number", "moment"),
    [
        (BatchFiles, "upload", 2, "before"),
        (BatchFiles, "upload", 1, "after"),
        (BatchFiles, "upload", 2, "after"),
        (Records, "record_input", 1, "after"),
        (Records, "note_submitting", 1, "after"),
        (Batches, "create", 1, "after"),
        (Batches, "create", 2, "after"),
        (Records, "note_submitted", 1, "after"),
        (BatchFiles, "download", 1, "after"),
        (SettleCall, "__call__", 2, "before"),
        (SettleCall, "__call__", 2, "after"),
        (Records, "settle_line", 2, "after"),
        (BatchFiles, "delete", 1, "before"),
        (BatchFiles, "delete", 1, "after"),
        (Records, "end_round", 1, "after"),
    ],
)
def test_a_step_that_dies_anywhere_costs_nothing_twice(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
    assert_exact: Check,
    owner: type,
    name: str,
    number: int,
    moment: str,
) -> None:
    monkeypatch.setattr(context, "LAG", timedelta(seconds=0.2))
    alive = getattr(owner, name)
    numbers = itertools.count(1)
    deaths: list[str] = []

    def die(*arguments: Any, **options: Any) -> Any:
        is_last = next(numbers) == number
        result = None if is_last and moment == "before" else alive(*arguments, **options)
        if is_last:
            deaths.append(name)
            raise Died
        return result

    monkeypatch.setattr(owner, name, die)
    provider.control(faults=[{"on": "batch_line", "text": "number 1.", "status": 503, "first": 1}])
    ids = submit(one_page(1, TOO_LARGE_FOR_A_LINE), one_page(2), one_page(3))

    worker.work()

    assert deaths == [name]
    assert statuses(ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch_line"] == 4
    assert provider.stats().calls["batch"] == 2
    assert_exact()


def test_a_line_that_two_steps_die_of_is_poison_and_its_neighbours_are_used(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
) -> None:
    ids = submit(one_page(1), one_page(2), one_page(3))
    deaths: list[str] = []

    def read(engine: Any, call: CallRecord, *others: Any) -> Conversion:
        if call.document_id == ids[1]:
            deaths.append(call.call_id)
            with others[-1]():
                raise Died
        return read_answer(engine, call, *others)

    monkeypatch.setattr(results, "read_answer", read)

    worker.work()

    assert len(deaths) == 2
    assert statuses(ids) == [COMPLETED, DocumentStatus.FAILED, COMPLETED]
    assert batching.documents(database, ids)[1].error_code == "poison_document"
    assert provider.stats().calls["batch_line"] == 3
    assert sorted(batching.call_states(database)) == [
        CallState.SETTLED,
        CallState.SETTLED,
        CallState.UNKNOWN,
    ]
    assert list(data_folder.answers(settings).iterdir()) == []


def test_a_step_whose_lease_is_lost_changes_nothing(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    ids = submit(one_page(1))
    whole = BatchFiles.upload

    def slow(*arguments: Any) -> str:
        with database.writing() as session:
            release.release_lost(session, release.of_node("test"), "too slow", clock.now())
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(BatchFiles, "upload", slow)
        assert worker.step() is None

    assert batching.calls(database) == []
    assert batching.batch(database).input_file_ids == []
    worker.work()
    assert statuses(ids) == [COMPLETED]
    assert_exact()
