"""The reason why no job starts: which one is named, what it blocks, and that a change is logged."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ilios.core.errors import DatabaseBusy, DatabaseFull
from ilios.core.settings import Settings
from ilios.engines.governor import FAILURES_TO_OPEN, Outcome, ProviderReport
from ilios.engines.registry import EMBEDDED, MISTRAL
from ilios.operations.heartbeat import BlockReason
from ilios.storage.health import StoreReport
from ilios.workers.maintenance import StoreWatch
from ilios.workers.start_gate import StartGate

LOCKED = DatabaseBusy("The database is locked. Try again.")
WRONG_KEY = ProviderReport(Outcome.MISCONFIGURED, "Mistral refuses MISTRAL_API_KEY (401)")
OUTAGE = ProviderReport(Outcome.FAILED, "503")
THROTTLED = ProviderReport(Outcome.THROTTLED, "429", retry_after_seconds=100)
ANSWERED = ProviderReport(Outcome.ANSWERED)
MORE_THAN_ANY_DISK = 2**60


class Subject:
    """A gate with the store that it asks, and what a supervisor does with it."""

    def __init__(self, settings: Settings) -> None:
        self.store = StoreWatch(settings)
        self.gate = StartGate(settings, self.store)

    def look(self, *, is_paused: bool = False) -> BlockReason | None:
        self.gate.look(is_paused=is_paused)
        return self.gate.reason

    def may_claim(self, *, is_paused: bool = False) -> bool:
        return self.gate.look(is_paused=is_paused)


@pytest.fixture
def subject(tmp_path: Path) -> Callable[..., Subject]:
    def make(**changes: Any) -> Subject:
        known = {"ocr_engine": MISTRAL, "mistral_api_key": SecretStr("key"), "s3_bucket": "b"}
        return Subject(Settings(data_dir=tmp_path).model_copy(update={**known, **changes}))

    return make


def test_the_first_of_several_reasons_is_named(subject: Callable[..., Subject]) -> None:
    full = subject(min_free_disk_bytes=MORE_THAN_ANY_DISK)
    full.gate.record(WRONG_KEY)
    full.gate.database_failed(LOCKED)
    full.store.record(StoreReport("503 SlowDown"))

    assert full.look(is_paused=True) is BlockReason.PAUSED
    assert full.look() is BlockReason.DISK_FULL
    full.gate.drain()
    assert full.look(is_paused=True) is BlockReason.DRAINING

    roomy = subject()
    roomy.gate.record(WRONG_KEY)
    roomy.gate.database_failed(LOCKED)
    roomy.store.record(StoreReport("503 SlowDown"))

    assert roomy.look() is BlockReason.STORE_UNREACHABLE
    roomy.store.record(StoreReport(None))
    assert roomy.look() is BlockReason.DATABASE_BUSY
    roomy.gate.database_works()
    assert roomy.look() is BlockReason.PROVIDER_MISCONFIGURED
    roomy.gate.record(ANSWERED)
    assert roomy.look() is None


def test_what_blocks_every_lane_keeps_claims_from_being_tried(
    subject: Callable[..., Subject],
) -> None:
    found = subject(s3_bucket=None)

    assert found.may_claim()
    assert not found.may_claim(is_paused=True)
    found.gate.drain()
    assert not found.may_claim()
    assert not subject(s3_bucket=None, min_free_disk_bytes=MORE_THAN_ANY_DISK).may_claim()


def test_a_database_that_failed_is_tried_again(subject: Callable[..., Subject]) -> None:
    locked = subject(s3_bucket=None)
    locked.gate.database_failed(LOCKED)

    assert locked.look() is BlockReason.DATABASE_BUSY
    assert locked.may_claim()


@pytest.mark.parametrize(
    "error", [DatabaseFull("The disk is full."), OSError(errno.ENOSPC, "No space left")]
)
def test_a_write_that_finds_no_room_says_that_the_disk_is_full(
    subject: Callable[..., Subject], error: Exception
) -> None:
    found = subject(s3_bucket=None)
    found.gate.database_failed(error)

    assert found.gate.reason is BlockReason.DISK_FULL
    assert found.look() is BlockReason.DISK_FULL
    assert found.may_claim()  # only an attempt shows whether there is room again


@pytest.mark.parametrize(
    ("reports", "reason"),
    [
        ([WRONG_KEY], BlockReason.PROVIDER_MISCONFIGURED),
        ([OUTAGE] * FAILURES_TO_OPEN, BlockReason.PROVIDER_UNAVAILABLE),
        ([THROTTLED], BlockReason.PROVIDER_UNAVAILABLE),
    ],
    ids=lambda value: str(value),
)
def test_a_provider_blocks_its_own_lane_only(
    subject: Callable[..., Subject], reports: list[ProviderReport], reason: BlockReason
) -> None:
    found = subject(s3_bucket=None)
    for report in reports:
        found.gate.record(report)

    assert found.look() is reason
    assert found.may_claim()
    assert found.gate.allowed(MISTRAL) == 0
    assert found.gate.allowed(EMBEDDED) is None


def test_without_mistral_its_missing_key_is_no_reason(subject: Callable[..., Subject]) -> None:
    assert subject(mistral_api_key=None, s3_bucket=None).look() is (
        BlockReason.PROVIDER_MISCONFIGURED
    )
    embedded = subject(ocr_engine=EMBEDDED, mistral_api_key=None, s3_bucket=None)
    assert embedded.look() is None


def test_nothing_is_claimed_and_nothing_blamed_before_the_first_look_at_the_bucket(
    subject: Callable[..., Subject],
) -> None:
    found = subject()

    assert found.look() is None
    assert not found.may_claim()

    found.store.record(StoreReport(None))
    assert found.look() is None
    assert found.may_claim()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_change_is_logged_once(
    subject: Callable[..., Subject], capsys: pytest.CaptureFixture[str]
) -> None:
    found = subject(s3_bucket=None)

    for is_paused in (False, True, True, False, False):
        found.look(is_paused=is_paused)
    found.gate.drain()

    lines = [line for line in logged(capsys) if line["event"] == "claims.state"]
    assert [(line["event"], line["reason"], line["was"]) for line in lines] == [
        ("claims.state", "paused", None),
        ("claims.state", None, "paused"),
        ("claims.state", "draining", None),
    ]


def test_a_database_that_fails_on_and_on_is_logged_once(
    subject: Callable[..., Subject], capsys: pytest.CaptureFixture[str]
) -> None:
    found = subject(s3_bucket=None)

    for _ in range(3):
        found.gate.database_failed(LOCKED)

    events = [line["event"] for line in logged(capsys)]
    assert events == ["supervisor.database_failed", "claims.state"]
