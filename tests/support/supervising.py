"""A real supervisor process with real workers, for a test to use and to kill."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import psutil

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.operations import heartbeat
from tests.support.forking import start_python
from tests.support.migrating import environment
from tests.support.waiting import wait_for_ends, wait_until

BOOT_TIMEOUT_S = 60.0
BLOCK_TIMEOUT_S = 45.0
"""With all slots taken, only the next renewal of leases meets a lock: after 20 s at the latest."""


class SupervisorProcess:
    """Started on construction; `stop` or `kill` ends it."""

    def __init__(
        self,
        settings: Settings,
        engine: str = "echo",
        *,
        impatient: bool = False,
        hurried: bool = False,
        tidy: bool = False,
        patient: bool = False,
        clock: Path | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        named = {
            "ILIOS_TEST_IMPATIENT": impatient,
            "ILIOS_TEST_HURRIED": hurried,
            "ILIOS_TEST_TIDY": tidy,
            "ILIOS_TEST_PATIENT": patient,
        }
        switches = {name: "1" for name, is_on in named.items() if is_on}
        if clock is not None:
            switches["ILIOS_TEST_CLOCK"] = str(clock)
        self.settings = settings
        self.log_path: Path = settings.data_folder / "supervisor.log"
        with self.log_path.open("ab") as log:
            self.process = start_python(
                "-m",
                "tests.support.run_supervisor",
                engine,
                environment=environment(settings, **switches, **variables),
                stdout=log,
            )

    @property
    def workers(self) -> list[psutil.Process]:
        """The worker processes."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return children

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def claims_blocked(self) -> heartbeat.BlockReason | None:
        """Why no job starts, by its heartbeat; None too when it says nothing any more."""
        beat = self._beat()
        return beat.claims_blocked if beat else None

    def wait_until_blocked(self, reason: heartbeat.BlockReason | None) -> None:
        """Wait until this is why no job starts; None: until jobs may start."""
        wait_until(lambda: self.claims_blocked is reason, BLOCK_TIMEOUT_S)

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, BOOT_TIMEOUT_S)

    def stop(self, timeout_s: float = 40) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """Send SIGKILL to the supervisor alone."""
        self.process.kill()
        self.process.wait()

    def kill_tree(self) -> None:
        """Send SIGKILL to everything, as a power cut would."""
        processes = self._processes()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody may react to the others' end
            for process in processes:
                with suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(process.pid, number)
        self.process.wait()
        wait_for_ends(processes[1:], timeout_s=30)

    def pause(self) -> None:
        """Send SIGSTOP to everything, as to a paused container."""
        for process in self._processes():
            process.suspend()

    def resume(self) -> None:
        """Resume the supervisor first: it must not judge workers that could not report."""
        first, *others = self._processes()
        first.resume()
        beat = self._beat()
        wait_until(lambda: self._beat() != beat, BOOT_TIMEOUT_S)
        for process in others:
            process.resume()

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill_tree()

    def _processes(self) -> list[psutil.Process]:
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def _beat(self) -> heartbeat.Heartbeat | None:
        return heartbeat.read(data_folder.supervisor_state(self.settings))

    def _is_ready(self) -> bool:
        """Return whether it says so, and of workers that live: it may not yet know of a death."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the supervisor ended: {self.log}")
        beat = self._beat()
        return (
            beat is not None
            and beat.pid == self.process.pid
            and beat.workers_ready == beat.workers_configured
            and {worker.pid for worker in beat.workers} <= {child.pid for child in self.workers}
        )
