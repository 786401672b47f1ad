"""`ilios migrate --to`, as an operator runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.core import clock, data_folder
from ilios.core.processes import lock_file
from ilios.db.database import Database
from ilios.db.opening import open_database
from tests.postgres_server.process import PostgresServer
from tests.support import documents
from tests.support.commands import Operator
from tests.support.forking import start_python
from tests.support.migrating import environment
from tests.support.waiting import wait_until

COPY_TIMEOUT_S = 60


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as name:
        yield postgres_server.url(name)
    clock.follow(None)


def test_it_says_what_has_arrived_and_how_to_go_on(
    operator: Operator, database: Database, url: str, tmp_path: Path
) -> None:
    documents.add_document(database, settings=operator.settings)
    database.close()

    done = operator.run("migrate", "--to", url)

    assert done.returncode == 0, done.stderr
    assert "documents: 1 rows, SHA-256 " in done.stdout
    assert "Moved to PostgreSQL: 3 rows, 0 objects, all compared." in done.stdout
    assert "LOCAL_DB_PATH unset" in done.stdout
    refused = operator.run("migrate")
    assert refused.returncode
    assert "was moved to another database" in refused.stderr

    operator.variables["DATABASE_URL"] = url
    back = operator.run("migrate", "--to", f"sqlite:///{tmp_path}/back.db")
    assert back.returncode == 0, back.stderr
    assert f"LOCAL_DB_PATH={tmp_path}/back.db" in back.stdout


def test_one_that_is_killed_is_run_again(
    operator: Operator, database: Database, url: str, tmp_path: Path
) -> None:
    for _ in range(20):
        documents.add_document(database)
    database.close()
    lock = lock_file(data_folder.supervisor_lock(operator.settings), 0)  # a service that runs
    output = tmp_path / "output"
    with output.open("ab") as file:
        process = start_python(
            "-m",
            "ilios",
            "migrate",
            "--to",
            url,
            environment=environment(operator.settings),
            stdout=file,
        )
    wait_until(lambda: "Stop the service" in output.read_text(), COPY_TIMEOUT_S)
    process.kill()
    process.wait()
    os.close(lock)

    done = operator.run("migrate", "--to", url)

    assert done.returncode == 0, done.stderr
    there = operator.settings.model_copy(update={"database_url": SecretStr(url)})
    with closing(open_database(there)) as remote:
        assert len(documents.documents(remote)) == 20


def test_a_command_line_that_makes_no_sense_is_refused(operator: Operator) -> None:
    assert operator.run("migrate", "--objects", "s3://scans").returncode == 2
    assert operator.run("backup", "--check", "--force", "x").returncode == 2
    assert operator.run("backup", "--objects", "x").returncode == 2


def test_a_secret_of_the_url_is_not_printed(operator: Operator) -> None:
    done = operator.run("migrate", "--to", "postgresql://me:s3cr3t@127.0.0.1:1/ilios")

    assert done.returncode == 1
    assert "cannot be opened" in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr
