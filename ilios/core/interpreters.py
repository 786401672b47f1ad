"""Children that have nothing of their parent's memory: interpreters of their own.

multiprocessing's spawn does this too, but leaves one more process for each that spawns, which looks
after named semaphores and shared memory: 6 MiB, and we have none of those.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn

from ilios.core.platform import lower_thread_priority

PROGRAM: Final = "from ilios.core.interpreters import main; main()"
START_NICENESS: Final = 10
"""Of what a child imports, on Linux: half a second of the processor, and running tasks go first."""


def start(target: Callable[..., None], *args: object) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a child that runs `target(pipe, *args)`; return it, and our end of the pipe.

    `target` is importable by name. Raises OSError when the system gives no process.
    """
    ours, theirs = multiprocessing.Pipe()
    with theirs:  # else we never read EOF when the child dies
        ours.send((target, args))
        number = theirs.fileno()
        child = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-c", PROGRAM, str(number)],
            stdin=subprocess.DEVNULL,
            pass_fds=[number],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    return child, ours


def main() -> NoReturn:
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))
    with ThreadPoolExecutor(1, "start") as thread:  # its own niceness: only a privilege undoes that
        target, args = thread.submit(_receive, pipe).result()
    target(pipe, *args)
    os._exit(os.EX_OK)  # to take all modules down by themselves takes a tenth of a second


def _receive(pipe: Connection[Any, Any]) -> Any:
    """Receive the target with its arguments, which imports what they need."""
    lower_thread_priority(START_NICENESS)
    return pipe.recv()
