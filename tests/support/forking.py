"""Python commands as processes that need not import first: forked from one that has.

Such a process is like any other (environment, folder, streams, exit code, signals of its own), but
for the second of processor time that importing what the commands need takes.
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
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

REPOSITORY = Path(__file__).parents[2]
IMPORTED = (
    "alembic.autogenerate",
    "alembic.config",
    "app",
    "boto3",
    "ilios.operations.backup",
    "ilios.operations.doctor",
    "ilios.engines.mistral",
    "ilios.documents.lifecycle",
    "ilios.accounts.key_admin",
    "ilios.operations.job_admin",
    "ilios.storage.self_test",
    "ilios.workers.supervisor",
    "mistralai.client.models_",
)
UNBOUND_ROOT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
LIKE_A_USER = UNBOUND_ROOT if os.geteuid() == 0 else ()
"""File permissions bind root too, once it has given up the right to pass over them."""
REQUEST_BYTES = 128 * 1024
FORK = multiprocessing.get_context("fork")

_first = threading.Lock()


class Command(NamedTuple):
    """What Python is to run, and where."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


def run_python(
    *arguments: str | Path, environment: Mapping[str, str], folder: Path = REPOSITORY
) -> subprocess.CompletedProcess[str]:
    """Run what Python would with these arguments: `-m MODULE …` or `-c CODE …`.

    File permissions bind it. Its import path is that of the repository, whatever PYTHONPATH says.
    """
    command = Command([str(argument) for argument in arguments], dict(environment), str(folder))
    request = json.dumps(command).encode()
    with _first:
        parent = _parent()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        reading, writing = os.pipe()
        socket.send_fds(parent, [request], [stdout.fileno(), stderr.fileno(), writing])
        os.close(writing)
        exit_code = int(os.read(reading, 16))
        os.close(reading)
        said = (_text(stdout), _text(stderr))
    return subprocess.CompletedProcess(command.arguments, exit_code, *said)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@functools.cache
def _parent() -> socket.socket:
    """The way to the process that has imported everything; it ends when this one does."""
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
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while True:
            request, descriptors, *_ = socket.recv_fds(requests, REQUEST_BYTES, 3)
            if not request:
                return
            if os.fork() == 0:
                attend(Command(*json.loads(request)), *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def attend(command: Command, out: int, err: int, ended: int) -> None:
    """Fork again, for the command; say how that ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = FORK.Process(target=become, args=(command, out, err))
    process.start()
    process.join()
    os.write(ended, str(process.exitcode).encode())
    os._exit(0)


def become(command: Command, out: int, err: int) -> None:
    """Be what the interpreter is with this command line."""
    os.dup2(out, 1)
    os.dup2(err, 2)
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
