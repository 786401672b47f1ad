"""A whole service by way of PgBouncer in transaction mode."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import schema_version
from tests.pooler.pgbouncer import PgBouncer
from tests.postgres_server.process import PostgresServer
from tests.support.commands import Operator
from tests.support.migrating import alembic, upgrade
from tests.support.on_postgres import running, settings_of, survive, violations
from tests.support.start_script import START_TIMEOUT_S

RECOVERY_S = 60.0


@pytest.fixture
def settings(pgbouncer: PgBouncer, server: PostgresServer, name: str, tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "data", pgbouncer.url(name), server.url(name))


def test_every_document_completes_once_whatever_is_killed(
    settings: Settings, server: PostgresServer, name: str, tmp_path: Path
) -> None:
    with running(settings, tmp_path / "logs", START_TIMEOUT_S) as node:
        survive(node, server, name, RECOVERY_S)

        assert violations(node) == []


def test_the_doctor_finds_nothing(settings: Settings) -> None:
    upgrade(settings)

    diagnosis = Operator(settings).diagnosis()

    wrong = [one for one in diagnosis.of("error") if one["check"] in ("database", "connections")]
    assert wrong == []


def test_a_pooler_in_database_url_alone_is_refused(
    pgbouncer: PgBouncer, name: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "data", pgbouncer.url(name))

    done = alembic(settings, "upgrade", "head")
    diagnosis = Operator(settings).diagnosis()

    assert done.returncode
    assert "DATABASE_URL leads to a pooler" in done.stderr + done.stdout
    (found,) = [one for one in diagnosis.of("error") if "leads to a pooler" in one["detail"]]
    assert "Set DATABASE_DIRECT_URL" in found["remedy"]


def test_urls_of_two_databases_are_refused(
    settings: Settings, server: PostgresServer, pgbouncer: PgBouncer
) -> None:
    upgrade(settings)
    with server.database() as other:
        mixed = settings.model_copy(update={"database_url": SecretStr(pgbouncer.url(other))})

        with pytest.raises(DatabaseRefused, match="two databases"):
            schema_version.require_current(mixed)
