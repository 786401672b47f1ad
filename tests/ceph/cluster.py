"""A Ceph cluster of the smallest kind on loopback: monitor, manager, one OSD in memory, radosgw."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import uuid
from pathlib import Path
from typing import Final

from tests.support.tls import Certificate
from tests.support.waiting import wait_until

PROGRAMS: Final = (
    *("radosgw", "radosgw-admin", "ceph-mon", "ceph-mgr", "ceph-osd"),
    *("ceph", "ceph-authtool", "monmaptool", "faketime"),
)
START_TIMEOUT_S: Final = 60.0
COMMAND_TIMEOUT_S: Final = 40.0

CAPABILITIES: Final = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "mgr.x": {"mon": "allow profile mgr", "osd": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
    "client.rgw": {"mon": "allow rw", "osd": "allow rwx", "mgr": "allow rw"},
}

# The logs are no `*.log`: what the suite searches for secrets is what we log, not what Ceph does.
CONFIGURATION: Final = """
[global]
fsid = {fsid}
mon initial members = a
mon host = v2:127.0.0.1:{mon_port}
public network = 127.0.0.0/8
keyring = {folder}/keyring
run dir = {folder}
admin socket =
log file = {folder}/$name.txt
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
paxos propose interval = 0.02
paxos min wait = 0.01
rgw frontends = beast ssl_endpoint=127.0.0.1:{s3_port} ssl_certificate={certificate} \
ssl_private_key={private_key}
"""


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Cluster:
    """Started with `start`; `close` ends its processes, and so does the end of this one."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._port = _free_port()
        self._environment = {**os.environ, "CEPH_CONF": str(folder / "ceph.conf")}
        self._fsid = str(uuid.uuid4())
        self._mon_port = _free_port()
        (folder / "ceph.conf").write_text(
            CONFIGURATION.format(
                fsid=self._fsid,
                mon_port=self._mon_port,
                s3_port=self._port,
                folder=folder,
                certificate=certificate.certificate,
                private_key=certificate.private_key,
            )
        )

    @property
    def endpoint_url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    def start(self) -> None:
        for name in ("mon", "mgr", "osd"):
            (self._folder / name).mkdir()
        self._make_keys()
        self._start_monitor()
        osd_id = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd_id)
        self._start("ceph-mgr", "-i", "x")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        self._start("ceph-osd", "-i", "0")
        wait_until(lambda: "1 up" in self._run("ceph", "osd", "stat"), START_TIMEOUT_S)
        self._start("radosgw", "-n", "client.rgw")
        wait_until(self._listens, START_TIMEOUT_S)

    def add_user(self, name: str, access_key_id: str, secret: str) -> None:
        self._run(
            *("radosgw-admin", "user", "create", "--uid", name, "--display-name", name),
            *("--access-key", access_key_id, "--secret-key", secret),
        )

    def close(self) -> None:
        for process in self._processes:  # what they hold is in memory: nothing to say farewell to
            process.kill()
            process.wait()

    def _make_keys(self) -> None:
        keyring = self._folder / "keyring"
        keyring.touch(mode=0o600)
        for name, allowed in CAPABILITIES.items():
            caps = [word for kind, cap in allowed.items() for word in ("--cap", kind, cap)]
            self._run("ceph-authtool", str(keyring), "--gen-key", "-n", name, *caps)

    def _start_monitor(self) -> None:
        monmap, keyring = str(self._folder / "monmap"), str(self._folder / "keyring")
        address = f"[v2:127.0.0.1:{self._mon_port}]"
        self._run("monmaptool", "--create", "--addv", "a", address, "--fsid", self._fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._start("ceph-mon", "-i", "a")

    def _start(self, *command: str) -> None:
        """Run a daemon in the foreground; the kernel ends it with us, however we end."""
        with (self._folder / f"{command[0]}.out").open("wb") as out:
            self._processes.append(
                subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", *command, "-f"],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            )

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def _listens(self) -> bool:
        ended = [process.args for process in self._processes if process.poll() is not None]
        if ended:
            raise RuntimeError(f"ended: {ended}; its log is in {self._folder}")
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
