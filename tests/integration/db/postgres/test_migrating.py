"""Migrations of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, inspect, text

from ilios.core import clock
from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import owner_totals
from ilios.db.database import Scope
from ilios.db.models import REVISION, Base
from ilios.db.postgres import migrating, schema
from ilios.db.postgres.database import PostgresDatabase, engine
from tests.postgres_server.process import PostgresServer
from tests.support.migrating import alembic, upgrade
from tests.support.waiting import wait_until


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url=SecretStr(url))


@pytest.fixture
def migrated(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Connection]:
    with (
        postgres_server.database(postgres_template) as name,
        engine(postgres_server.url(name)).connect() as connection,
    ):
        yield connection


def test_an_empty_database_gets_every_table_column_and_index_of_the_models(
    migrated: Connection,
) -> None:
    found = inspect(migrated)

    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column for column in found.get_columns(table.name)}
        indexes = {index["name"]: index for index in found.get_indexes(table.name)}
        own = {"writer"} if table.name in schema.SUMS else set()
        assert columns.keys() == {column.name for column in table.columns} | own
        assert all(columns[one.name]["nullable"] == one.nullable for one in table.columns)
        assert indexes.keys() == {index.name for index in table.indexes}
        for index in table.indexes:
            is_partial = index.dialect_options["sqlite"]["where"] is not None
            options = indexes[str(index.name)].get("dialect_options", {})
            assert ("postgresql_where" in options) == is_partial
    assert migrated.scalar(text("SELECT version_num FROM alembic_version")) == REVISION
    assert migrated.scalar(text("SELECT count(*) FROM instance")) == 1


def test_texts_are_compared_by_code_points(migrated: Connection) -> None:
    names = "SELECT collname FROM pg_collation JOIN pg_attribute ON attcollation = pg_collation.oid"

    found = migrated.execute(text(f"{names} WHERE attrelid = 'documents'::regclass AND attnum > 0"))

    assert set(found.scalars()) == {"pg_c_utf8"}


def test_the_triggers_are_there_under_the_names_that_sqlite_has(migrated: Connection) -> None:
    found = migrated.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"))

    assert owner_totals._triggers().keys() <= set(found.scalars())


def test_a_second_upgrade_changes_nothing(settings: Settings, url: str) -> None:
    upgrade(settings)
    instances = "SELECT id FROM instance"
    with engine(url).connect() as connection:
        before = connection.scalar(text(instances))

    upgrade(settings)

    with engine(url).connect() as connection:
        assert connection.scalar(text(instances)) == before


def test_nodes_that_migrate_at_once_wait_for_each_other(settings: Settings, url: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: upgrade(settings), range(3)))

    with engine(url).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM instance")) == 1


def test_a_database_of_another_program_is_refused(settings: Settings, url: str) -> None:
    with engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE theirs (n INTEGER)"))

    done = alembic(settings, "upgrade", "head")

    assert done.returncode
    assert "has tables of another program" in done.stderr + done.stdout
    assert url not in done.stderr + done.stdout


def test_a_newer_schema_is_refused(settings: Settings, url: str) -> None:
    with engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))

    with pytest.raises(DatabaseRefused, match="newer"), migrating.exclusive(settings, {REVISION}):
        pass


def test_a_server_that_is_not_there_is_refused_in_one_line(
    settings: Settings, postgres_server: PostgresServer
) -> None:
    absent = of(settings, postgres_server.url("absent"))

    with (
        pytest.raises(DatabaseRefused, match="cannot be opened") as refusal,
        migrating.exclusive(absent, {REVISION}),
    ):
        pass

    assert "\n" not in refusal.value.detail


def test_a_user_who_may_not_make_tables_is_told(
    settings: Settings, postgres_server: PostgresServer
) -> None:
    with postgres_server.database() as name, postgres_server.connect() as admin:
        admin.execute("CREATE ROLE humble LOGIN")
        try:
            with (
                pytest.raises(DatabaseRefused, match="GRANT CREATE"),
                migrating.exclusive(of(settings, postgres_server.url(name, "humble")), {REVISION}),
            ):
                pass
        finally:
            admin.execute("DROP ROLE humble")


def test_a_migration_waits_for_who_writes_so_that_neither_has_what_the_other_waits_for(
    settings: Settings, url: str
) -> None:
    upgrade(settings)
    with (
        closing(PostgresDatabase(url)) as database,
        ThreadPoolExecutor(1) as threads,
        database.writing(Scope.ROWS) as session,
    ):
        session.execute(text("UPDATE job_queue SET attempts = attempts"))
        migration = threads.submit(alter, settings, "documents", "job_queue")
        wait_until(lambda: waiting(url) == 1, timeout_s=30)
        session.execute(text("UPDATE documents SET error = error"))
    migration.result()
    clock.follow(None)


def test_a_migration_that_waits_for_a_reader_that_waits_for_it_is_undone_in_one_line(
    settings: Settings, url: str
) -> None:
    upgrade(settings)
    with engine(url).connect() as reader, ThreadPoolExecutor(1) as threads:
        reader.execute(text("BEGIN; SET LOCAL deadlock_timeout = '10min'"))  # it looks for none
        reader.execute(text("SELECT count(*) FROM job_queue"))

        def read() -> None:
            threads.submit(reader.execute, text("SELECT count(*) FROM documents"))
            wait_until(lambda: waiting(url) == 1, timeout_s=30)

        with pytest.raises(DatabaseRefused, match="run it again") as refusal:
            alter(settings, "documents", "job_queue", between=read)

    assert "\n" not in refusal.value.detail


def alter(settings: Settings, *tables: str, between: Callable[[], None] | None = None) -> None:
    """Do what a migration does; and something else after the first table."""
    with migrating.exclusive(settings, {REVISION}) as connection:
        assert connection is not None
        for number, table in enumerate(tables):
            if number == 1 and between is not None:
                between()
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN colour TEXT"))


def waiting(url: str) -> int:
    """Return how many connections of this database wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    here = " AND datname = current_database()"
    with engine(url).connect() as connection:
        return int(connection.scalar(text(query + here)) or 0)


def test_another_nodes_migration_is_not_waited_for_without_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with migrating.exclusive(settings, {REVISION}):
        monkeypatch.setattr(migrating, "WAIT_SECONDS", 1)

        with (
            pytest.raises(DatabaseRefused, match="Another node has been migrating"),
            migrating.exclusive(settings, {REVISION}),
        ):
            pass


def test_a_migration_goes_past_the_pooler(settings: Settings, url: str) -> None:
    beside = settings.model_copy(
        update={
            "database_url": SecretStr("postgresql://ilios@/ilios?host=%2Fnonexistent"),
            "database_direct_url": SecretStr(url),
        }
    )

    upgrade(beside)

    with engine(url).connect() as connection:
        assert schema.revision(connection) == REVISION


def of(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url)})
