"""What has to be so when the siege is over: nothing to repair, nothing lost, nothing kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil
import requests
from sqlalchemy import func, select

from ilios.db.models import Call, CallState, DailyUsage, Document, DocumentStatus
from tests.siege.innocent import Trial
from tests.siege.service import MIB, Service
from tests.support import soundness
from tests.support.waiting import wait_until

REST_MAX_S = 60.0  #: by then the service is idle and small again
REST_TIMEOUT_S = 300.0  #: by then the siege no longer waits for it
IDLE_PROCESSOR_SHARE = 0.1  #: of one processor
IDLE_LOOK_S = 3.0
GROWTH_MAX_BYTES = 256 * MIB  #: of an idle service, over what it took before
TOMBSTONE_BYTES = 8 * 1024  #: that the row of a deleted document may keep, with its ledger
STOP_TIMEOUT_S = 45.0
ANSWER_TIMEOUT_S = 60.0
SETTLE_TIMEOUT_S = 30.0
LISTED = 100


@dataclass(frozen=True, slots=True)
class Rest:
    """How the service came to rest."""

    seconds: float
    memory_bytes: int
    is_idle: bool


def delete_all(service: Service, names: Sequence[str]) -> list[str]:
    """Delete every document of these keys, as their owners would; return what was refused."""
    refused: list[str] = []
    for name in names:
        headers = {"Authorization": f"Bearer {service.keys[name]}"}
        while listed := _listed(service, headers):
            for document_id in listed:
                url = f"{_url(service)}/{document_id}"
                answer = requests.delete(url, headers=headers, timeout=ANSWER_TIMEOUT_S)
                if not answer.ok and answer.status_code != requests.codes.gone:
                    refused.append(f"DELETE {document_id}: {answer.status_code} {answer.text}")
            if refused:
                break
    return refused


def come_to_rest(service: Service, memory_before: int) -> Rest:
    """Wait until it is idle and as small as before, or REST_TIMEOUT_S have passed."""
    begun = time.monotonic()
    is_idle = False
    while time.monotonic() - begun < REST_TIMEOUT_S:
        used = service.processor_seconds()
        time.sleep(IDLE_LOOK_S)
        share = (service.processor_seconds() - used) / IDLE_LOOK_S
        memory = sum(service.memory_bytes().values())
        is_small = memory < memory_before + GROWTH_MAX_BYTES
        is_idle = share < IDLE_PROCESSOR_SHARE and soundness.all_ended(service.place.database)
        if is_idle and is_small:
            break
    return Rest(time.monotonic() - begun, sum(service.memory_bytes().values()), is_idle)


def settle(service: Service, before: Mapping[str, int]) -> None:
    """Wait until deleted files have gone. Raises TimeoutError if some stay."""
    wait_until(
        lambda: service.folder_bytes()["objects"] <= before["objects"], timeout_s=SETTLE_TIMEOUT_S
    )


def tombstones_bytes(service: Service) -> int:
    """Return what the rows of deleted documents and of their calls may take."""
    with service.place.database.reading() as session:
        rows = session.scalar(select(func.count()).select_from(Document)) or 0
        calls = session.scalar(select(func.count()).select_from(Call)) or 0
    return TOMBSTONE_BYTES * (rows + calls)


def unsound(service: Service, trials: Sequence[Trial]) -> list[str]:
    """Return what the one checker finds in database and store, and in the ledger."""
    acknowledged = {trial.document_id: trial.marks for trial in trials if trial.document_id}
    return [
        *soundness.violations(service.place, acknowledged),
        *soundness.files_held(service.processes, [service.place.settings.data_folder]),
        *_of_the_ledger(service),
    ]


def diagnosed(service: Service) -> list[str]:
    """Return what `ilios doctor` warns of."""
    found = service.operator.diagnosis().of("error", "warning")
    return [f"{one['check']}: {one['detail']}" for one in found]


def stop(service: Service) -> list[str]:
    """Stop the service as an operator does; return what went wrong."""
    service.script.process.terminate()
    try:
        code = service.script.process.wait(STOP_TIMEOUT_S)
        service.script.wait_until_nothing_is_left()
    except (TimeoutError, psutil.TimeoutExpired, OSError) as error:
        return [f"it does not stop: {error}"]
    return [f"it ended with exit code {code}"] if code else []


def _of_the_ledger(service: Service) -> Iterator[str]:
    """Name owners and documents whose pages and calls differ."""
    with service.place.database.reading() as session:
        settled = Call.state == CallState.SETTLED
        calls = select(Call.owner, func.sum(Call.pages)).where(settled).group_by(Call.owner)
        days = select(DailyUsage.owner, func.sum(DailyUsage.pages)).group_by(DailyUsage.owner)
        by_calls = dict(session.execute(calls).tuples().all())
        by_days = dict(session.execute(days).tuples().all())
        if by_calls != by_days:
            yield f"the ledger has {by_calls} pages, its days have {by_days}"
        of_document = (
            select(func.sum(Call.pages))
            .where(settled, Call.document_id == Document.id)
            .scalar_subquery()
        )
        completed = select(Document.id, Document.page_count, of_document).where(
            Document.status == DocumentStatus.COMPLETED, Document.result_of.is_(None)
        )
        for document_id, pages, counted in session.execute(completed):
            if pages != counted:
                yield f"{document_id} has {pages} pages, and {counted} in the ledger"


def _listed(service: Service, headers: dict[str, str]) -> list[str]:
    answer = requests.get(
        f"{_url(service)}?limit={LISTED}", headers=headers, timeout=ANSWER_TIMEOUT_S
    )
    answer.raise_for_status()
    return [str(one["id"]) for one in answer.json()["documents"]]


def _url(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}/api/documents"
