"""A provider that refuses a few pages of many: the others are delivered, and paid for once.

Also when processes are killed meanwhile: then what was in flight may be paid for again, and the
ledger says so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilios.core import failpoints
from tests.mistral_server.samples import pdf
from tests.support.breaking import START_TIMEOUT_S, Parcel, Subject, broken
from tests.support.deployment import kill
from tests.support.waiting import wait_until

PAGES = 1_000
CONVERTED_TIMEOUT_S = 3 * START_TIMEOUT_S  #: so many pages, beside other tests
REFUSED = (137, 138, 900)  #: two in one range, the neighbours of each other
CALL_DEADLINE_S = 30  #: only kills put calls in doubt here
SIGN = "Not this one."  #: on pages that the provider refuses
REFUSAL = {"on": "ocr", "status": 422, "text": SIGN, "message": "Content not allowed."}
MOST_REFUSED_CALLS = 3 * 2 * 6  #: of ranges of 50 pages
POINTS = (
    failpoints.JOB_ACCEPTED,
    failpoints.CALL_OPENED,
    failpoints.CALL_SENT,
    failpoints.HALVES_STORED,
    failpoints.JOB_HALVED,
    failpoints.ANSWER_RECEIVED,
    failpoints.ANSWER_SAVED,
    failpoints.RESULT_COMMITTED,
    failpoints.JOB_ENDED,
    failpoints.ANSWER_READING,  # the last: a worker reads one answer at a time
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Kill at each point alone in the long form; in the short, with a document at every point."""
    if "points" in metafunc.fixturenames:
        is_long = metafunc.config.getoption("repeat_faults", 0)
        kills = [(point,) for point in POINTS] if is_long else [POINTS]
        metafunc.parametrize("points", kills, ids=[",".join(points) for points in kills])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp("partial")
    with broken(
        folder, migrated_file, worker_count=1, call_deadline_seconds=CALL_DEADLINE_S
    ) as subject:
        yield subject


@pytest.fixture
def subject(shared: Subject) -> Subject:
    """Provide the service, well again, with a provider that refuses pages with the sign."""
    shared.deployment.wait_until_ready(START_TIMEOUT_S)
    shared.place.provider.control(faults=[REFUSAL], latency_ms=5)
    return shared


def parcel_of(subject: Subject, pages: int, *refused: int) -> Parcel:
    """Return a document whose pages with these numbers are refused."""
    marks = [
        f"{mark} {SIGN}" if number in refused else mark
        for number, mark in enumerate(subject.parcel(pages).marks, 1)
    ]
    return Parcel(pdf(*marks), marks, fields={"allowPartial": "0.5"})


def failed_pages(subject: Subject, document_id: str) -> list[int]:
    status = subject.deployment.get(f"/api/documents/status/{document_id}")
    assert {one["code"] for one in status["failedPages"]} <= {"refused_by_provider"}
    return [one["number"] for one in status["failedPages"]]


def ledger(subject: Subject) -> tuple[int, int]:
    """Return how many pages were charged, and how many are in doubt, of all documents."""
    usage = subject.deployment.get("/api/usage/summary")["summary"]
    return usage["totalPages"], usage["ambiguousPages"]


def test_all_pages_but_the_refused_ones_are_delivered_and_paid_for_once(subject: Subject) -> None:
    provider, deployment = subject.place.provider, subject.deployment
    before, refusals = provider.stats().billed_pages, provider.stats().statuses.get("422", 0)
    settled, doubtful = ledger(subject)

    document_id = subject.send(parcel_of(subject, PAGES, *REFUSED))
    wait_until(lambda: deployment.is_completed(document_id), CONVERTED_TIMEOUT_S)

    assert failed_pages(subject, document_id) == list(REFUSED)
    assert provider.stats().billed_pages - before == PAGES - len(REFUSED)
    assert provider.stats().statuses["422"] - refusals <= MOST_REFUSED_CALLS
    assert ledger(subject) == (settled + PAGES - len(REFUSED), doubtful)

    provider.control(faults=[])
    deployment.retry(document_id)
    wait_until(lambda: deployment.is_completed(document_id), CONVERTED_TIMEOUT_S)

    assert failed_pages(subject, document_id) == []
    assert provider.stats().billed_pages - before == PAGES
    assert subject.violations() == []


def test_killed_at_any_point_the_refused_pages_alone_are_missing(
    subject: Subject, recovery_s: float, points: tuple[str, ...]
) -> None:
    ids = []
    for point in points:
        subject.deployment.arm(point)
        ids.append(subject.send(parcel_of(subject, 12, 3, 8)))
        held = subject.deployment.held_at(point)

    kill(held)
    subject.deployment.disarm()

    wait_until(lambda: all(map(subject.deployment.is_completed, ids)), recovery_s)
    assert [failed_pages(subject, one) for one in ids] == [[3, 8]] * len(points)
    assert subject.violations() == []


def test_killed_now_and_then_the_refused_pages_alone_are_missing(
    subject: Subject, request: pytest.FixtureRequest
) -> None:
    provider, deployment = subject.place.provider, subject.deployment
    provider.control(latency_ms=(20, 60))
    seed = random.randrange(10**6)  # noqa: S311
    request.node.user_properties.append(("seed", seed))
    chance = random.Random(seed)  # noqa: S311

    document_id = subject.send(parcel_of(subject, PAGES, *REFUSED))
    for _ in range(2):  # a third time in one call would leave it to people
        calls = provider.stats().calls.get("ocr", 0) + chance.randint(1, 12)
        wait_until(  # unless there are no more so many to come
            lambda: (
                provider.stats().calls.get("ocr", 0) >= calls  # noqa: B023
                or deployment.is_completed(document_id)
            ),
            CONVERTED_TIMEOUT_S,
        )
        kill(*chance.choice([deployment.workers, deployment.everything]))
        deployment.wait_until_ready(START_TIMEOUT_S)
    wait_until(lambda: deployment.is_completed(document_id), CONVERTED_TIMEOUT_S)

    assert failed_pages(subject, document_id) == list(REFUSED), seed
    assert subject.violations() == [], seed
