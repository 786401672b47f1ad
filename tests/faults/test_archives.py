"""kill -9 while an archive becomes a batch: all of its documents are there, or none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from ilios.core import data_folder, failpoints
from ilios.db.models import Batch, Document
from tests.support.breaking import START_TIMEOUT_S, Parcel, Subject, broken
from tests.support.deployment import kill
from tests.support.hostile_archives import zipped
from tests.support.service import ANSWER_TIMEOUT_S
from tests.support.waiting import wait_until

POINTS = (failpoints.ARCHIVE_UNPACKED, failpoints.UPLOAD_STREAMED, failpoints.OBJECT_STORED)
DOCUMENTS = 3


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Subject]:
    with broken(tmp_path_factory.mktemp("archives"), migrated_file, worker_count=1) as subject:
        yield subject


def send(subject: Subject, parcels: list[Parcel]) -> bool:
    """Send documents as an archive; return whether the batch was acknowledged."""
    content = zipped(*((f"docs/{place}.html", one.content) for place, one in enumerate(parcels)))
    with contextlib.suppress(requests.RequestException):
        answer = requests.post(
            f"{subject.deployment.url}/api/documents/submit",
            files={"file": ("all.zip", content)},
            timeout=ANSWER_TIMEOUT_S,
        )
        answer.raise_for_status()
        for one, parcel in zip(answer.json()["documents"], parcels, strict=True):
            subject.acknowledged[one["id"]] = parcel.marks
        return True
    return False


def counts(subject: Subject) -> tuple[int, ...]:
    """Return how many batches and documents there are."""
    with subject.place.database.reading() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(one)) or 0 for one in (Batch, Document)
        )


@pytest.mark.parametrize("victim", ["the web process", "everything"])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_leaves_no_half_batch_and_no_file(
    subject: Subject, recovery_s: float, point: str, victim: str
) -> None:
    subject.deployment.wait_until_ready(START_TIMEOUT_S)
    parcels = [subject.web_page() for _ in range(DOCUMENTS)]
    before = counts(subject)
    subject.deployment.arm(point)
    with ThreadPoolExecutor(1) as client:
        sending = client.submit(send, subject, parcels)
        held = subject.deployment.held_at(point)

        killed_at = time.monotonic()
        kill(*([held] if victim == "the web process" else subject.deployment.everything))
        subject.deployment.disarm()
        assert sending.result() is False
    assert counts(subject) == before

    left_s = killed_at + recovery_s - time.monotonic()
    wait_until(lambda: send(subject, parcels), left_s)
    ids = list(subject.acknowledged)[-DOCUMENTS:]
    wait_until(lambda: all(map(subject.deployment.is_completed, ids)), START_TIMEOUT_S)

    assert counts(subject) == (before[0] + 1, before[1] + DOCUMENTS)
    uploads = data_folder.uploads(subject.place.settings)
    wait_until(lambda: not list(uploads.iterdir()), START_TIMEOUT_S)
    assert subject.violations() == []
