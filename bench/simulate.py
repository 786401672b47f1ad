"""A cluster of many nodes on the measured costs of one database: `python -m bench.simulate`.

A discrete-event simulation, the same for the same seed. Documents arrive at random, nodes look for
them and claim them as ilios.workers.supervisor does, and each statement takes a core of the
database for as long as `python -m bench.queue_costs` has measured. It shows which share of the
database a load takes, how long documents wait for a slot, and what is in vain: looks of nodes that
were woken for a document which another node had.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

COSTS: Final = Path(__file__).with_name("queue_costs.json")
POLL_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.02  #: between two looks of a node more than half of whose slots are used
RENEWAL_SECONDS: Final = 20.0
WAY_SECONDS: Final = 0.0005  #: of a packet between node and database
SPREAD: Final = 0.5  #: of how long documents take: the sigma of a lognormal distribution


@dataclass(frozen=True)
class Costs:
    """Seconds of a core of the database."""

    enqueue: float  #: the transaction that takes a document in
    look: float  #: of a node, whether anything is to be done
    claim: float  #: a transaction that claims nothing
    claim_job: float  #: for each job that it claims
    skip: float  #: for each ready job that others are about to claim
    work: float  #: what a worker reads and stores for a document
    renew: float  #: a heartbeat, for each lease

    @classmethod
    def read(cls, path: Path) -> Costs:
        measured = json.loads(path.read_text())["milliseconds"]
        return cls(**{name: value / 1000 for name, value in measured.items()})


@dataclass
class Node:
    """A worker node: how many of its slots are used, and when it looks next."""

    slots: int
    used: int = 0
    is_asking: bool = False  #: a look or claim is under way
    is_woken: bool = False  #: something has happened since it began
    looked_at: float = -1.0
    looks_at: float = 0.0  #: when it is going to, as far as it is decided

    @property
    def free(self) -> int:
        return self.slots - self.used


@dataclass
class Counts:
    """What has happened."""

    arrived: int = 0
    ended: int = 0
    looks: int = 0
    looks_in_vain: int = 0
    claims: int = 0
    skipped: int = 0
    waits: list[float] = field(default_factory=list)  #: seconds from arrival to claim


class Cluster:
    """Nodes, and a database with so many cores, which serves in order of arrival."""

    def __init__(self, options: argparse.Namespace, costs: Costs) -> None:
        self._options = options
        self._costs = costs
        # One for each, so that the same documents arrive whatever the nodes do.
        self._arrivals, self._durations, self._choices = (
            random.Random(f"{options.seed} {what}")  # noqa: S311  # to be repeated
            for what in ("arrivals", "durations", "choices")
        )
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.now = 0.0
        self.counts = Counts()
        self.busy_seconds = 0.0  #: of all cores of the database
        self._cores = [0.0] * options.cores  #: when each is free, a heap
        self._ready: deque[float] = deque()  #: when each document arrived
        self._held_back = 0  #: ready jobs that claims under way have locked
        self._nodes = [Node(options.slots) for _ in range(options.nodes)]

    def run(self) -> None:
        """Let documents arrive for the given time."""
        self._at(0.0, self._arrive)
        for node in self._nodes:
            self._at(self._choices.uniform(0, POLL_SECONDS), partial(self._poll, node))
            start = self._choices.uniform(0, RENEWAL_SECONDS)
            self._at(start, partial(self._renew, node))
        while self._events and self._events[0][0] < self._options.seconds:
            self.now, _, act = heapq.heappop(self._events)
            act()

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act))

    def _execute(self, seconds: float, then: Callable[[], None] | None = None) -> None:
        """Have the database do something, and the node hear of it."""
        begun = max(heapq.heappop(self._cores), self.now + WAY_SECONDS)
        heapq.heappush(self._cores, begun + seconds)
        self.busy_seconds += seconds
        if then is not None:
            self._at(begun + seconds + WAY_SECONDS, then)

    def _arrive(self) -> None:
        self._at(self.now + self._arrivals.expovariate(self._options.rate), self._arrive)
        self._execute(self._costs.enqueue, self._wake)

    def _wake(self) -> None:
        """Have a document in the queue, and tell those nodes that listen."""
        self.counts.arrived += 1
        self._ready.append(self.now)
        for node in self._woken():
            self._look_soon(node)

    def _woken(self) -> Sequence[Node]:
        """Return the nodes that listen: those with a free slot, or some of them."""
        listening = [node for node in self._nodes if node.free]
        if self._options.woken is None or self._options.woken >= len(listening):
            return listening
        return self._choices.sample(listening, self._options.woken)

    def _poll(self, node: Node) -> None:
        self._at(self.now + POLL_SECONDS, lambda: self._poll(node))
        if node.looked_at < self.now - POLL_SECONDS:
            self._look_soon(node)

    def _renew(self, node: Node) -> None:
        self._at(self.now + RENEWAL_SECONDS, lambda: self._renew(node))
        if node.used:
            self._execute(self._costs.claim + node.used * self._costs.renew)

    def _look_soon(self, node: Node) -> None:
        """Let a node look, at once unless it is busy or has just looked."""
        if node.is_asking:
            node.is_woken = True
            return
        pause = GATHER_SECONDS if 2 * node.used > node.slots else 0.0
        moment = max(self.now, node.looked_at + pause)
        if node.looks_at > self.now:
            return  # it is going to
        node.looks_at = moment
        self._at(moment, lambda: self._look(node))

    def _look(self, node: Node) -> None:
        if node.is_asking or not node.free:
            return
        node.is_asking, node.is_woken, node.looked_at = True, False, self.now
        self.counts.looks += 1
        self._execute(self._costs.look, lambda: self._claim(node))

    def _claim(self, node: Node) -> None:
        if len(self._ready) <= self._held_back:
            self.counts.looks_in_vain += 1
            self._end_asking(node)
            return
        taken = min(node.free, len(self._ready) - self._held_back)
        skipped = self._held_back
        self._held_back += taken
        costs = self._costs
        seconds = costs.claim + taken * costs.claim_job + skipped * costs.skip
        self.counts.claims += 1
        self.counts.skipped += skipped
        self._execute(seconds, lambda: self._begin(node, taken))

    def _begin(self, node: Node, taken: int) -> None:
        self._held_back -= taken
        for _ in range(taken):
            self.counts.waits.append(self.now - self._ready.popleft())
            node.used += 1
            self._execute(self._costs.work)
            mean = self._options.document_seconds
            takes = mean * self._durations.lognormvariate(-SPREAD * SPREAD / 2, SPREAD)
            self._at(self.now + takes, lambda: self._end(node))
        self._end_asking(node)

    def _end_asking(self, node: Node) -> None:
        node.is_asking = False
        if node.is_woken and node.free:
            self._look_soon(node)

    def _end(self, node: Node) -> None:
        self.counts.ended += 1
        node.used -= 1
        self._look_soon(node)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=8, help="of each node")
    parser.add_argument("--rate", type=float, default=500.0, help="documents a second")
    parser.add_argument("--document-seconds", type=float, default=2.0, help="that one takes")
    parser.add_argument("--seconds", type=float, default=20.0, help="that are simulated")
    parser.add_argument("--cores", type=int, default=16, help="of the database")
    parser.add_argument("--woken", type=int, help="nodes that hear of a document; all with a slot")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--costs", type=Path, default=COSTS)
    options = parser.parse_args()
    cluster = Cluster(options, Costs.read(options.costs))
    cluster.run()
    for line in report(cluster, options):
        print(line)


def report(cluster: Cluster, options: argparse.Namespace) -> Iterator[str]:
    counts, seconds = cluster.counts, options.seconds
    waits = sorted(counts.waits) or [0.0]
    quantile = {q: 1000 * waits[min(len(waits) - 1, int(q * len(waits)))] for q in (0.95, 0.99)}
    used = cluster.busy_seconds / (seconds * options.cores)
    yield (
        f"{options.nodes} nodes of {options.slots} slots, {options.rate:g} documents a second of "
        f"{options.document_seconds:g} s each, {options.cores} cores of the database, "
        f"{seconds:g} s, seed {options.seed}"
    )
    yield f"ended          {counts.ended / seconds:10.1f}/s of {counts.arrived / seconds:.1f}/s"
    yield f"database       {100 * used:10.1f} % of its cores"
    in_vain = counts.looks_in_vain / seconds
    yield f"looks          {counts.looks / seconds:10.1f}/s, {in_vain:.1f} in vain"
    yield (
        f"claims         {counts.claims / seconds:10.1f}/s, each of "
        f"{len(waits) / max(1, counts.claims):.1f} jobs, {counts.skipped / seconds:.0f} passed over"
    )
    yield (
        f"wait for slot  {1000 * statistics.median(waits):10.1f} ms median, "
        f"{quantile[0.95]:.1f} ms p95, {quantile[0.99]:.1f} ms p99"
    )


if __name__ == "__main__":
    main()
