"""A program: the service of one command, from its start to the removal of its folder.

It outlives the command, whose end it sees by that of its standard input, whatever that end was. On
standard output it says in one line on which port the service listens, or why it did not start.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from ilios.core import data_folder, processes

READY: Final = b"ready "  #: before the port
LOOPBACK: Final = "127.0.0.1"
LISTENING: Final = b"Listening at: "
"""What gunicorn logs once the port is its own: until then another program might answer there. From
then on requests wait until they are answered, and documents until the workers are there."""
PORTS: Final = range(10_000, 32_000)  #: which no system gives to connections by itself
PREFIX: Final = "ilios-"
DATA: Final = "data"  #: in the folder, beside the log
LENGTH_OF_NAME: Final = len(PREFIX) + 8  #: of a folder that `tempfile` makes
SHORT: Final = Path("/tmp")  # noqa: S108  # `tempfile` makes what is there
LAST_LINES: Final = 5
LAST_BYTES: Final = 4000
LOOK_SECONDS: Final = 0.05
END_SECONDS: Final = 60.0  #: more than an end takes, be it one in the midst of a start


def main() -> None:
    signal.signal(signal.SIGTERM, _end)
    try:
        with tempfile.TemporaryDirectory(
            prefix=PREFIX, dir=_place(), ignore_cleanup_errors=True
        ) as name:
            _serve(Path(name))
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}.".encode())


def _end(number: int, _frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # what follows is the end already
    sys.exit(128 + number)


def _place() -> Path:
    """Return where temporary folders are, or /tmp where a socket in one would have no name."""
    place = Path(tempfile.gettempdir())
    data = place / ("x" * LENGTH_OF_NAME) / DATA
    return place if data_folder.excess_bytes(data) <= 0 else SHORT


def _serve(folder: Path) -> None:
    port, log_path = free_port(), folder / "log"
    service = _start(folder, port, log_path)
    try:
        if _is_ready(service, log_path):
            _say(READY + str(port).encode() + b"\n")
            sys.stdin.buffer.read()
        elif service.poll() is not None:
            _say(last_lines(log_path.read_bytes()))
    finally:
        _stop(service)
        with contextlib.suppress(FileNotFoundError):  # it has not come that far
            shutil.rmtree(data_folder.in_shared_memory(folder / DATA))


def _start(folder: Path, port: int, log_path: Path) -> subprocess.Popen[bytes]:
    """Be what starts `ilios serve`, that listens to this machine alone."""
    arguments = ("serve", "--data-dir", str(folder / DATA), "--port", str(port))
    with log_path.open("wb") as file:
        return subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-m", "ilios", *arguments],
            env={**os.environ, "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{port}"},
            cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            # Inherited by what it becomes; here there is one thread, with which it goes.
            preexec_fn=partial(processes.die_with_parent, os.getpid(), signal.SIGTERM),
        )  # fmt: skip


def _is_ready(service: subprocess.Popen[bytes], log_path: Path) -> bool:
    """Wait until it is; return False where it has ended, or nobody waits for it any more."""
    while service.poll() is None:
        if LISTENING in log_path.read_bytes():
            return True
        if select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            return False
    return False


def _stop(service: subprocess.Popen[bytes]) -> None:
    service.terminate()
    try:
        service.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        service.kill()  # on Linux its halves go with it
        service.wait()


def _say(text: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), text)


def free_port() -> int:
    """Return a port that nothing listens on."""
    while True:
        port = random.choice(PORTS)  # noqa: S311  # no secret
        with contextlib.suppress(OSError):
            socket.create_server((LOOPBACK, port)).close()
            return port


def last_lines(log: bytes) -> bytes:
    """Return the end of a log."""
    return b"\n".join(log[-LAST_BYTES:].splitlines()[-LAST_LINES:])
