"""Adoption with real processes: killed at any moment, and served from afterwards."""

from __future__ import annotations

import shutil
import signal
from datetime import datetime
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from ilios.core import clock
from ilios.core.settings import Settings
from tests.support import predecessor
from tests.support.api_server import free_port
from tests.support.forking import run_python
from tests.support.migrating import environment, upgrade
from tests.support.predecessor import (
    ANNA,
    BERT,
    CONTENTS,
    GOING_ON,
    KEYS,
    Predecessor,
    cuid,
)
from tests.support.start_script import Start, StartScript
from tests.support.waiting import wait_until

CONVERSION_TIMEOUT_S = 60.0

KILLED = """
import os, signal, sys
from alembic.config import main
from sqlalchemy import event
from sqlalchemy.engine import Engine

_, point = sys.argv
renamed = False

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@event.listens_for(Engine, "before_cursor_execute")
def statement(_connection, _cursor, text, *_):
    if text.strip().startswith(point):
        die()

def audit(name, arguments):
    global renamed
    if name == point or (renamed and point == "after os.rename" and name == "open"):
        die()
    renamed = renamed or name == "os.rename"

sys.addaudithook(audit)
main(["upgrade", "head"])
"""
"""Runs the upgrade until it comes to a statement, or to a call of the system."""

POINTS = (
    "CREATE TABLE job_queue",
    "INSERT INTO pages",
    "INSERT INTO usage",
    "os.chmod",
    "os.link",
    "os.rename",
    "after os.rename",
)


@pytest.fixture(scope="module")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the predecessor's database with everything that real ones hold, to be copied."""
    full = Predecessor(tmp_path_factory.mktemp("full") / "ilios.db")
    predecessor.fill(full)
    return full.path


@pytest.fixture
def old(tmp_path: Path, full_file: Path) -> Settings:
    """Provide settings of a small service whose database is still the predecessor's."""
    settings = Settings(
        data_dir=tmp_path / "data",
        api_key=SecretStr(f"{ANNA},{BERT}"),
        port=free_port(),
        worker_count=1,
        web_concurrency=1,
    )
    settings.data_folder.mkdir()
    shutil.copy(full_file, settings.data_folder)
    return settings


def is_adopted(settings: Settings) -> bool:
    tables = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    return bool(Predecessor(settings.database_path).execute(tables))


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_moment_either_the_old_or_the_new_database_is_there_complete(
    old: Settings, point: str
) -> None:
    documents = "SELECT id FROM documents ORDER BY id"
    before = Predecessor(old.database_path).execute(documents)

    killed = run_python("-c", KILLED, point, environment=environment(old))

    assert killed.returncode == -signal.SIGKILL
    assert is_adopted(old) == (point == "after os.rename")
    assert Predecessor(old.database_path).execute(documents) == before

    upgrade(old)

    assert is_adopted(old)
    assert Predecessor(old.database_path).execute(documents) == before
    (backup,) = old.data_folder.glob("ilios.predecessor-*.db")
    assert Predecessor(backup).execute(documents) == before
    assert not list(old.data_folder.glob("*.adopting*"))


class Client:
    """Somebody with a key, over HTTP."""

    def __init__(self, settings: Settings, key: str) -> None:
        self._base = f"http://127.0.0.1:{settings.port}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> requests.Response:
        return self._session.get(f"{self._base}{path}", timeout=10)

    def content(self, name: str) -> str:
        answer = self.get(f"/api/documents/{cuid(name)}")
        answer.encoding = "utf-8"
        return answer.text

    def status(self, name: str) -> str:
        return str(self.get(f"/api/documents/status/{cuid(name)}").json()["status"])

    def sums(self, until: datetime) -> dict[str, int]:
        path = f"/api/usage/summary?endDate={until:%Y-%m-%dT%H:%M:%SZ}"
        found: dict[str, int] = self.get(path).json()["summary"]
        return found


def serve(start: Start, settings: Settings) -> StartScript:
    script = start(settings)
    script.wait_until_ready()
    return script


def with_a_key(folder: Path) -> dict[str, bool]:
    """Return the database's files, and whether a key is in them."""
    files = {path.name: path.read_bytes() for path in folder.glob("ilios.db*") if path.is_file()}
    return {name: any(key.encode() in held for key in KEYS) for name, held in files.items()}


def test_a_deployment_of_the_predecessor_goes_on_as_ilios_and_leaves_no_key_in_its_files(
    start: Start, old: Settings
) -> None:
    sums = {key: Predecessor(old.database_path).sums(key) for key in KEYS}
    predecessor.store_originals(old)
    before = clock.now()  # the conversions that go on are booked later

    script = serve(start, old)

    anna, bert = (Client(old, key) for key in KEYS)
    assert {name: anna.content(name) for name in CONTENTS} == CONTENTS
    assert bert.content("of-bert") == "Bert's"
    assert {key: sums[key].items() <= Client(old, key).sums(before).items() for key in KEYS} == {
        ANNA: True, BERT: True,
    }  # fmt: skip
    wait_until(
        lambda: {anna.status(name) for name in GOING_ON} == {"completed"}, CONVERSION_TIMEOUT_S
    )
    assert {name: anna.content(name) for name in GOING_ON} == {
        name: f"I am {name}." for name in GOING_ON
    }
    assert [line for line in script.lines if "database.adopted" in line]
    assert not [key for key in KEYS if key in script.log]
    found = with_a_key(old.data_folder)
    assert found.keys() >= {"ilios.db", "ilios.db-wal"}
    assert not any(found.values())

    script.process.terminate()
    assert script.wait() == 0
    again = serve(start, old)

    assert "database.adopted" not in again.log
    assert {name: anna.content(name) for name in CONTENTS} == CONTENTS
    assert len(list(old.data_folder.glob("ilios.predecessor-*.db"))) == 1
