"""Network namespaces as hosts on one bridge, each with an address and a firewall of its own.

They need root, and the programs `ip` and `iptables`. This process is beside them, at the first
address. Namespaces, what runs in them and addresses go when we end, however that is.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import psutil

from tests.support.waiting import wait_until

PROGRAMS: Final = ("ip", "iptables")
SUBNET: Final = "198.18"  #: of tests of networks (RFC 2544), and routed nowhere
PORT: Final = "eth0"  #: of a host
END_TIMEOUT_S: Final = 30.0
_NUMBERS: Final = itertools.count(1)  #: of this process's networks
NAMESPACES: Final = Path("/run/netns")
AS_NOBODY: Final = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
REMOVER: Final = """
read -r _
for one in $(ip netns list | sed 's/ .*//' | grep "^$0-"); do
  while pids=$(ip netns pids "$one") && [ -n "$pids" ]; do kill -KILL $pids; sleep 0.1; done
  ip netns delete "$one"
done
ip link delete "$0" 2>/dev/null
"""


def missing() -> str | None:
    """Return why there can be no hosts here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{' and '.join(absent)} not found: apt-get install iproute2 iptables"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "this machine allows no network namespaces"


@dataclass(frozen=True)
class Host:
    """A machine, as far as the network and its processes go."""

    name: str
    address: str
    namespace: str
    folder: Path  #: for what it keeps
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What makes a command one of this host."""
        return ("ip", "netns", "exec", self.namespace)

    def start(
        self,
        *command: str | Path,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int = subprocess.DEVNULL,
        is_nobody: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a process; `is_nobody`: as a user who may do nothing."""
        user = AS_NOBODY if is_nobody else ()
        started = subprocess.Popen(
            [*self.prefix, *user, *command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self._started.append(started)
        return started

    @property
    def processes(self) -> list[psutil.Process]:
        """All that runs on it."""
        return [one for one in psutil.process_iter() if self._has(one.pid)]

    def pause(self) -> None:
        """Stop all of its processes, as a machine is whose host has no time for it."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        for one in self.processes:
            _send(one.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End all of its processes at one moment: nobody reacts to the others' end."""
        self._signal(signal.SIGSTOP)
        for one in self.processes:
            _send(one.pid, signal.SIGKILL)
        wait_until(lambda: not self.processes, END_TIMEOUT_S)
        self._reap()

    def cut(self, *, hears: bool = False, speaks: bool = False, peer: Host | None = None) -> None:
        """Lose what comes, what goes, or both; what concerns one other host alone, if one is named.

        Nobody is told: a packet that is lost gets no answer.
        """
        if not hears:
            self._drop("INPUT", "--in-interface", "--source", peer)
        if not speaks:
            self._drop("OUTPUT", "--out-interface", "--destination", peer)

    def mend(self) -> None:
        self._iptables("--flush")

    def _drop(self, chain: str, interface: str, end: str, peer: Host | None) -> None:
        only = () if peer is None else (end, peer.address)
        self._iptables("--append", chain, interface, PORT, *only, "--jump", "DROP")

    def _iptables(self, *arguments: str) -> None:
        _run(*self.prefix, "iptables", "--wait", *arguments)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to all, also to what was started meanwhile."""
        reached: set[int] = set()
        while new := [one.pid for one in self.processes if one.pid not in reached]:
            for pid in new:
                _send(pid, number)
            reached.update(new)

    def _reap(self) -> None:
        for one in self._started:
            with suppress(subprocess.TimeoutExpired):
                one.wait(END_TIMEOUT_S)
        self._started.clear()

    def _has(self, pid: int) -> bool:
        with suppress(OSError):  # it has ended
            return os.path.samestat(Path(f"/proc/{pid}/ns/net").stat(), self._identity)
        return False

    @cached_property
    def _identity(self) -> os.stat_result:
        return (NAMESPACES / self.namespace).stat()


class Network:
    """Makes hosts while the context lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"ilios{os.getpid()}n{next(_NUMBERS)}"
        self._net = _free_net()
        self._switch = f"{self._name}-switch"
        self._made = 1  #: addresses, this process's among them
        self.hosts: list[Host] = []
        self._remover = subprocess.Popen(
            ["sh", "-c", REMOVER, self._name],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a signal to the group of the tests is not for it
        )

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def host(self, name: str) -> Host:
        """Add a host of that name."""
        self._made += 1
        namespace, number = f"{self._name}-{name}", self._made
        _run("ip", "netns", "add", namespace)
        _run(
            *("ip", "link", "add", PORT, "netns", namespace, "type", "veth"),
            *("peer", "name", f"port{number}", "netns", self._switch),
        )
        self._plug(f"port{number}")
        address = f"{self._net}.{number}"
        _run("ip", "-netns", namespace, "address", "add", f"{address}/24", "dev", PORT)
        for one in ("lo", PORT):
            _run("ip", "-netns", namespace, "link", "set", one, "up")
        folder = self._folder / name
        folder.mkdir()
        made = Host(name, address, namespace, folder)
        self.hosts.append(made)
        return made

    def close(self) -> None:
        for host in self.hosts:
            host.kill()
        self._remover.communicate()

    def _build(self) -> None:
        _run("ip", "netns", "add", self._switch)
        _run("ip", "-netns", self._switch, "link", "add", "bridge", "type", "bridge")
        _run("ip", "-netns", self._switch, "link", "set", "bridge", "up")
        _run(
            *("ip", "link", "add", self._name, "type", "veth"),
            *("peer", "name", "port1", "netns", self._switch),
        )
        self._plug("port1")
        _run("ip", "address", "add", f"{self._net}.1/24", "dev", self._name)
        _run("ip", "link", "set", self._name, "up")

    def _plug(self, port: str) -> None:
        _run("ip", "-netns", self._switch, "link", "set", port, "master", "bridge", "up")


def _free_net() -> str:
    """Return the first three numbers of addresses that no network here has."""
    taken = {one.address for ends in psutil.net_if_addrs().values() for one in ends}
    nets = (f"{SUBNET}.{(os.getpid() + n) % 256}" for n in range(256))
    return next(net for net in nets if f"{net}.1" not in taken)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
