"""The provider's batch lane, step by step, against our stand-in of the provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import CallState
from ilios.engines.mistral.engine import MistralEngine
from tests.mistral_server.process import MistralServer
from tests.support import batching
from tests.support.batching import (
    BATCH_PAGE_MICROS,
    Check,
    LaneWorker,
    MakeWorker,
    Statuses,
    Submit,
)


@pytest.fixture
def provider(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


@pytest.fixture(scope="session")
def engine_of(mistral_process: MistralServer) -> Iterator[Callable[[Settings], MistralEngine]]:
    """Share an engine, and so a parser child, among tests that need no special one."""
    opened: dict[int, MistralEngine] = {}

    def engine_of(settings: Settings) -> MistralEngine:
        if settings.split_pages not in opened:
            opened[settings.split_pages] = MistralEngine(settings, "instance0of0these0tests0")
        return opened[settings.split_pages]

    yield engine_of
    for engine in opened.values():
        engine.close()


@pytest.fixture
def make_worker(
    settings: Settings,
    database: Database,
    provider: MistralServer,
    engine_of: Callable[[Settings], MistralEngine],
) -> MakeWorker:
    def make(**changes: Any) -> LaneWorker:
        pointed = batching.pointing_at(settings, provider, **changes)
        return LaneWorker(pointed, database, engine_of(pointed))

    return make


@pytest.fixture
def worker(make_worker: MakeWorker) -> LaneWorker:
    return make_worker()


@pytest.fixture
def submit(settings: Settings, database: Database, provider: MistralServer) -> Submit:
    def submit(*contents: bytes, **changes: Any) -> list[str]:
        options, owner = changes.pop("options", None), changes.pop("owner", "anonymous")
        pointed = batching.pointing_at(settings, provider, **changes)
        return batching.submit(pointed, database, contents, options, owner=owner)

    return submit


@pytest.fixture
def statuses(database: Database) -> Statuses:
    return lambda ids: [document.status for document in batching.documents(database, ids)]


@pytest.fixture
def assert_exact(database: Database, provider: MistralServer) -> Check:
    """Assert that the ledger is the provider's bill, that nothing is open, and no file left."""

    def check() -> None:
        calls = batching.calls(database)
        settled = [call for call in calls if call.state is CallState.SETTLED]
        billed = provider.stats().billed_batch_pages
        assert sum(call.pages for call in settled) == billed
        assert sum(call.base_cost_micros for call in settled) == billed * BATCH_PAGE_MICROS
        assert all(call.is_batch for call in calls)
        assert CallState.OPEN not in {call.state for call in calls}
        assert provider.journal().files == []

    return check
