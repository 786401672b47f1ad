"""The account that the server plays: its behaviour, its files, its jobs, its journal."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.mistral_server.behaviour import Behaviour
from tests.mistral_server.documents import Documents
from tests.mistral_server.faults import Faults
from tests.mistral_server.file_store import FileStore
from tests.mistral_server.journal import Call, Journal, Report

if TYPE_CHECKING:
    from tests.mistral_server.batch_jobs import BatchJob

SIGNED_PATH = "/signed/"


class Provider:
    """Everything that a request can reach. Touched by the event loop's thread only."""

    def __init__(self, behaviour: Behaviour, folder: Path) -> None:
        self._at_start = behaviour
        self._random = random.Random(0)  # noqa: S311  # the same latencies in each run
        self.behaviour = behaviour
        self.faults = Faults(behaviour.faults)
        self.journal = Journal()
        self.documents = Documents()
        self.files = FileStore(folder)
        self.jobs: dict[str, BatchJob] = {}
        self.url = ""
        self._told = asyncio.Event()  #: set when the behaviour changes

    def control(self, changes: dict[str, Any]) -> None:
        """Raise ValidationError. New rules start counting from nothing."""
        self._behave(self.behaviour.changed(changes))
        if "faults" in changes:
            self.faults = Faults(self.behaviour.faults)

    def reset(self) -> None:
        """Go back to the start: behaviour, journal, files and jobs."""
        self._behave(self._at_start)
        self.faults = Faults(self._at_start.faults)
        self.journal = Journal()
        for job in self.jobs.values():
            job.stop()
        self.jobs.clear()
        self.files.clear()
        self.documents.forget()

    def report(self) -> Report:
        return self.journal.report(self.files.there())

    async def wait_for_latency(self, arrived: float) -> None:
        """Return when a request of then is to be answered, by what is told meanwhile too."""
        while (left := arrived + self._latency_seconds() - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), left)
                continue
            return

    async def close(self, _app: web.Application) -> None:
        for job in self.jobs.values():
            job.stop()
        tasks = [job.task for job in self.jobs.values() if job.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        self.documents.close()
        self.files.clear()

    def _behave(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._told.set()
        self._told = asyncio.Event()

    def _latency_seconds(self) -> float:
        given = self.behaviour.latency_ms
        return (given if isinstance(given, int | float) else self._random.uniform(*given)) / 1000


PROVIDER = web.AppKey("provider", Provider)
CALL = web.RequestKey("call", Call)
