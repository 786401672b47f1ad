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
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn

from ilios.core import own_thread
from ilios.core.platform import lower_thread_priority

PROGRAM: Final = "from ilios.core.interpreters import main; main()"


def start(
    target: Callable[..., None], *args: object, import_niceness: int = 0
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a child that runs `target(pipe, *args)`; return it, and our end of the pipe.

    `target` is importable by name; what it and `args` need is imported with `import_niceness` more
    than we have, on Linux. Raises OSError when the system gives no process.
    """
    ours, theirs = multiprocessing.Pipe()
    with theirs:  # else we never read EOF when the child dies
        ours.send((target, args))
        number = theirs.fileno()
        child = subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-c", PROGRAM, str(number), str(import_niceness)],
            stdin=subprocess.DEVNULL,
            pass_fds=[number],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    return child, ours


def main() -> NoReturn:
    number, niceness = map(int, sys.argv[1:])
    pipe: Connection[Any, Any] = Connection(number)
    # Its own niceness: only a privilege undoes that.
    target, args = own_thread.run(partial(_receive, pipe, niceness))
    target(pipe, *args)
    os._exit(os.EX_OK)  # to take all modules down by themselves takes a tenth of a second


def _receive(pipe: Connection[Any, Any], niceness: int) -> Any:
    """Receive the target with its arguments, which imports what they need."""
    lower_thread_priority(niceness)
    return pipe.recv()
