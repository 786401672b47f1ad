"""What chaos does to a cluster: hosts, the database and processes are lost, and come back."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import psutil

from tests.chaos.faults import PROVIDER
from tests.hosts.cluster import Cluster, Node
from tests.hosts.network import Host
from tests.support.breaking import Customer
from tests.support.deployment import kill

KILL_EVERY_S: Final = (5.0, 15.0)
CALM_S: Final = (2.0, 8.0)  #: between two spells of a kind
SPELL_S: Final = (2.0, 12.0)
PAST_LEASE_S: Final = (65.0, 80.0)  #: of one spell of hosts in four

Spell = Callable[[random.Random], AbstractContextManager[str]]

KILLS: Final = {
    "worker": 6,
    "gunicorn worker": 5,
    "parser": 4,
    "supervisor": 2,
    "gunicorn": 2,
    "SIGTERM": 1,
}
"""Which process is killed on some host, and how often in comparison."""


class ClusterChaos:
    """One thread kills processes; others break hosts, the database, and ways. All from one seed."""

    def __init__(self, customer: Customer, cluster: Cluster, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self.spells: Counter[str] = Counter()
        self.failures: list[str] = []  #: of chaos itself
        self._provider = customer.place.provider
        self._cluster = cluster
        self._stopping = threading.Event()
        kinds: dict[str, list[Spell]] = {
            "hosts": [self._killed_host, self._paused_host, self._cut_host, self._cut_host],
            "database": [self._restart, self._fail_over, self._ended_connections, self._stall],
            "ways": [self._provider_fault, self._cut_way, self._stopped_process],
        }
        acts: dict[str, Callable[[random.Random], None]] = {"kills": self._kill_processes}
        acts |= {kind: self._spells_of(spells) for kind, spells in kinds.items()}
        self._threads = [
            threading.Thread(target=self._act, args=(act, random.Random(f"{kind} {seed}")))  # noqa: S311
            for kind, act in acts.items()
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the last spells end; afterwards nothing is broken any more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._cluster.heal()

    def _act(self, act: Callable[[random.Random], None], draw: random.Random) -> None:
        try:
            act(draw)
        except Exception as error:  # noqa: BLE001  # it is reported, and no fault of the service
            self.failures.append(f"chaos itself has failed: {error!r}")

    def _spells_of(self, spells: list[Spell]) -> Callable[[random.Random], None]:
        def act(draw: random.Random) -> None:
            while not self._stopping.wait(draw.uniform(*CALM_S)):
                with draw.choice(spells)(draw) as name:
                    self.spells[name] += 1
                    self._stopping.wait(draw.uniform(*self._length_of(name, draw)))

        return act

    def _length_of(self, name: str, draw: random.Random) -> tuple[float, float]:
        is_of_host = name.startswith("host")
        return PAST_LEASE_S if is_of_host and draw.random() < 1 / 4 else SPELL_S

    # --- processes ---

    def _kill_processes(self, draw: random.Random) -> None:
        while not self._stopping.wait(draw.uniform(*KILL_EVERY_S)):
            name = draw.choices(list(KILLS), list(KILLS.values()))[0]
            victims = self._victims(name)
            if not victims:
                continue  # it is not there at this moment
            victim = draw.choice(victims)
            if name == "SIGTERM":
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.terminate()
            else:
                kill(victim)
            self.kills[name] += 1

    def _victims(self, name: str) -> list[psutil.Process]:
        of_web = [one for node in self._cluster.web for one in node.main]
        of_workers = [one for node in self._cluster.workers for one in node.main]
        match name:
            case "worker":
                return _children(of_workers)
            case "gunicorn worker":
                return _children(of_web)
            case "parser":
                return _children(_children(of_workers))
            case "supervisor":
                return of_workers
            case "gunicorn":
                return of_web
            case _:
                return [*of_web, *of_workers]

    # --- hosts ---

    def _some_node(self, draw: random.Random) -> Node:
        return draw.choice(self._cluster.nodes)

    @contextmanager
    def _killed_host(self, draw: random.Random) -> Iterator[str]:
        node = self._some_node(draw)
        node.kill(stays_down=True)
        yield f"host killed: {node.kind}"
        node.come_back()

    @contextmanager
    def _paused_host(self, draw: random.Random) -> Iterator[str]:
        node = self._some_node(draw)
        node.host.pause()
        yield f"host paused: {node.kind}"
        node.host.resume()

    @contextmanager
    def _cut_host(self, draw: random.Random) -> Iterator[str]:
        node = self._some_node(draw)
        way, hears, speaks = draw.choice(
            [("cut off", False, False), ("deaf", False, True), ("mute", True, False)]
        )
        node.host.cut(hears=hears, speaks=speaks)
        yield f"host {way}: {node.kind}"
        node.host.mend()

    # --- the database ---

    @contextmanager
    def _restart(self, _draw: random.Random) -> Iterator[str]:
        self._cluster.pair.restart()
        yield "database: restarted"

    @contextmanager
    def _fail_over(self, draw: random.Random) -> Iterator[str]:
        is_cut = draw.random() < 1 / 2
        self._cluster.pair.fail_over(is_cut=is_cut)
        yield f"database: failed over, {'cut off' if is_cut else 'killed'}"
        self._cluster.pair.repair()

    @contextmanager
    def _ended_connections(self, _draw: random.Random) -> Iterator[str]:
        for _ in range(3):
            self._cluster.pair.end_connections()
        yield "database: connections ended"

    @contextmanager
    def _stall(self, draw: random.Random) -> Iterator[str]:
        """Let commits wait: for a server that stands still, or for its standby."""
        if draw.random() < 1 / 2:
            self._cluster.pair.primary.host.pause()
            yield "database: paused"
            self._cluster.pair.primary.host.resume()
        else:
            self._cluster.pair.standby.host.cut()
            yield "database: standby cut off"
            self._cluster.pair.standby.host.mend()

    # --- ways, and a process that stands still ---

    @contextmanager
    def _provider_fault(self, draw: random.Random) -> Iterator[str]:
        name = draw.choice(list(PROVIDER))
        self._provider.control(faults=[{"on": "ocr", **PROVIDER[name]}])
        yield f"provider: {name}"
        self._provider.control(faults=[])

    @contextmanager
    def _cut_way(self, draw: random.Random) -> Iterator[str]:
        """Cut the bucket or the provider off, from all hosts or from one."""
        ends: dict[str, Host] = {"bucket": self._cluster.bucket, "provider": self._cluster.provider}
        name = draw.choice(list(ends))
        peer = draw.choice([None, self._some_node(draw).host])
        ends[name].cut(peer=peer)
        yield f"{name}: cut off from {'all' if peer is None else 'one'}"
        ends[name].mend()

    @contextmanager
    def _stopped_process(self, draw: random.Random) -> Iterator[str]:
        name = draw.choice(["worker", "gunicorn worker", "supervisor"])
        stopped = draw.sample(victims := self._victims(name), min(1, len(victims)))
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
        yield f"stopped {name}"
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()


def _children(processes: list[psutil.Process]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += one.children()
    return found
