"""A client that sends again while its first request waits meets the conversion under way."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ilios.db.database import Database
from ilios.db.models import Call, Document, Job
from tests.support.api_callers import Caller
from tests.support.api_fixtures import KEY
from tests.support.api_working import InTestWorker
from tests.support.waiting import wait_until

CALLS = ("/v1/openwebui/process", "/tika", "/tika/text", "/tika/json/md", "/rmeta/text")


@pytest.mark.parametrize("path", CALLS)
def test_the_provider_is_called_once(
    app: Flask, worker: InTestWorker, database: Database, path: str
) -> None:
    statuses: list[int] = []

    def send() -> None:
        answer = Caller(app.test_client(), KEY).put(path, b"sent again and again")
        statuses.append(answer.status_code)

    def count(model: Any) -> int:
        with database.reading() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    clients = [threading.Thread(target=send) for _ in range(3)]
    for client in clients:
        client.start()
    wait_until(lambda: count(Document) == len(clients), timeout_s=60)
    worker.work()
    for client in clients:
        client.join()

    assert statuses == [200, 200, 200]
    assert (count(Job), count(Call)) == (1, 1)
