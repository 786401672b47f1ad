"""The whole service as a platform runs it: start.sh, started again whenever it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import psutil
import requests

from ilios.core.settings import Settings
from tests.support.service import Service
from tests.support.start_script import StartScript
from tests.support.sync_points import SyncPoints
from tests.support.waiting import wait_until

TEND_SECONDS = 0.05


class Deployment(Service, SyncPoints):
    """Its processes by their roles, a way to hold them at a sync point, and a client."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(folder / "sync")
        self.settings = settings
        self.starts = 0
        self._folder = folder
        self._variables = {**variables, **self.sync_variables}
        self._closing = threading.Event()
        self._script = self._start()
        self._platform = threading.Thread(target=self._tend)
        self._platform.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    # --- its life ---

    def wait_until_ready(self, timeout_s: float) -> None:
        wait_until(self._is_well, timeout_s)

    def close(self) -> None:
        self._closing.set()
        self._platform.join()
        self._script.close()

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self._folder.glob("start-*.log")))

    # --- its processes ---

    @property
    def script(self) -> psutil.Process:
        return psutil.Process(self._script.process.pid)

    @property
    def web_master(self) -> list[psutil.Process]:
        return self._script.children("gunicorn")

    @property
    def web_workers(self) -> list[psutil.Process]:
        return [worker for master in self.web_master for worker in _children(master)]

    @property
    def supervisor(self) -> list[psutil.Process]:
        return self._script.children("supervisor")

    @property
    def workers(self) -> list[psutil.Process]:
        return [worker for one in self.supervisor for worker in _children(one)]

    @property
    def parsers(self) -> list[psutil.Process]:
        return [parser for worker in self.workers for parser in _children(worker)]

    @property
    def everything(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self.script, *self.script.children(recursive=True)]
        return []

    def _is_well(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return bool(self.get("/health")["services"]["workers"] == "ok")
        return False

    def _start(self) -> StartScript:
        self.starts += 1
        log_path = self._folder / f"start-{self.starts:04}.log"
        return StartScript(self.settings, log_path, variables=self._variables)

    def _tend(self) -> None:
        """Start anew, as a platform does: with PID 1, all else in its container ends too."""
        while not self._closing.wait(TEND_SECONDS):
            if self._script.process.poll() is not None:
                self._script.close()
                self._script = self._start()


def kill(*processes: psutil.Process) -> None:
    """Send SIGKILL to all of them at one moment: nobody may react to the others' end."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children()
    return []
