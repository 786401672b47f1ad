"""A service for one measurement: started by start.sh on an empty data folder, then stopped."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).parents[1]
BOUNDARY = "ilios-bench"
MIB = 1024 * 1024


class Service:
    """A running service."""

    def __init__(self, data_dir: Path, environment: dict[str, str], checkout: Path) -> None:
        self.data_dir = data_dir
        self._checkout = checkout
        self.port = int(environment["PORT"])
        self._environment = environment

    def start(self) -> None:
        """Start the service, for the first time or again after its end."""
        self._started = time.monotonic()
        with (self.data_dir / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["./start.sh"], cwd=self._checkout, env=self._environment, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        """Wait until all workers are ready. Raises RuntimeError when the service ends before."""
        while self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/health")["services"]["workers"] == "ok":
                    self.ready_seconds = time.monotonic() - self._started
                    return
            time.sleep(0.02)
        raise RuntimeError(f"the service ended with status {self.process.returncode}")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def get(self, path: str) -> Any:
        connection = self.connect()
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def tree(self) -> list[psutil.Process]:
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def supervisor(self) -> psutil.Process:
        return next(p for p in self.tree() if p.name() == "supervisor")

    def pss_mib(self) -> float:
        """Return the proportional set size of the whole process tree."""
        return sum(_pss(process) for process in self.tree()) / MIB

    def web_pss_bytes(self) -> int:
        """Return the proportional set size of gunicorn and its web processes."""
        arbiter = next(process for process in self.tree() if process.name() == "gunicorn")
        return sum(_pss(process) for process in (arbiter, *arbiter.children()))

    def cpu_seconds(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self.tree())

    def pause_workers(self) -> None:
        """Suspend supervisor and workers, so that only the web processes work.

        None of them has the database's write lock then; call this before there is load.
        """
        supervisor = self.supervisor()
        while True:
            for process in [supervisor, *supervisor.children(recursive=True)]:
                process.suspend()
            if _is_free(self.data_dir / "ilios.db.write-lock"):
                return
            self.resume_workers()
            time.sleep(0.05)

    def resume_workers(self) -> None:
        supervisor = self.supervisor()
        for process in [*supervisor.children(recursive=True), supervisor]:
            process.resume()

    def stop(self) -> float:
        """Send SIGTERM; return the seconds until the last process has ended."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return time.monotonic() - started


def migrate(folder: Path, checkout: Path = REPOSITORY, **settings: str) -> dict[str, str]:
    """Migrate the database of a data folder; return the environment for processes that use it."""
    programs = Path(sys.executable).parent if checkout == REPOSITORY else checkout / ".venv/bin"
    tools = f"{programs}:{os.environ['PATH']}"  # alembic, gunicorn
    environment = {**os.environ, "PATH": tools, "DATA_DIR": str(folder), **settings}
    subprocess.run(
        ["alembic", "upgrade", "head"],
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,  # its log; a measurement prints only figures
        check=True,
    )
    return environment


@contextmanager
def running(**settings: str) -> Iterator[Service]:
    """Run a service on an empty, migrated data folder during the block."""
    with running_from(REPOSITORY, settings) as service:
        yield service


@contextmanager
def running_from(checkout: Path, settings: dict[str, str]) -> Iterator[Service]:
    """Run the service of a checkout; another one than this has its own environment in `.venv`."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_on(Path(folder), checkout, **settings) as service,
    ):
        yield service


@contextmanager
def running_on(folder: Path, checkout: Path = REPOSITORY, **settings: str) -> Iterator[Service]:
    """Run a service on a data folder during the block; its database is migrated before."""
    environment = migrate(folder, checkout, PORT=str(_free_port()), **settings)
    service = Service(folder, environment, checkout)
    service.start()
    try:
        service.wait_until_ready()
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def multipart(file_name: str, content: bytes, **fields: object) -> bytes:
    """Encode a form with one file, for `submit` and `convert`."""
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{file_name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def _is_free(lock_file: Path) -> bool:
    """Return whether no process has this lock, and none is about to get it."""
    with lock_file.open("a") as file, contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
