"""The provider's batch lane in real processes, which are killed in the middle of everything."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ilios.api.app import build
from ilios.api.services import EXTENSION
from ilios.core import data_folder, failpoints
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus, ProviderBatchState
from ilios.operations import heartbeat
from tests.mistral_server.process import MistralServer
from tests.support import batching
from tests.support.api_callers import Caller, file
from tests.support.batching import BATCH_PAGE_MICROS, one_page
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

COMPLETED, FAILED = DocumentStatus.COMPLETED, DocumentStatus.FAILED
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
END_TIMEOUT_S = 120.0
MIB = 1024 * 1024
KEPT = 5  #: results of a hundred, at the power cut

Start = Callable[..., SupervisorProcess]


@pytest.fixture
def provider(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


@pytest.fixture
def lane(settings: Settings, provider: MistralServer) -> Settings:
    """Provide settings with one worker, for it is the provider that does the work."""
    return batching.pointing_at(settings.model_copy(update={"worker_count": 1}), provider)


@pytest.fixture
def start(lane: Settings) -> Iterator[Start]:
    """Start a supervisor of the provider's engine; whatever is left at the end is killed."""
    started: list[SupervisorProcess] = []

    def start(**variables: str) -> SupervisorProcess:
        started.append(SupervisorProcess(lane, "real", hurried=True, variables=variables))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.close()


@pytest.fixture
def client(lane: Settings) -> Iterator[Caller]:
    app = build(lane)
    yield Caller(app.test_client(), None)
    app.extensions[EXTENSION].close()


@pytest.fixture
def wait_for_end(database: Database) -> Callable[[], None]:
    return lambda: wait_until(lambda: batching.is_ended(database), END_TIMEOUT_S)


def assert_exact(database: Database, provider: MistralServer) -> None:
    """Check that the ledger is the provider's bill to the micro-dollar, with no file left there."""
    settled = [call for call in batching.calls(database) if call.state is CallState.SETTLED]
    billed = provider.stats().billed_batch_pages
    assert sum(call.pages for call in settled) == billed
    assert sum(call.total_cost_micros for call in settled) == billed * BATCH_PAGE_MICROS
    assert provider.journal().files == []


def statuses(database: Database, ids: list[str]) -> list[DocumentStatus]:
    return [document.status for document in batching.documents(database, ids)]


def traces(provider: MistralServer, *kinds: str) -> set[str]:
    """Return the traces that calls of these kinds belong to."""
    calls = [call for call in provider.journal().calls if call.kind in kinds]
    return {(call.traceparent or "none-none").split("-")[1] for call in calls}


def held_at(point: Path) -> Path:
    """Return the file that holds a process there, as soon as one is held."""
    wait_until(lambda: list(point.parent.glob(f"{point.name}@*")), END_TIMEOUT_S)
    (held,) = point.parent.glob(f"{point.name}@*")
    return held


def hangs(provider: MistralServer, on: str) -> bool:
    return any(call.kind == on and call.fault == "hang" for call in provider.journal().calls)


def test_seven_of_a_hundred_documents_fail_with_their_reasons(
    start: Start,
    client: Caller,
    provider: MistralServer,
    database: Database,
    wait_for_end: Callable[[], None],
) -> None:
    refused, too_long, broken = (7, 21, 35), (50, 64), (78, 92)
    provider.control(
        faults=[_fault(number, error="document_parser_invalid_file") for number in refused]
        + [_fault(number, error="document_parser_too_many_pages") for number in too_long]
        + [_fault(number, status=503) for number in broken]
    )
    start()
    files = [file(one_page(number), f"file-{number}.pdf") for number in range(100)]

    form = {"files": files, "useMistralBatch": "true"}
    answer = client.post(
        "/v1/batch/submit", form, headers={"traceparent": f"00-{TRACE_ID}-{1:016x}-01"}
    )

    assert answer.status_code == 202, answer.text
    wait_for_end()
    assert traces(provider, "upload", "batch", "batch_get", "download") == {TRACE_ID}
    accepted = answer.get_json()
    status = client.get(f"/v1/batch/status/{accepted['batchId']}?details=true").get_json()
    assert status["progress"] == {
        "total": 100,
        "pending": 0,
        "processing": 0,
        "completed": 93,
        "failed": 7,
        "cancelled": 0,
        "deleted": 0,
    }
    assert status["mistralBatchJobId"]
    assert status["mistralStatus"] == "SUCCESS"
    ids = [document["id"] for document in accepted["documents"]]
    codes = {
        number: document.error_code
        for number, document in enumerate(batching.documents(database, ids))
        if document.status is FAILED
    }
    assert codes == {
        **dict.fromkeys(refused, "corrupt_document"),
        **dict.fromkeys(too_long, "document_too_large"),
        **dict.fromkeys(broken, "provider_unavailable"),
    }
    assert_exact(database, provider)
    assert provider.stats().billed_batch_pages == 93
    usage = client.get("/api/usage/summary").get_json()["summary"]
    assert (usage["totalPages"], usage["totalCostMicros"]) == (93, 93 * BATCH_PAGE_MICROS)
    download = client.get(f"/v1/batch/download/{accepted['batchId']}")
    lines = [json.loads(line) for line in download.text.splitlines()]
    assert sum(line["status"] == "completed" for line in lines) == 93


def _fault(number: int, **fault: Any) -> dict[str, Any]:
    return {"on": "batch_line", "text": f"number {number}.", **fault}


