"""The besieged service: start.sh with its defaults, three keys, and what it uses."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.driver import sqlite
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import EMBEDDED
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support.api_server import free_port
from tests.support.commands import Operator
from tests.support.soundness import Place
from tests.support.start_script import StartScript

MIB = 1024 * 1024
METRICS_TOKEN = "scrape"
NAMES = ("innocent", "attacker-a", "attacker-b")
ATTACKERS_TERMS = {"--waiting": "200", "--storage": "2GB"}
"""Shares of the attackers' keys, as far as `ilios keys create` knows them."""


@dataclass(frozen=True, slots=True)
class Service:
    """What runs, and the secrets of its keys by their names."""

    script: StartScript
    place: Place
    operator: Operator
    keys: dict[str, str]

    @property
    def port(self) -> int:
        return self.place.settings.port

    @property
    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            script = psutil.Process(self.script.process.pid)
            return [script, *script.children(recursive=True)]
        return []

    @property
    def parsers(self) -> list[psutil.Process]:
        """The processes that open documents: children of the supervisor's workers."""
        workers = [one for main in self.script.children("supervisor") for one in main.children()]
        return [parser for worker in workers for parser in _spawned(worker)]

    def memory_bytes(self) -> dict[str, int]:
        """Return the PSS of each process: of shared pages each is charged its part."""
        found: dict[str, int] = {}
        for one in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended a moment ago
                found[f"{one.pid} {one.name()}"] = _pss_bytes(one)
        return found

    def processor_seconds(self) -> float:
        """Return what the processes that live have used so far."""
        return sum(_processor_seconds(one) for one in self.processes)

    def folder_bytes(self) -> dict[str, int]:
        """Return what lies in each part of the data folder; of the database, what its rows take."""
        settings = self.place.settings
        found = {"rows": _row_bytes(settings.database_path)}
        for name in ("objects", "tmp", "answers"):
            files = (settings.data_folder / name).rglob("*")
            found[name] = sum(path.stat().st_size for path in files if path.is_file())
        return found

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.place.settings.data_folder).free


@contextmanager
def started(folder: Path, port: int | None) -> Iterator[Service]:
    """Provide the service when it is ready. Only the checker knows the provider's stand-in."""
    with MistralServer() as provider:
        settings = Settings(data_dir=folder / "data").model_copy(
            update={
                "port": port or free_port(),
                "ocr_engine": EMBEDDED,
                "metrics_token": SecretStr(METRICS_TOKEN),
            }
        )
        data_folder.prepare(settings)
        script = StartScript(settings, folder / "service.log")
        try:
            script.wait_until_ready()
            operator = Operator(settings)
            database = SqliteDatabase(settings.database_path)
            with contextlib.closing(database):
                stand_in = {
                    "mistral_api_key": SecretStr(API_KEY),
                    "mistral_server_url": provider.url,
                }
                place = Place(settings.model_copy(update=stand_in), database, provider)
                yield Service(script, place, operator, {n: _key(operator, n) for n in NAMES})
        finally:
            script.close()


def _key(operator: Operator, name: str) -> str:
    known = operator.run("keys", "create", "--help").stdout
    terms = [word for pair in ATTACKERS_TERMS.items() if pair[0] in known for word in pair]
    done = operator.run(
        "keys", "create", name, "--json", *(terms if name.startswith("attacker") else [])
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return str(json.loads(done.stdout)["secret"])


def _pss_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _spawned(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children()
    return []


def _processor_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _row_bytes(path: Path) -> int:
    with contextlib.closing(sqlite.connect(str(path))) as connection:
        size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
    return int(size * (pages - free))
