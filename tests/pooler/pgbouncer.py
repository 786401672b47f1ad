"""A real PgBouncer in transaction mode before a server of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.postgres_server.process import UNPRIVILEGED_ID, USER, PostgresServer
from tests.support.api_server import free_port
from tests.support.waiting import wait_until

PROGRAM: Final = "pgbouncer"
START_TIMEOUT_S: Final = 30.0
CONFIGURATION: Final = """
[databases]
* = host={host} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
server_login_retry = 1
query_wait_timeout = 10
logfile = {folder}/log
pidfile = {folder}/pid
"""


def program() -> str | None:
    """Return the path of the program, which Debian puts where root alone looks."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin")


class PgBouncer:
    """Started on construction. Its connections to the server are few: clients have to share."""

    def __init__(self, server: PostgresServer, size: int = 3) -> None:
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="bouncer-"))
        configuration = self._folder / "pgbouncer.ini"
        configuration.write_text(
            CONFIGURATION.format(
                host=server.folder, user=USER, port=self._port, size=size, folder=self._folder
            )
        )
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to run as root
            os.chown(self._folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
            as_user = {"user": UNPRIVILEGED_ID, "group": UNPRIVILEGED_ID, "extra_groups": []}
        self._folder.chmod(0o755)
        found = program()
        assert found is not None
        self._process = subprocess.Popen(
            [found, configuration],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_user,
        )
        wait_until(self._is_ready, START_TIMEOUT_S)

    def url(self, database: str) -> str:
        """Return what DATABASE_URL is for a database."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "log").read_text())
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres")).close()
            return True
        return False
