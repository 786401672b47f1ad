"""Requests that nobody would think of, made from our own OpenAPI document.

`make test` sends one short round, the same each time. `make fuzz REQUESTS=20000` sends rounds, each
with a seed of its own, until so many were answered.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from ilios.core.settings import Settings
from ilios.db.database import Database
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_server import free_port
from tests.support.fuzzing import FuzzedService, Tenant

REQUESTS = int(os.environ.get("ILIOS_FUZZ_REQUESTS", "1"))
EXAMPLES, EACH = (2, 1) if REQUESTS == 1 else (60, 3)
"""For each operation in a round, and documents in each status."""


@pytest.fixture
def service(api_settings: Settings, database: Database) -> Iterator[FuzzedService]:
    changed = {"port": free_port(), "web_concurrency": 1, "worker_count": 1}
    changed["convert_wait_seconds"] = 240
    with closing(FuzzedService(api_settings.model_copy(update=changed), database, EACH)) as service:
        yield service


def test_no_request_has_an_unexpected_answer(service: FuzzedService) -> None:
    before = service.answered()  # while it started
    tenants = [Tenant(KEY, "of-anna"), Tenant(OTHER_KEY, "of-bert")]
    for seed in itertools.count(1):
        other, tenant = tenants
        service.furnish(other)
        service.furnish(tenant)

        done = service.fuzz(tenant, other, seed=seed, examples=EXAMPLES)

        assert done.returncode == 0, f"seed {seed}: {done.stdout}{done.stderr}"
        answers = service.answered() - before
        print(
            f"seed {seed}: {answers.total()} requests so far, by status: {sorted(answers.items())}"
        )
        assert not [status for status in answers if status >= 500]
        if answers.total() >= REQUESTS:
            return
        tenants.reverse()
