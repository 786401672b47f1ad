"""kill -9 while documents with passwords are on their way: they are found nowhere, and used on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from ilios.core import failpoints
from ilios.db.models import Document, DocumentPassword
from tests.support import protected
from tests.support.breaking import START_TIMEOUT_S, Parcel, Subject, broken
from tests.support.deployment import kill
from tests.support.protected import PASSWORD, WRONG
from tests.support.waiting import wait_until

POINTS = (failpoints.ROW_COMMITTED, failpoints.CALL_OPENED, failpoints.RESULT_COMMITTED)
MARKS = [f"{protected.TEXT} {page}" for page in (1, 2)]


@pytest.fixture(scope="module")
def was_sealed() -> set[str]:
    """Provide what was kept of passwords at one time or another."""
    return set()


@pytest.fixture(scope="module")
def subject(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, was_sealed: set[str]
) -> Iterator[Subject]:
    """Provide the service; beside it, and once it has ended, no file has a sealed password."""
    with broken(tmp_path_factory.mktemp("secrets"), migrated_file, worker_count=1) as subject:
        yield subject
        wait_until(lambda: places_with(subject, *was_sealed) == [], START_TIMEOUT_S)
        subject.deployment.close()
        assert subject.place.database.truncate_wal()
        assert places_with(subject, PASSWORD, WRONG, *was_sealed) == []


def parcel(password: str = PASSWORD) -> Parcel:
    fields = {"password": password, "cache": "false"}
    return Parcel(protected.pdf(), MARKS, fields=fields)


def places_with(subject: Subject, *secrets: str) -> list[str]:
    """Return where in the data folder, database and logs among it, one of these stands."""
    found = protected.files_with(subject.place.settings.data_folder, *secrets)
    return [*found, *("log" for secret in secrets if secret in subject.deployment.log)]


def sealed(subject: Subject) -> list[str]:
    """Return what is kept of passwords, the sealed ones."""
    with subject.place.database.reading() as session:
        kept = session.scalars(select(DocumentPassword.sealed))
        return [one for one in kept if one]


def ended(subject: Subject, document_id: str) -> str | None:
    """Return the code with which a document has failed; None until it has ended."""
    with subject.place.database.reading() as session:
        document = session.get_one(Document, document_id)
        return document.error_code if document.processed_at else None


@pytest.mark.parametrize("point", POINTS)
def test_a_password_outlives_a_kill_and_is_found_nowhere(
    subject: Subject, was_sealed: set[str], recovery_s: float, point: str
) -> None:
    subject.deployment.wait_until_ready(START_TIMEOUT_S)
    sent = parcel()
    subject.deployment.arm(point)
    with ThreadPoolExecutor(1) as client:
        sending = client.submit(subject.try_to_send, sent)
        subject.deployment.held_at(point)
        assert places_with(subject, PASSWORD) == []
        was_sealed.update(sealed(subject))

        killed_at = time.monotonic()
        kill(*subject.deployment.everything)
        subject.deployment.disarm()
        acknowledged = sending.result()
    assert places_with(subject, PASSWORD) == []
    document_id = acknowledged or subject.send(sent)
    left_s = killed_at + recovery_s - time.monotonic()
    wait_until(lambda: subject.deployment.is_completed(document_id), left_s)

    assert subject.violations() == []
    assert sealed(subject) == []
    assert places_with(subject, PASSWORD) == []


def test_one_that_does_not_open_it_is_found_nowhere_either_and_costs_nothing(
    subject: Subject,
) -> None:
    before = subject.place.provider.stats().billed_pages

    document_id = subject.deployment.submit(protected.pdf(), password=WRONG, cache="false")
    wait_until(lambda: ended(subject, document_id), START_TIMEOUT_S)

    assert ended(subject, document_id) == "wrong_password"
    assert subject.place.provider.stats().billed_pages == before
    assert sealed(subject) == []
    assert places_with(subject, WRONG) == []
    subject.deployment.delete(document_id)  # the other tests want none that has failed
