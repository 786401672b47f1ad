"""Steps that fail: refusals, outages, a full disk, a bug."""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import Any

import pytest
from mistralai.client import Mistral
from sqlalchemy.orm import Session

from ilios.conversion.provider_batches import context, input, opening
from ilios.conversion.provider_batches.runner import STEP_ATTEMPTS
from ilios.conversion.units_of_work import SettleCall
from ilios.core import clock, data_folder, disk_space
from ilios.core.conversion_errors import StorageUnavailable
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus, JobStatus
from ilios.engines.base import Options
from ilios.engines.governor import Outcome, ProviderReport
from ilios.engines.mistral.batch.jobs import Batches
from ilios.engines.mistral.batch.lines import InputFile
from ilios.storage.health import StoreReport
from ilios.storage.local import LocalStore
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support import batching
from tests.support.batching import (
    Check,
    LaneWorker,
    MakeWorker,
    Statuses,
    Submit,
    one_page,
)
from tests.support.documents import jobs

pytestmark = pytest.mark.both_databases

COMPLETED = DocumentStatus.COMPLETED
FAILED = DocumentStatus.FAILED
PENDING = DocumentStatus.PENDING
FAULTS: list[dict[str, Any]] = [
    {"status": 429, "retry_after": "1"},
    {"status": 500},
    {"status": 503},
    {"status": 504},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncate"},
]


