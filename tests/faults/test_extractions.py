"""Fields by a schema, with processes that are killed: extracted, and paid for at their price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ilios.core import failpoints
from tests.support.annotating import SCHEMA
from tests.support.breaking import START_TIMEOUT_S, Subject, broken
from tests.support.deployment import kill
from tests.support.waiting import wait_until

PAGES = 60  #: more than a call has without a schema
POINTS = (
    failpoints.CALL_OPENED,
    failpoints.CALL_SENT,
    failpoints.ANSWER_RECEIVED,
    failpoints.ANSWER_SAVED,
    failpoints.ANSWER_READING,
    failpoints.RESULT_COMMITTED,
)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp("extractions")
    with broken(folder, migrated_file, worker_count=1) as subject:
        yield subject


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_fields_are_there_and_the_ledger_has_their_price(
    subject: Subject, recovery_s: float, point: str
) -> None:
    deployment = subject.deployment
    deployment.wait_until_ready(START_TIMEOUT_S)
    deployment.arm(point)
    document_id = subject.send(replace(subject.parcel(PAGES), fields={"schema": SCHEMA}))
    held = deployment.held_at(point)

    kill(held)
    deployment.disarm()

    wait_until(lambda: deployment.is_completed(document_id), recovery_s)
    result = deployment.get(f"/api/documents/{document_id}?format=json")
    assert (result["extraction"], result["warnings"]) == ({"total": 0.0}, [])
    assert result["usage"]["costUsd"] == pytest.approx(PAGES * 0.0065)
    assert subject.violations() == []
