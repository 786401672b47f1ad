"""kill -9 while a request with an idempotency key is accepted: sent again, it is one document."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ilios.core import failpoints
from ilios.db.models import Document, IdempotencyKey
from tests.support.breaking import START_TIMEOUT_S, Subject, broken
from tests.support.deployment import kill
from tests.support.waiting import wait_until

POINTS = (failpoints.UPLOAD_STREAMED, failpoints.OBJECT_STORED, failpoints.ROW_COMMITTED)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Subject]:
    with broken(tmp_path_factory.mktemp("keys"), migrated_file, worker_count=1) as subject:
        yield subject


@pytest.mark.parametrize("point", POINTS)
def test_sent_again_after_a_kill_it_is_one_document_and_one_call(
    subject: Subject, recovery_s: float, point: str
) -> None:
    parcel = replace(subject.parcel(), key=f"an-idempotency-key-that-must-not-be-logged-{point}")
    parcel = replace(parcel, fields={"cache": "false"})  # the cache would hide a second one
    before = _noted(subject)
    billed = subject.place.provider.stats().billed_pages
    subject.deployment.arm(point)
    with ThreadPoolExecutor(1) as client:
        sending = client.submit(subject.try_to_send, parcel)
        held = subject.deployment.held_at(point)
        kill(held)
        killed_at = time.monotonic()
        subject.deployment.disarm()
        assert sending.result() is None

    sent = {subject.send(parcel) for _ in range(2)}

    (document_id,) = sent
    left_s = killed_at + recovery_s - time.monotonic()
    wait_until(lambda: subject.deployment.is_completed(document_id), left_s)
    assert subject.send(parcel) == document_id
    assert _noted(subject) == tuple(count + 1 for count in before)
    assert subject.place.provider.stats().billed_pages == billed + 1
    assert subject.violations(START_TIMEOUT_S) == []


def _noted(subject: Subject) -> tuple[int, ...]:
    """Return how many documents and keys there are."""
    with subject.place.database.reading() as session:
        tables = (Document, IdempotencyKey)
        return tuple(session.scalar(select(func.count()).select_from(one)) or 0 for one in tables)