def test_without_batch_billing_documents_wait_and_the_governor_hears_why(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    provider.control(batch_billing=False)
    ids = submit(one_page(1), one_page(2))

    report = worker.step()

    assert isinstance(report, ProviderReport)
    assert report.outcome is Outcome.BATCH_CLOSED
    assert "402" in report.reason
    assert statuses(ids) == [PENDING, PENDING]
    (job,) = jobs(database)
    assert job.scheduled_at is not None
    assert job.scheduled_at - clock.now() > context.CLOSED / 2
    provider.control(batch_billing=True)
    worker.work()
    assert statuses(ids) == [COMPLETED, COMPLETED]
    assert_exact()


def test_with_a_wrong_key_documents_wait(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Statuses,
) -> None:
    provider.control(account=401)
    ids = submit(one_page(1))

    report = worker.step()

    assert isinstance(report, ProviderReport)
    assert report.outcome is Outcome.MISCONFIGURED
    assert statuses(ids) == [PENDING]
    provider.control(account=None)
    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_a_model_that_the_provider_does_not_have_fails_the_documents(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    ids = submit(one_page(1), options=Options(model="mistral-ocr-9"))

    make_worker().work()

    (document,) = batching.documents(database, ids)
    assert (document.status, document.error_code) == (FAILED, "model_unavailable")
    assert batching.call_states(database) == [CallState.REFUSED]
    assert provider.journal().files == []


def test_a_configured_model_that_does_not_exist_is_for_the_operator(
    make_worker: MakeWorker,
    submit: Submit,
    statuses: Statuses,
) -> None:
    ids = submit(one_page(1), ocr_model="mistral-ocr-9")

    report = make_worker(ocr_model="mistral-ocr-9").step()

    assert isinstance(report, ProviderReport)
    assert report.outcome is Outcome.MISCONFIGURED
    assert statuses(ids) == [PENDING]


@pytest.mark.parametrize(
    ("on", "fault"),
    [
        *((on, fault) for on in ("batch", "download") for fault in FAULTS),
        *((on, FAULTS[2]) for on in ("upload", "batch_get", "list", "delete")),
        *((on, FAULTS[5]) for on in ("upload", "batch_get", "list", "delete")),
    ],
    ids=lambda value: (
        value if isinstance(value, str) else str(value.get("kind") or value["status"])
    ),
)
def test_a_call_that_fails_is_made_again_and_nothing_is_paid_twice(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
    assert_exact: Check,
    on: str,
    fault: dict[str, Any],
) -> None:
    monkeypatch.setattr(input, "UPLOAD_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(context, "LAG", timedelta(seconds=0.2))
    provider.control(faults=[{"on": on, "times": 2, **fault}])
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch_line"] == 3
    assert_exact()


def test_a_job_that_turns_visible_late_is_waited_for(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    provider.control(batch_visible_after_ms=1_500, file_visible_after_ms=300)
    ids = submit(one_page(1))

    worker.work(patient=True)

    assert statuses(ids) == [COMPLETED]
    assert provider.stats().calls["batch_line"] == 1
    assert_exact()


def test_an_input_that_the_provider_lost_is_built_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    monkeypatch.setattr(context, "GONE_ATTEMPTS", 2)
    provider.control(batch_billing=False)
    ids = submit(one_page(1))
    worker.step()
    mistral = Mistral(api_key=API_KEY, server_url=provider.url)
    (input_file,) = provider.journal().files

    mistral.files.delete(file_id=input_file.id)
    provider.control(batch_billing=True)
    worker.work()

    assert statuses(ids) == [COMPLETED]
    assert_exact()


def test_a_store_that_is_away_is_waited_for(
    worker: LaneWorker,
    submit: Submit,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
) -> None:
    ids = submit(one_page(1))

    def away(*_: object) -> None:
        raise StorageUnavailable("The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "fetch", away)
        assert worker.step() == StoreReport("The store is away.")

    assert statuses(ids) == [PENDING]
    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_a_full_disk_is_waited_for(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
) -> None:
    ids = submit(one_page(1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(InputFile, "add", full)
        worker.step()

    (job,) = jobs(database)
    assert (job.attempts, job.scheduled_at is not None) == (0, True)
    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_results_stay_with_the_provider_until_there_is_room(
    worker: LaneWorker,
    submit: Submit,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
) -> None:
    ids = submit(one_page(1))

    with monkeypatch.context() as patch:
        patch.setattr(disk_space, "free_bytes", lambda _folder: 0)
        for _ in range(6):  # it is sent, looked at, and not fetched
            worker.step()
        assert list(data_folder.answers(settings).iterdir()) == []
        assert statuses(ids) != [COMPLETED]

    worker.work()
    assert statuses(ids) == [COMPLETED]


def test_a_step_that_fails_for_an_unknown_reason_is_tried_again_then_given_up(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(context, "LAG", timedelta(0))
    ids = submit(one_page(1), one_page(2))

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Batches, "create", broken)
    worker.work()

    found = batching.documents(database, ids)
    assert [(one.status, one.error_code) for one in found] == [(FAILED, "engine_failed")] * 2
    assert provider.journal().files == []
    (job,) = jobs(database)
    assert (job.status, job.attempts) == (JobStatus.COMPLETED, STEP_ATTEMPTS + 1)
    assert set(batching.call_states(database)) == {CallState.UNKNOWN}


def test_a_line_that_cannot_be_kept_harms_no_other(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
) -> None:
    settle = SettleCall.__call__
    calls = iter(range(100))

    def broken_once(unit: SettleCall, session: Session) -> bool:
        if next(calls) == 1:
            raise RuntimeError("a bug")
        return settle(unit, session)

    monkeypatch.setattr(SettleCall, "__call__", broken_once)
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert sorted(batching.call_states(database)) == ["settled", "settled", "settled", "unknown"]
    assert provider.stats().billed_batch_pages == 4


def test_what_a_step_has_no_time_for_the_next_one_does(
    make_worker: MakeWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    monkeypatch.setattr(opening, "STEP_SECONDS", 0.0)
    ids = submit(*(one_page(number) for number in range(4)))

    make_worker().work()

    assert statuses(ids) == [COMPLETED] * 4
    calls = provider.stats().calls
    assert (calls["upload"], calls["batch"], calls["batch_line"]) == (4, 1, 4)
    assert calls["download"] == 1
    assert_exact()
