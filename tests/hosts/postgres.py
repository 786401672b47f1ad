"""PostgreSQL on two hosts: a primary, and a standby that has every commit before it is answered."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.hosts.network import Host
from tests.postgres_server.process import UNPRIVILEGED_ID, USER, WAL_SEGMENT_MB
from tests.support.waiting import wait_until

PORT: Final = 5432
CLIENT: Final = "service"  #: the user of the nodes, who owns the database and nothing else
DATABASE: Final = "ilios"
START_TIMEOUT_S: Final = 120.0
OPTIONS: Final = {
    "port": str(PORT),
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "off",  # machines do not fail here, and a killed server has written to the kernel
    "synchronous_commit": "on",  # once `synchronous_standby_names` is set: by the standby too
    "wal_keep_size": "512MB",
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "checkpoint_warning": "0",
    "log_min_error_statement": "panic",
}
ALONE: Final = "synchronous_standby_names = ''\n"
"""Ends what a copy has of its primary's: promoted, it would wait for a standby of its own."""


class Server:
    """One of the two; its data outlives its processes."""

    def __init__(self, host: Host, programs: Path) -> None:
        self.host = host
        self._programs = programs
        self._folder = host.folder / "postgres"
        self._folder.mkdir()
        os.chown(self._folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """Make an empty server, which any host of the network may use."""
        self._do(
            *("initdb", "-D", self._data, "-U", USER, "--auth=trust", "--no-sync"),
            *("--encoding=UTF8", "--locale=C", f"--wal-segsize={WAL_SEGMENT_MB}"),
        )
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\nhost replication all samenet trust\n")

    def follow(self, primary: Server) -> None:
        """Become a standby of another server, with a new copy of what that has."""
        shutil.rmtree(self._data, ignore_errors=True)
        self._do(
            *("pg_basebackup", "-h", primary.host.address, "-U", USER, "-D", self._data),
            *("--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
        )
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(ALONE)
        self.start()

    def start(self) -> None:
        options = {**OPTIONS, "listen_addresses": self.host.address}
        with (self._folder / "log").open("ab") as log:
            self._process = self.host.start(
                *(self._programs / "postgres", "-D", self._data, "-k", self._folder),
                *(f"-c{name}={value}" for name, value in options.items()),
                output=log,
                is_nobody=True,
            )
        wait_until(self._is_ready, START_TIMEOUT_S)

    def restart(self) -> None:
        """End all connections, and start again."""
        self._do("pg_ctl", "stop", "-D", self._data, "-m", "fast")
        if self._process is not None:
            self._process.wait()
        self.start()

    def promote(self) -> None:
        self._do("pg_ctl", "promote", "-D", self._data)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection whose statements are each a transaction."""
        return psycopg.connect(
            host=self.host.address,
            port=PORT,
            user=USER,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _do(self, program: str, *arguments: str | Path) -> None:
        with (self._folder / "log").open("ab") as log:
            done = self.host.start(
                self._programs / program, *arguments, output=log, is_nobody=True
            ).wait()
        if done:
            raise RuntimeError(f"{program}: {(self._folder / 'log').read_text()[-2000:]}")

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError((self._folder / "log").read_text()[-2000:])
        with suppress(psycopg.OperationalError):
            self.connect().close()
            return True
        return False


class Pair:
    """Started on construction, with an empty database."""

    def __init__(self, first: Host, second: Host, programs: Path) -> None:
        self.primary = Server(first, programs)
        self.standby = Server(second, programs)
        self.primary.initialise()
        self.primary.start()
        with self.primary.connect() as admin:
            admin.execute(f"CREATE ROLE {CLIENT} LOGIN".encode())
            admin.execute(f"CREATE DATABASE {DATABASE} OWNER {CLIENT} TEMPLATE template0".encode())
        self.url = _url(first, second)
        self._join()

    def restart(self) -> None:
        self.primary.restart()

    def fail_over(self, *, is_cut: bool = False) -> None:
        """Lose the primary's host, killed or cut off, and let the standby take its place.

        Whoever promotes a standby has to see to it that the other is none any more: it is killed
        before anybody can reach it again.
        """
        lost = self.primary
        if is_cut:
            lost.host.cut()
        else:
            lost.host.kill()
        self.standby.promote()
        self.primary, self.standby = self.standby, lost
        if is_cut:
            lost.host.kill()
            lost.host.mend()

    def repair(self) -> None:
        """Let the host that was lost come back as the standby; then commits wait for it again."""
        self._join()

    def end_connections(self) -> None:
        """End those of all nodes, whatever they do."""
        with self.primary.connect() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                (CLIENT,),
            )

    def _join(self) -> None:
        self._ask_for_standby("")
        self.standby.follow(self.primary)
        self._ask_for_standby("*")
        wait_until(self._is_synchronous, START_TIMEOUT_S)

    def _ask_for_standby(self, names: str) -> None:
        with self.primary.connect() as admin:
            admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'".encode())
            admin.execute("SELECT pg_reload_conf()")

    def _is_synchronous(self) -> bool:
        with self.primary.connect() as admin:
            found = admin.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
        return found == [("sync",)]


def _url(*hosts: Host) -> str:
    """Return what DATABASE_URL is: both hosts, of which the one that can be written is meant."""
    named = ",".join(f"{host.address}:{PORT}" for host in hosts)
    return f"postgresql://{CLIENT}@{named}/{DATABASE}?target_session_attrs=read-write"
