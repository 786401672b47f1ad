"""Waits for the two halves of the service, and ends them together.

Until a SIGTERM or SIGINT asks to stop (exit code 0) or a half ends (non-zero, so that the platform
starts the service again; the database makes that harmless). This is a program of its own, with
little more than the standard library: see `ilios.launch`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final, NoReturn

from ilios.core import platform, processes

HALVES: Final = ("gunicorn", "the supervisor")
SIGNALS: Final = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGCHLD))
SIGNAL_BASE: Final = 128  #: of the exit code for a process that a signal has ended
LOST: Final = 1 << 8  #: wait status of a child whose own is not known: exit code 1
LOOK_SECONDS: Final = 0.05


def become(pids: Sequence[int], last_seconds: float) -> NoReturn:
    """Replace this process, in which SIGNALS are blocked, by one that watches these children.

    `last_seconds` is how long they may take to stop.
    """
    program = "from ilios.watch import main; main()"
    os.execv(  # noqa: S606  # ourselves
        sys.executable, [sys.executable, "-c", program, str(last_seconds), *map(str, pids)]
    )


def main() -> NoReturn:
    last_seconds, *pids = sys.argv[1:]
    sys.exit(Watch([int(pid) for pid in pids], float(last_seconds)).run())


class Watch:
    """Children of this process, each of which leads a group. For one thread."""

    def __init__(self, pids: Sequence[int], last_seconds: float) -> None:
        self._names = dict(zip(pids, HALVES, strict=True))
        self._last_seconds = last_seconds
        self._ended: dict[int, int] = {}  #: exit codes by process

    def run(self) -> int:
        """Return the exit code."""
        # SIGCHLD too is only waited for, but without a handler macOS would drop it.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        is_asked = False
        while not is_asked and not self._look():
            is_asked = signal.sigwait(SIGNALS) != signal.SIGCHLD
        self._signal_groups(signal.SIGTERM)
        if not is_asked:
            self._report()
        self._wait()
        self._signal_groups(signal.SIGKILL)
        return 0 if is_asked else next(iter(self._ended.values())) or 1

    def _look(self) -> bool:
        """Take note of children that have ended; return whether any has."""
        for pid in self._names.keys() - self._ended:
            try:
                found, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # multiprocessing has seen its end, before this program
                found, status = pid, LOST
            if found:
                self._ended[pid] = exit_code(os.waitstatus_to_exitcode(status))
        return bool(self._ended)

    def _report(self) -> None:
        # Imported now: they take more memory than all the rest here.
        from ilios.core import settings
        from ilios.core.telemetry import logs

        logs.configure(settings.load(), "start")
        log = logs.get(__name__)
        for pid, status in self._ended.items():
            reason = f"{self._names[pid]} ended with status {status}: stopping the rest."
            log.error("process.ended", reason=reason)

    def _wait(self) -> None:
        """Wait for the groups to end, as long as jobs and last words may take.

        A stopped process, for one, never leaves by itself.
        """
        deadline = time.monotonic() + self._last_seconds
        while any(self._lives(pid) for pid in self._names) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
            self._look()

    def _lives(self, pid: int) -> bool:
        return pid not in self._ended or platform.group_lives(pid)

    def _signal_groups(self, number: signal.Signals) -> None:
        """Signal the halves with their children: of a gunicorn that was killed, those are left."""
        for pid in self._names:
            processes.signal_group(pid, number)


def exit_code(code: int) -> int:
    """Return what a shell makes of the end of a process; `code` is negative for a signal."""
    return code if code >= 0 else SIGNAL_BASE - code
