"""start.sh with real processes, as a test runs it."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

from ilios.core.settings import Settings
from tests.support.forking import REPOSITORY
from tests.support.migrating import environment
from tests.support.waiting import wait_for_ends, wait_until

START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 45.0
LAST_EXIT_TIMEOUT_S = 15.0  #: milliseconds, unless the machine is busy


class StartScript:
    """A running start.sh in a session of its own, by which its processes are found."""

    def __init__(
        self,
        settings: Settings,
        log_path: Path,
        prefix: tuple[str, ...] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
        command: Sequence[str | Path] = (REPOSITORY / "start.sh",),
        folder: Path | None = None,
    ) -> None:
        """`folder` is where it starts, unless that is where the tests have."""
        self.port = settings.port
        self._log_path = log_path
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, *command],
                cwd=folder,
                env=environment(settings, PATH=path_with_python(), **variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def lines(self) -> list[str]:
        return self.log.splitlines()

    def child(self, name: str) -> psutil.Process:
        """Wait for a direct child of this name, and return it."""
        wait_until(lambda: self.children(name), START_TIMEOUT_S)
        return self.children(name)[0]

    def children(self, name: str) -> list[psutil.Process]:
        """Return the direct children of this name."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [one for one in children if name_of(one) == name]

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, START_TIMEOUT_S)

    def wait(self) -> int:
        return self.process.wait(END_TIMEOUT_S)

    def wait_until_nothing_is_left(self, timeout_s: float = LAST_EXIT_TIMEOUT_S) -> None:
        """Return when its session is empty. Raises TimeoutError that names what still runs."""
        try:
            wait_until(lambda: not self._left_over(), timeout_s)
        except TimeoutError as error:
            commands = [process.cmdline() for process in self._left_over()]
            raise TimeoutError(f"still running: {commands}") from error

    def close(self) -> None:
        """Kill all of it, and return when nothing is left that could still write."""
        self.process.kill()
        self.process.wait()
        left_over = self._left_over()
        for process in left_over:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_for_ends(left_over, END_TIMEOUT_S)

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"start.sh ended: {self.log}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _left_over(self) -> list[psutil.Process]:
        return [p for p in psutil.process_iter() if p.pid != self.process.pid and self._has(p)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            in_session = os.getsid(process.pid) == self.process.pid
            return in_session and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False


Start = Callable[..., StartScript]


def name_of(process: psutil.Process) -> str:
    """Return what a process calls itself; nothing for one that has ended."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def path_with_python() -> str:
    """Return a PATH on which `python` is the one that runs the tests."""
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"
