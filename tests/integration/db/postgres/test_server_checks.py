"""What is looked at before a PostgreSQL server is used."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.core.settings import Settings
from ilios.db.postgres import server_checks
from ilios.db.postgres.driver import connect, psycopg
from ilios.db.postgres.server_checks import Need, Server
from tests.postgres_server.process import OPTIONS, PostgresServer

URL = "postgresql://ilios@db/ilios"
USABLE = Server(
    17, is_standby=False, encoding="UTF8", is_behind_pooler=False, places=97, taken=0, risks=()
)


def settings(**more: object) -> Settings:
    return Settings(data_dir=Path("/data"), database_url=SecretStr(URL)).model_copy(update=more)


def test_a_server_of_the_tests_can_be_used_and_is_not_durable(url: str) -> None:
    with closing(connect(url)) as connection:
        found = server_checks.look(connection)

    assert list(server_checks.faults(found, settings())) == []
    assert found.places == int(OPTIONS["max_connections"]) - 3
    assert found.risks == ("fsync", "full_page_writes", "synchronous_commit")


def test_what_others_have_taken_is_counted(postgres_server: PostgresServer, url: str) -> None:
    with closing(connect(url)) as connection:
        before = server_checks.look(connection)
        with postgres_server.connect(), postgres_server.connect():
            after = server_checks.look(connection)

    assert after.taken >= before.taken + 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 16}, "PostgreSQL 16, which is too old. Use 17 or newer."),
        ({"is_standby": True}, "a standby"),
        ({"encoding": "LATIN1"}, "the encoding LATIN1"),
        ({"is_behind_pooler": True}, "DATABASE_URL leads to a pooler"),
        ({"places": 25}, "25 connections for us, and this node may need 26"),
    ],
)
def test_each_fault_is_one_line(changes: dict[str, object], says: str) -> None:
    server = Server(**{**{name: getattr(USABLE, name) for name in USABLE.__slots__}, **changes})

    (fault,) = server_checks.faults(server, settings())

    assert says in fault.refusal().detail
    assert "\n" not in fault.refusal().detail


def test_a_node_needs_less_of_the_server_behind_a_pooler() -> None:
    need = Need.of(settings())

    assert need == (23, 3)
    assert need.at_server(has_pooler=False) == 26
    assert need.at_server(has_pooler=True) == 3


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ('FATAL: password authentication failed for user "ilios"', "%40"),
        ("FATAL: sorry, too many clients already", "max_connections"),
        ('FATAL: no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
        ("FATAL: the database system is starting up", "once the server is ready"),
        ("could not translate host name: Name or service not known", "Correct the host"),
        ("session is read-only", "Name the primary"),
        ("FATAL: Passwort-Authentifizierung fehlgeschlagen", "Check the URL, the password"),
    ],
)
def test_what_the_server_says_has_a_remedy(said: str, remedy: str) -> None:
    error = psycopg.OperationalError(f"connection failed: connection to server failed: {said}")

    fault = server_checks.unreachable(error, "DATABASE_URL")

    assert said in fault.cause
    assert remedy in fault.remedy
