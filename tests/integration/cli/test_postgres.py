"""PostgreSQL databases with one thing wrong: a start says so in one line, so does the doctor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import schema_version
from ilios.storage.opening import open_store
from tests.postgres_server.process import PostgresServer, programs
from tests.support.api_server import free_port
from tests.support.commands import Operator
from tests.support.forking import REPOSITORY

PASSWORD: Final = "r1ght p@ss"
WRONG: Final = "wr0ng-p@ss"


@dataclass
class Spoilt:
    """A service in order on a database of its own, for a test to spoil."""

    server: PostgresServer
    guarded: PostgresServer  #: whose user `guarded` needs a password
    standby: PostgresServer
    operator: Operator
    name: str
    stack: ExitStack = field(default_factory=ExitStack)

    def change(self, url: str | None = None, **settings: Any) -> None:
        urls = {} if url is None else {"database_url": SecretStr(url)}
        self.operator.settings = self.operator.settings.model_copy(update={**urls, **settings})

    def execute(self, *statements: str, database: str = "postgres") -> None:
        with self.server.connect(database) as admin:
            for statement in statements:
                admin.execute(statement.encode())


@pytest.fixture(scope="module")
def guarded(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    assert postgres_server  # where it is missing, this one is too
    with closing(PostgresServer(programs())) as server:
        with server.connect() as admin:
            admin.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'".encode())
        server.require_password("guarded")
        yield server


@pytest.fixture(scope="module")
def standby(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    assert postgres_server
    with closing(PostgresServer(programs())) as server:
        server.become_standby()
        yield server


@pytest.fixture
def spoilt(
    postgres_server: PostgresServer,
    postgres_template: str,
    guarded: PostgresServer,
    standby: PostgresServer,
    tmp_path: Path,
) -> Iterator[Spoilt]:
    with postgres_server.database(postgres_template) as name:
        settings = Settings(
            data_dir=tmp_path / "data",
            database_url=SecretStr(postgres_server.url(name)),
            log_format="console",
        ).model_copy(update={"port": free_port(), "web_concurrency": 1, "worker_count": 1})
        data_folder.prepare(settings)
        open_store(settings)
        spoilt = Spoilt(postgres_server, guarded, standby, Operator(settings), name)
        with spoilt.stack:
            yield spoilt


Seed = Callable[[Spoilt], None]


def a_wrong_password(spoilt: Spoilt) -> None:
    url = spoilt.guarded.url("postgres", "guarded")
    spoilt.change(url.replace("guarded@", f"guarded:{WRONG.replace('@', '%40')}@"))


def a_missing_password(spoilt: Spoilt) -> None:
    spoilt.change(spoilt.guarded.url("postgres", "guarded"))


def a_database_that_is_not_there(spoilt: Spoilt) -> None:
    spoilt.change(spoilt.server.url("absent"))


def a_user_that_is_not_there(spoilt: Spoilt) -> None:
    spoilt.change(spoilt.server.url(spoilt.name, "nobody_knows"))


def a_server_that_does_not_run(spoilt: Spoilt) -> None:
    spoilt.change(f"postgresql://ilios@127.0.0.1:{free_port()}/ilios")


def a_socket_that_is_not_there(spoilt: Spoilt) -> None:
    spoilt.change("postgresql://ilios@/ilios?host=%2Fnonexistent")


def a_standby(spoilt: Spoilt) -> None:
    spoilt.change(spoilt.standby.url("postgres"))


def an_encoding_that_lacks_letters(spoilt: Spoilt) -> None:
    spoilt.execute(
        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0",
    )
    spoilt.stack.callback(spoilt.execute, "DROP DATABASE ascii WITH (FORCE)")
    spoilt.change(spoilt.server.url("ascii"))


def a_server_that_is_too_old(spoilt: Spoilt) -> None:
    """Have this one say of itself what an old one does."""
    spoilt.execute(
        "CREATE FUNCTION public.current_setting(name text) RETURNS text LANGUAGE sql AS "
        "$$ SELECT CASE name WHEN 'server_version_num' THEN '160004' "
        "ELSE pg_catalog.current_setting(name) END $$",
        f"ALTER DATABASE {spoilt.name} SET search_path = public, pg_catalog",
        database=spoilt.name,
    )


def a_pool_that_the_server_has_not_enough_for(spoilt: Spoilt) -> None:
    spoilt.change(database_pool_size=64)


def a_user_with_few_connections(spoilt: Spoilt) -> None:
    spoilt.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 5")
    spoilt.stack.callback(spoilt.execute, "DROP ROLE few")
    spoilt.change(spoilt.server.url(spoilt.name, "few"))


def a_schema_of_a_newer_version(spoilt: Spoilt) -> None:
    spoilt.execute(
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE cluster SET least_compatible = 9999",  # it takes no nodes of this one
        database=spoilt.name,
    )


def a_driver_that_is_missing(spoilt: Spoilt) -> None:
    other = spoilt.operator.settings.data_folder.parent / "other" / "psycopg"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise ImportError('no pq wrapper available')\n")
    spoilt.operator.prefix = ("env", f"PYTHONPATH={other.parent}{os.pathsep}{REPOSITORY}")


REFUSED: Final = [
    (a_wrong_password, "password authentication failed", "Set its password right"),
    (a_missing_password, "no password supplied", "Write the password into it"),
    (a_database_that_is_not_there, 'database "absent" does not exist', "CREATE DATABASE"),
    (a_user_that_is_not_there, 'role "nobody_knows" does not exist', "CREATE ROLE"),
    (a_server_that_does_not_run, "Connection refused", "Start the server"),
    (a_socket_that_is_not_there, "No such file or directory", "Start the server"),
    (a_standby, "names a standby, which cannot be written", "target_session_attrs=read-write"),
    (an_encoding_that_lacks_letters, "has the encoding SQL_ASCII", "ENCODING 'UTF8'"),
    (a_server_that_is_too_old, "names PostgreSQL 16, which is too old", "Use 17 or newer"),
    (a_pool_that_the_server_has_not_enough_for, "this node may need 133", "put a pooler between"),
    (a_user_with_few_connections, "has 5 connections for us", "Raise max_connections"),
    (a_schema_of_a_newer_version, "which is newer than this version", "Start the newer version"),
    (a_driver_that_is_missing, "driver of PostgreSQL is not installed", "ilios[postgres]"),
]


@pytest.mark.parametrize(("seed", "says", "remedy"), REFUSED)
def test_a_start_is_refused_in_one_line_with_the_remedy_and_the_doctor_finds_it_too(
    spoilt: Spoilt, seed: Seed, says: str, remedy: str
) -> None:
    seed(spoilt)

    done = spoilt.operator.run("migrate")
    diagnosis = spoilt.operator.diagnosis()

    (line,) = (done.stderr + done.stdout).splitlines()
    assert done.returncode
    assert says in line
    assert remedy.lower() in line.lower()
    assert WRONG not in line
    assert WRONG.replace("@", "%40") not in line
    (found,) = diagnosis.of("error")
    assert found["check"] == "database"
    assert says in found["detail"]
    assert remedy.lower() in found["remedy"].lower()
    assert diagnosis.exit_code


def test_a_service_in_order_has_no_findings(spoilt: Spoilt) -> None:
    data_folder.node_id(spoilt.operator.settings)

    diagnosis = spoilt.operator.diagnosis()

    # The server of the tests is told not to wait for its disk.
    assert diagnosis.of("error") == []
    assert [one["check"] for one in diagnosis.of("warning")] == ["durability"]
    assert {"database", "connections", "stored bytes", "webhooks", "search index"} <= {
        one["check"] for one in diagnosis.of("ok")
    }


def test_an_empty_database_is_filled_by_the_first_start(spoilt: Spoilt) -> None:
    with spoilt.server.database() as name:
        spoilt.change(spoilt.server.url(name))

        before = spoilt.operator.diagnosis()
        done = spoilt.operator.run("migrate")
        after = spoilt.operator.diagnosis()

    assert any("the first start fills it" in one["detail"] for one in before.of("ok"))
    assert done.returncode == 0
    assert any("as this version needs it" in one["detail"] for one in after.of("ok"))
    assert not list(spoilt.operator.settings.data_folder.glob("*.db*"))


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DROP TABLE daily_usage", "lacks the table daily_usage"),
        ("ALTER TABLE documents DROP COLUMN info", "lacks the column documents.info"),
        ("DROP INDEX ix_job_ready", "lacks the index ix_job_ready"),
        ("DROP TRIGGER webhooks_document_added ON documents", "lacks the trigger"),
    ],
)
def test_what_another_program_has_removed_is_found(
    spoilt: Spoilt, statement: str, says: str
) -> None:
    spoilt.execute(statement, database=spoilt.name)

    found = [one for one in spoilt.operator.diagnosis().of("error") if one["check"] == "database"]

    assert [says in one["detail"] for one in found] == [True]


def test_connections_that_others_have_taken_are_found(spoilt: Spoilt) -> None:
    spoilt.change(database_pool_size=40)  # twice that, and some
    for _ in range(15):
        spoilt.stack.enter_context(spoilt.server.connect())

    (found,) = [
        one for one in spoilt.operator.diagnosis().of("warning") if one["check"] == "connections"
    ]

    assert "this node may need 85 more" in found["detail"]


def test_holdings_that_are_noted_wrongly_are_found_and_counted_anew(spoilt: Spoilt) -> None:
    spoilt.execute(
        "INSERT INTO owner_totals (owner, stored_bytes, announced_bytes, waiting_documents) "
        "VALUES ('somebody', 1, 2, 3)",
        database=spoilt.name,
    )

    (found,) = spoilt.operator.diagnosis().of("error")
    done = spoilt.operator.run("keys", "recount")

    assert found["check"] == "stored bytes"
    assert done.stdout.startswith("1 corrected")
    assert spoilt.operator.diagnosis().of("error") == []


def test_commands_work_on_the_database(spoilt: Spoilt) -> None:
    for arguments, says in (
        (("keys", "create", "anna"), "ilios"),
        (("keys", "list"), "anna"),
        (("queue", "pause"), ""),
        (("queue", "resume"), ""),
        (("jobs", "list"), ""),
        (("search", "status"), "Every document is indexed."),
        (("retention", "--dry-run"), ""),
    ):
        done = spoilt.operator.run(*arguments)

        assert done.returncode == 0, (arguments, done.stderr)
        assert says in done.stdout + done.stderr


def test_a_backup_without_the_programs_of_postgresql_is_refused(
    spoilt: Spoilt, tmp_path: Path
) -> None:
    spoilt.operator.variables["POSTGRES_PROGRAMS"] = str(tmp_path)

    done = spoilt.operator.run("backup", tmp_path / "backup.dump")

    assert done.returncode == 1
    assert "There is no pg_dump" in done.stderr
    assert "postgresql-client-" in done.stderr
    assert list(tmp_path.glob("*backup*")) == []


def test_a_backup_of_the_database_alone_is_a_dump(spoilt: Spoilt, tmp_path: Path) -> None:
    spoilt.operator.variables["POSTGRES_PROGRAMS"] = str(programs())

    done = spoilt.operator.run("backup", tmp_path / "backup.dump")

    assert done.returncode == 0, done.stderr
    assert "0 documents, 0 pages, 0 jobs, 0 calls; checked." in done.stdout
    assert (tmp_path / "backup.dump").read_bytes()[:5] == b"PGDMP"
    assert (tmp_path / "backup.dump").stat().st_mode & 0o777 == 0o600


def test_a_database_that_was_moved_elsewhere_is_refused(spoilt: Spoilt) -> None:
    spoilt.execute("UPDATE alembic_version SET version_num = 'moved-x'", database=spoilt.name)

    with pytest.raises(DatabaseRefused, match="was moved to another database"):
        schema_version.require_current(spoilt.operator.settings)
    assert "was moved to another database" in spoilt.operator.run("migrate").stderr


def test_a_schema_of_before_is_refused_by_what_does_not_migrate(spoilt: Spoilt) -> None:
    spoilt.execute("UPDATE alembic_version SET version_num = '0001'", database=spoilt.name)

    with pytest.raises(DatabaseRefused, match="run `ilios migrate`"):
        schema_version.require_current(spoilt.operator.settings)