@pytest.mark.parametrize(
    ("on", "billed"),
    [
        ("upload", False),
        ("batch", False),
        ("batch", True),
        ("batch_get", False),
        ("download", False),
        ("delete", True),
    ],
)
def test_a_worker_that_is_killed_in_a_call_pays_nothing_twice(
    start: Start,
    lane: Settings,
    provider: MistralServer,
    database: Database,
    wait_for_end: Callable[[], None],
    on: str,
    billed: bool,
) -> None:
    supervisor = start()
    provider.control(faults=[{"on": on, "kind": "hang", "billed": billed}])
    ids = batching.submit(lane, database, [one_page(number) for number in range(5)])
    wait_until(lambda: hangs(provider, on), timeout_s=30)

    os.kill(supervisor.workers[0].pid, signal.SIGKILL)
    provider.control(faults=[])

    wait_for_end()
    assert statuses(database, ids) == [COMPLETED] * 5
    assert provider.stats().calls["batch_line"] == 5
    assert_exact(database, provider)


@pytest.mark.parametrize("on", ["batch", "download"])
def test_a_power_cut_in_a_call_pays_nothing_twice(
    start: Start,
    lane: Settings,
    provider: MistralServer,
    database: Database,
    wait_for_end: Callable[[], None],
    on: str,
) -> None:
    provider.control(faults=[{"on": on, "kind": "hang", "billed": True}])
    ids = batching.submit(lane, database, [one_page(number) for number in range(5)])
    supervisor = start()
    wait_until(lambda: hangs(provider, on), timeout_s=30)

    supervisor.kill_tree()
    provider.control(faults=[])
    start()

    wait_for_end()
    assert statuses(database, ids) == [COMPLETED] * 5
    assert provider.stats().calls["batch_line"] == 5
    assert_exact(database, provider)


def test_a_power_cut_while_results_are_kept_loses_and_repeats_none(
    start: Start,
    lane: Settings,
    provider: MistralServer,
    database: Database,
    wait_for_end: Callable[[], None],
    tmp_path: Path,
) -> None:
    ids = batching.submit(lane, database, [one_page(number) for number in range(100)])
    point = tmp_path / failpoints.RESULT_COMMITTED
    point.touch()
    supervisor = start(ILIOS_SYNC_POINTS=str(tmp_path))
    for _ in range(KEPT - 1):
        held = held_at(point)
        point.touch()  # for the next
        held.unlink()
    held_at(point)

    assert statuses(database, ids).count(COMPLETED) == KEPT
    supervisor.kill_tree()
    start()

    wait_for_end()
    assert statuses(database, ids) == [COMPLETED] * 100
    assert provider.stats().calls["batch_line"] == 100
    assert_exact(database, provider)


def test_a_supervisor_that_is_stopped_leaves_the_batch_to_the_next(
    start: Start,
    lane: Settings,
    provider: MistralServer,
    database: Database,
    wait_for_end: Callable[[], None],
) -> None:
    provider.control(batch_running_ms=600_000)
    ids = batching.submit(lane, database, [one_page(number) for number in range(3)])
    supervisor = start()
    wait_until(lambda: batching.state(database) is ProviderBatchState.RUNNING, timeout_s=60)

    assert supervisor.stop() == 0
    provider.control(batch_running_ms=0)
    start()

    wait_for_end()
    assert statuses(database, ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch"] == 1
    assert_exact(database, provider)


def test_without_batch_billing_health_says_so_and_single_calls_go_on(
    start: Start,
    lane: Settings,
    client: Caller,
    provider: MistralServer,
    database: Database,
    wait_for_end: Callable[[], None],
) -> None:
    provider.control(batch_billing=False)
    start()
    waiting = batching.submit(lane, database, [one_page(1)])
    wait_until(lambda: "batch" in _provider_state(lane), timeout_s=20)

    single = batching.submit(lane, database, [one_page(2)], in_batch_lane=False)

    wait_until(lambda: statuses(database, single) == [COMPLETED], timeout_s=30)
    assert "402" in client.get("/health").text
    assert statuses(database, waiting) == [DocumentStatus.PENDING]
    provider.control(batch_billing=True)
    wait_for_end()
    assert statuses(database, waiting) == [COMPLETED]
    wait_until(lambda: _provider_state(lane) == "ok", timeout_s=20)


def _provider_state(settings: Settings) -> str:
    beat = heartbeat.read(data_folder.supervisor_state(settings))
    return beat.provider if beat else ""


def test_memory_does_not_grow_with_the_batch(
    start: Start,
    lane: Settings,
    provider: MistralServer,
    database: Database,
) -> None:
    supervisor = start()
    contents = (one_page(number, 5 * 10**6) for number in range(40))
    worker = psutil.Process(supervisor.workers[0].pid)
    peak = _Peak(worker)
    warm_up = batching.submit(lane, database, [one_page(1000, 5 * 10**6)])
    wait_until(lambda: peak.seen() and statuses(database, warm_up) == [COMPLETED], END_TIMEOUT_S)
    idle = peak.bytes

    ids = batching.submit(lane, database, list(contents))

    wait_until(lambda: peak.seen() and set(statuses(database, ids)) == {COMPLETED}, END_TIMEOUT_S)
    assert peak.bytes - idle < 50 * MIB


class _Peak:
    """The most memory that a process was seen with."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.bytes = 0

    def seen(self) -> bool:
        self.bytes = max(self.bytes, self._process.memory_info().rss)
        return True
