"""Python commands as processes that need not import first: forked from one that has.

Such a process is like any other (environment, folder, streams, exit code, signals of its own), but
for the seconds of processor time that it takes to import what the commands need. Its parent is an
attendant, which reports its process id and its exit code.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

from ilios.core.processes import die_with_parent

REPOSITORY = Path(__file__).parents[2]
IMPORTED = (
    "alembic.autogenerate",
    "alembic.config",
    "app",
    "boto3",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "ilios.operations.backup",
    "ilios.operations.doctor",
    "ilios.conversion.provider_batches.opening",
    "ilios.engines.embedded.engine",
    "ilios.engines.mistral.engine",
    "ilios.documents.lifecycle",
    "ilios.accounts.key_admin",
    "ilios.operations.job_admin",
    "ilios.storage.self_test",
    "ilios.workers.supervisor",
    "ilios.workers.worker",
    "mistralai.client.models_",
    "tests.support.engines",
)
UNBOUND_ROOT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
LIKE_A_USER = UNBOUND_ROOT if os.geteuid() == 0 else ()
"""File permissions bind root too, once it has given up the right to pass over them."""
REQUEST_BYTES = 128 * 1024
NUMBER = struct.Struct("=q")  #: what an attendant reports
DESCRIPTORS = 512  #: more than a process here has open when it forks
FORK = multiprocessing.get_context("fork")

_first = threading.Lock()


class Command(NamedTuple):
    """What Python is to run, and where."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


class ForkedPython:
    """A running command, with what subprocess.Popen offers for one."""

    def __init__(self, command: Command, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        request = json.dumps(command).encode()
        with _first:
            parent = _parent()
        self._reports, theirs = os.pipe()
        socket.send_fds(parent, [request], [stdout.fileno(), stderr.fileno(), theirs])
        os.close(theirs)
        self.args = command.arguments
        self.returncode: int | None = None
        self.pid = self._report()

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._end_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raises subprocess.TimeoutExpired after as many seconds."""
        code = self._end_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Do nothing when it has ended: its process id may be another's by now."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _end_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._reports], [], [], seconds)[0]:
            self.returncode = self._report()
            os.close(self._reports)
        return self.returncode

    def _report(self) -> int:
        (number,) = NUMBER.unpack(os.read(self._reports, NUMBER.size))
        return int(number)


def start_python(
    *arguments: str | Path,
    environment: Mapping[str, str],
    folder: Path = REPOSITORY,
    stdout: IO[bytes],
    stderr: IO[bytes] | None = None,
) -> ForkedPython:
    """Start what Python would with these arguments: `-m MODULE …` or `-c CODE …`.

    File permissions bind it. Its import path is that of the repository, whatever PYTHONPATH says.
    Without `stderr`, that goes to `stdout`.
    """
    command = Command([str(argument) for argument in arguments], dict(environment), str(folder))
    return ForkedPython(command, stdout, stderr or stdout)


def run_python(
    *arguments: str | Path, environment: Mapping[str, str], folder: Path = REPOSITORY
) -> subprocess.CompletedProcess[str]:
    """Do the same, and wait for its end."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start_python(
            *arguments, environment=environment, folder=folder, stdout=stdout, stderr=stderr
        )
        exit_code = process.wait()
        said = (_text(stdout), _text(stderr))
    return subprocess.CompletedProcess(process.args, exit_code, *said)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@functools.cache
def _parent() -> socket.socket:
    """Return the way to the process that has imported everything; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [*LIKE_A_USER, sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # what interrupts the tests ends it in time
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def main() -> None:
    """Fork for each request, until there are no more."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the attendants
    server = os.getpid()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while True:
            request, descriptors, *_ = socket.recv_fds(requests, REQUEST_BYTES, 3)
            if not request:
                return
            if os.fork() == 0:
                die_with_parent(server)
                attend(Command(*json.loads(request)), *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def attend(command: Command, out: int, err: int, reports: int) -> None:
    """Fork again, for the command; report the process id and, at its end, the exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = FORK.Process(target=become, args=(command, out, err))
    process.start()
    os.write(reports, NUMBER.pack(process.pid))
    process.join()
    os.write(reports, NUMBER.pack(process.exitcode))
    os._exit(0)


def become(command: Command, out: int, err: int) -> None:
    """Be what the interpreter is with this command line."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, DESCRIPTORS)
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    kind, what, *sys.argv[1:] = command.arguments
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})  # noqa: S102  # code of a test


if __name__ == "__main__":
    main()
