"""Adoption with real processes: killed at any moment, and served from afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from ilios.settings import Settings
from tests.support import predecessor
from tests.support.api_server import free_port
from tests.support.migrating import REPOSITORY, environment, upgrade
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

_, point, folder = sys.argv
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


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """Settings of a small service whose database is still the predecessor's."""
    settings = Settings(
        data_dir=tmp_path / "data",
        api_key=SecretStr(f"{ANNA},{BERT}"),
        port=free_port(),
        worker_count=1,
        web_concurrency=1,
    )
    predecessor.fill(Predecessor(settings.database_path))
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

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, point, old.data_folder],
        cwd=REPOSITORY,
        env=environment(old),
        check=False,
    )

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

    def sums(self) -> dict[str, int]:
        found: dict[str, int] = self.get("/api/usage/summary").json()["summary"]
        return found


def serve(start: Start, settings: Settings) -> StartScript:
    script = start(settings)
    script.wait_until_ready()
    return script


def test_a_deployment_of_the_predecessor_goes_on_as_ilios(start: Start, old: Settings) -> None:
    sums = {key: Predecessor(old.database_path).sums(key) for key in KEYS}
    predecessor.store_originals(old)

    script = serve(start, old)

    anna, bert = (Client(old, key) for key in KEYS)
    assert {name: anna.content(name) for name in CONTENTS} == CONTENTS
    assert bert.content("of-bert") == "Bert's"
    assert {key: sums[key].items() <= Client(old, key).sums().items() for key in KEYS} == {
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

    script.process.terminate()
    assert script.wait() == 0
    again = serve(start, old)

    assert "database.adopted" not in again.log
    assert {name: anna.content(name) for name in CONTENTS} == CONTENTS
    assert len(list(old.data_folder.glob("ilios.predecessor-*.db"))) == 1


def test_a_running_service_leaves_no_key_in_its_files(start: Start, old: Settings) -> None:
    serve(start, old)

    beside = [p for p in old.data_folder.glob("ilios.db*") if p.is_file()]

    assert {path.name for path in beside} >= {"ilios.db", "ilios.db-wal"}
    assert [p.name for p in beside if any(key.encode() in p.read_bytes() for key in KEYS)] == []
