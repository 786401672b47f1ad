"""What the database takes for each step of the queue: `python -m bench.queue_costs`, by hand.

Writes processor time of PostgreSQL, its background processes included, for `bench.simulate`. Each
step is what the services do, from one connection, a thousand times.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil

from bench import machine, postgres, queue_rate
from bench.noop_workers import ONE_PAGE, NoopEngine
from bench.postgres import Migrated
from bench.simulate import COSTS
from ilios.accounts.holdings import Standard
from ilios.conversion.claimed_job import ClaimedJob
from ilios.conversion.held_jobs import HeldJobs
from ilios.conversion.recorder import Recorder
from ilios.core import clock, ids
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.database import Database, Scope
from ilios.db.group_commit import GroupCommit
from ilios.documents.admission import Candidate, Order, Stored
from ilios.documents.options import EVERYTHING
from ilios.documents.units_of_work import AdmitDocument
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, jobs
from ilios.queue.jobs import Lease
from ilios.workers.dispatcher import Dispatcher, FreeSlot, Look, Offer
from tests.postgres_server.process import PostgresServer

MANY: Final = 8  #: jobs of one claim
HELD: Final = 200  #: jobs that another is about to claim
WORKER: Final = "bench/worker-0"
STANDARD: Final = Standard(None, 10**9)


class Steps:
    """The steps, on one database."""

    def __init__(self, settings: Settings, database: Database, server: PostgresServer) -> None:
        self._settings = settings
        self._database = database
        self._server = [psutil.Process(server.pid)]
        self._group_commit = GroupCommit(database)
        self._held = HeldJobs(database)
        self._recorder = Recorder(self._group_commit, settings.pricing, 1)
        self._dispatcher = Dispatcher(database, 1)
        self._engine = NoopEngine(1)

    def taken(self, act: Callable[[], object], times: int) -> float:
        """Return milliseconds of the server's processor time."""
        before = queue_rate.cpu_seconds(self._server)
        for _ in range(times):
            act()
        return 1000 * (queue_rate.cpu_seconds(self._server) - before) / times

    def enqueue(self) -> None:
        name = ids.new_id()
        stored = Stored(name, "one.txt", "text/plain", 10, name.rjust(64, "0"), f"documents/{name}")
        order = Order(owner=f"owner-{name[-1]}")
        unit = AdmitDocument(Candidate.of(self._settings, stored, order), STANDARD)
        self._group_commit.write(unit, order.owner, Scope.owner(order.owner))

    def look(self) -> None:
        """Do as a supervisor with an idle slot that was woken for nothing."""
        look = self._dispatcher.commands("bench", ["no-such-lane"]).look
        self._dispatcher.claim(Offer([FreeSlot("no-such-lane", WORKER)]), look=look)

    def claim(self, at_most: int) -> list[Lease]:
        """Do as a supervisor whose look has found jobs."""
        slots = [FreeSlot(EMBEDDED, WORKER)] * at_most
        found = self._dispatcher.claim(Offer(slots), look=Look(frozenset({EMBEDDED}), is_due=False))
        return [lease for _, lease in found]

    def work(self, leases: Iterator[Lease]) -> None:
        lease = next(leases)
        job, document = self._held.of(lease)
        claimed = ClaimedJob(lease, job, document, self._engine)
        call = self._recorder.begin(claimed, EVERYTHING, (0,))
        self._recorder.store(claimed, call, ONE_PAGE, {})

    def renew(self, leases: list[Lease]) -> None:
        with self._database.writing(Scope.ROWS) as session:
            jobs.extend(session, leases, clock.now())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--into", type=Path, default=COSTS)
    options = parser.parse_args()
    with postgres.server() as server, postgres.migrated(server, LOG_LEVEL="WARNING") as migrated:
        logs.configure(migrated.settings, "bench")
        found = measured(migrated, server, options.times)
    rounded = {name: round(value, 4) for name, value in found.items()}
    costs = {"machine": machine.describe(), "times": options.times, "milliseconds": rounded}
    options.into.write_text(json.dumps(costs, indent=2) + "\n")
    print(json.dumps(costs, indent=2))


def measured(migrated: Migrated, server: PostgresServer, times: int) -> dict[str, float]:
    with migrated.opened() as database:
        steps = Steps(migrated.settings, database, server)
        needed = 3 * times + HELD  # as many as are claimed below
        found = {"enqueue": steps.taken(steps.enqueue, needed)}
        found["look"] = steps.taken(steps.look, times)
        leases: list[Lease] = []
        one = steps.taken(lambda: leases.extend(steps.claim(1)), times)
        several = steps.taken(lambda: leases.extend(steps.claim(MANY)), times // MANY)
        found["claim_job"] = max(0.0, (several - one) / (MANY - 1))
        found["claim"] = max(0.0, one - found["claim_job"])
        with database.writing(Scope.ROWS) as session:
            batch_claims.claim(session, EMBEDDED, WORKER, clock.now(), HELD)
            beside = steps.taken(lambda: leases.extend(steps.claim(1)), times)
        found["skip"] = max(0.0, (beside - one) / HELD)
        left = iter(leases)
        found["renew"] = steps.taken(lambda: steps.renew(leases[:100]), times // 10) / 100
        found["work"] = steps.taken(lambda: steps.work(left), times)
    return found


if __name__ == "__main__":
    main()
