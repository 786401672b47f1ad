"""Keys and their limits through a real gunicorn with two workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from ilios.accounts.key_admin import KeyAdmin
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.sqlite_database import SqliteDatabase
from tests.support.api_server import Answer, Server
from tests.support.issuing import issue
from tests.support.waiting import wait_until

QUOTA = 20
USAGE = "/api/usage/summary"


@pytest.fixture(scope="module")
def shared_settings(shared_settings: Settings) -> Settings:
    """Return settings of two processes that serve one port."""
    return shared_settings.model_copy(update={"web_concurrency": 2})


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """Open the server's database."""
    with closing(SqliteDatabase(server.settings.database_path)) as database:
        yield database


def ask(server: Server, secret: str) -> Answer:
    with server.connect() as connection:
        return connection.ask("GET", USAGE, Authorization=f"Bearer {secret}")


def test_the_rate_of_a_key_holds_across_processes(server: Server, database: Database) -> None:
    secret = issue(database, "busy", requests_per_minute=QUOTA).secret

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(server, secret), range(3 * QUOTA)))

    assert Counter(status for status, _, _ in answers) == {200: QUOTA, 429: 2 * QUOTA}
    left = sorted(int(headers["RateLimit"].split("r=")[1].split(";")[0])
                  for status, headers, _ in answers if status == 200)  # fmt: skip
    assert left == list(range(QUOTA))
    assert all(1 <= int(h["Retry-After"]) <= 60 for status, h, _ in answers if status == 429)


def test_a_running_service_knows_of_every_change_at_once(
    server: Server, database: Database
) -> None:
    service = KeyAdmin(database)
    issued = issue(database)
    assert ask(server, issued.secret)[0] == 200

    rotated = service.rotate("team", grace=timedelta(0))
    assert [ask(server, one.secret)[0] for one in (issued, rotated) for _ in range(4)] == (
        [401] * 4 + [200] * 4
    )
    service.revoke("team")

    assert {ask(server, rotated.secret)[0] for _ in range(8)} == {401}


def test_no_secret_is_logged(server: Server, database: Database) -> None:
    issued = issue(database, "watched")
    ask(server, issued.secret)
    KeyAdmin(database).revoke("watched")
    with server.connect() as connection:
        headers = {"Authorization": f"Bearer {issued.secret}", "X-Request-ID": "the-last"}
        connection.ask("GET", USAGE, b"", **headers)

    wait_until(lambda: "the-last" in server.log_path.read_text(), timeout_s=60)
    assert issued.secret not in server.log_path.read_text()
