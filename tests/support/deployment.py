"""The whole service as a platform runs it: start.sh, started again whenever it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import requests

from ilios.core.settings import Settings
from tests.support.start_script import StartScript
from tests.support.waiting import wait_until

TEND_SECONDS = 0.05
ANSWER_TIMEOUT_S = 30.0
HELD_TIMEOUT_S = 20.0


class Deployment:
    """Its processes by their roles, a way to hold them at a sync point, and a client."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.port}"
        self.starts = 0
        self._folder = folder
        self._sync = folder / "sync"
        self._sync.mkdir()
        self._variables = {**variables, "ILIOS_SYNC_POINTS": str(self._sync)}
        self._closing = threading.Event()
        self._script = self._start()
        self._platform = threading.Thread(target=self._tend)
        self._platform.start()

    # --- its life ---

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return when both halves and all workers are there."""
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

    # --- sync points ---

    def arm(self, point: str) -> None:
        """Hold the next thread that comes there."""
        (self._sync / point).touch()

    def held_at(self, point: str) -> psutil.Process:
        """Return the process that is held there, as soon as there is one."""
        wait_until(lambda: list(self._sync.glob(f"{point}@*")), HELD_TIMEOUT_S)
        (held,) = self._sync.glob(f"{point}@*")
        return psutil.Process(int(held.name.partition("@")[2]))

    def disarm(self) -> None:
        """Let everybody go on."""
        for path in self._sync.iterdir():
            path.unlink()

    # --- as a client sees it ---

    def submit(
        self, content: bytes, name: str = "document.pdf", key: str | None = None, **fields: str
    ) -> str:
        """Have a document acknowledged, perhaps with an idempotency key; returns its id.

        Raises RequestException, else.
        """
        answer = requests.post(
            f"{self.url}/api/documents/submit",
            data=fields,
            files={"file": (name, content)},
            headers={"Idempotency-Key": key} if key else {},
            timeout=ANSWER_TIMEOUT_S,
        )
        answer.raise_for_status()
        return str(answer.json()["id"])

    def cancel(self, document_id: str) -> None:
        """Raise RequestException when it is refused, as `retry` does."""
        self._act(document_id, "cancel")

    def retry(self, document_id: str) -> None:
        self._act(document_id, "retry")

    def delete(self, document_id: str) -> None:
        place = f"{self.url}/api/documents/{document_id}"
        requests.delete(place, timeout=ANSWER_TIMEOUT_S).raise_for_status()

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, timeout=ANSWER_TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def is_completed(self, document_id: str) -> bool:
        """Return whether it is completed; False while nobody answers."""
        with contextlib.suppress(requests.RequestException):
            status = self.get(f"/api/documents/status/{document_id}")["status"]
            return bool(status == "completed")
        return False

    def _act(self, document_id: str, action: str) -> None:
        requests.post(
            f"{self.url}/api/documents/{document_id}/{action}", timeout=ANSWER_TIMEOUT_S
        ).raise_for_status()

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
