"""What chaos does: kills, and weather that lasts for some seconds."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psutil

from ilios.db.driver import sqlite
from tests.support.breaking import Subject
from tests.support.deployment import kill
from tests.support.faulty_proxy import FaultyProxy, Way

KILL_EVERY_S = (3.0, 9.0)
CALM_S = (2.0, 8.0)  #: between two spells of weather
SPELL_S = (2.0, 8.0)

KILLS = {
    "worker": 6,
    "gunicorn worker": 5,
    "parser": 4,
    "supervisor": 2,
    "gunicorn": 2,
    "everything": 2,
    "SIGTERM": 1,
}
"""Who is killed, and how often in comparison."""

PROVIDER: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "every": 2, "retry_after": "1"},
    "500": {"status": 500, "every": 3},
    "503": {"status": 503, "every": 2},
    "a reset before the work": {"kind": "reset_before", "every": 4},
    "a reset after the work": {"kind": "reset_after", "every": 6},
    "a hanging call": {"kind": "hang", "every": 8, "billed": True},
    "a truncated answer": {"kind": "truncate", "every": 6},
    "a cut answer": {"kind": "cut", "every": 6},
    "missing pages": {"kind": "no_pages", "every": 6},
}


class Chaos:
    """Two threads: one kills, one makes the weather. Everything is drawn from one seed."""

    def __init__(self, subject: Subject, bucket: FaultyProxy, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self.spells: Counter[str] = Counter()
        self.failures: list[str] = []  #: of chaos itself
        self._subject = subject
        self._deployment = subject.deployment
        self._proxies = {"provider": subject.way_to_provider, "bucket": bucket}
        self._stopping = threading.Event()
        draws = [random.Random(f"{kind} {seed}") for kind in ("kills", "weather")]  # noqa: S311
        self._threads = [
            threading.Thread(target=act, args=(draw,))
            for act, draw in zip((self._kill, self._make_weather), draws, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the last spell end; afterwards nothing is broken any more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    # --- kills ---

    def _kill(self, draw: random.Random) -> None:
        while not self._stopping.wait(draw.uniform(*KILL_EVERY_S)):
            name = draw.choices(list(KILLS), list(KILLS.values()))[0]
            victims = self._victims(name)
            if not victims:
                continue  # it is not there at this moment
            if name == "SIGTERM":
                with contextlib.suppress(psutil.NoSuchProcess):
                    victims[0].terminate()
                    victims[0].terminate()
            elif name == "everything":
                kill(*victims)
            else:
                kill(draw.choice(victims))
            self.kills[name] += 1

    def _victims(self, name: str) -> list[psutil.Process]:
        deployment = self._deployment
        match name:
            case "worker":
                return deployment.workers
            case "gunicorn worker":
                return deployment.web_workers
            case "parser":
                return deployment.parsers
            case "supervisor":
                return deployment.supervisor
            case "gunicorn":
                return deployment.web_master
            case _:
                return deployment.everything

    # --- weather ---

    def _make_weather(self, draw: random.Random) -> None:
        spells: list[Callable[[random.Random], contextlib.AbstractContextManager[str | None]]] = [
            self._provider_fault,
            self._proxy_fault,
            self._stopped_process,
            self._foreign_lock,
            self._long_reader,
        ]
        while not self._stopping.wait(draw.uniform(*CALM_S)):
            with draw.choice(spells)(draw) as name:
                if name is not None:
                    self.spells[name] += 1
                    self._stopping.wait(draw.uniform(*SPELL_S))

    @contextmanager
    def _provider_fault(self, draw: random.Random) -> Iterator[str]:
        name = draw.choice(list(PROVIDER))
        provider = self._subject.place.provider
        provider.control(faults=[{"on": "ocr", **PROVIDER[name]}])
        yield f"provider: {name}"
        provider.control(faults=[])

    @contextmanager
    def _proxy_fault(self, draw: random.Random) -> Iterator[str]:
        name = draw.choice(list(self._proxies))
        way = draw.choice([way for way in Way if way is not Way.OPEN])
        self._proxies[name].way = way
        yield f"{name}: {way.name.lower()}"
        self._proxies[name].way = Way.OPEN

    @contextmanager
    def _stopped_process(self, draw: random.Random) -> Iterator[str | None]:
        name = draw.choice(["worker", "gunicorn worker", "supervisor", "parser"])
        victims = self._victims(name)
        if not victims:
            yield None
            return
        victim = draw.choice(victims)
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.suspend()
        yield f"stopped {name}"
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.resume()

    @contextmanager
    def _foreign_lock(self, _draw: random.Random) -> Iterator[str]:
        with self._other_program("BEGIN IMMEDIATE"):
            yield "another program's lock"

    @contextmanager
    def _long_reader(self, _draw: random.Random) -> Iterator[str]:
        with self._other_program("BEGIN"):
            yield "a long reader"

    @contextmanager
    def _other_program(self, begin: str) -> Iterator[None]:
        path = self._subject.place.settings.database_path
        with closing(sqlite.connect(str(path), timeout=30, isolation_level=None)) as connection:
            connection.execute(begin)
            connection.execute("SELECT count(*) FROM documents").fetchall()
            yield
            connection.execute("ROLLBACK")
