"""Whether a large queue on PostgreSQL is as quick as a small one: `python -m bench.queue_size`.

By hand. Prints the median of a claim and of an enqueue, commits included, beside 1,000 and beside
1,000,000 other jobs of each kind, measured in turn, and their ratio. Then one key has 100,000
documents in the queue, all of the highest priority, and another one submits one after the other:
printed is how long each takes to be completed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import text

from bench import postgres, queue_rate
from bench.queue_rate import Ours
from ilios.core import clock
from ilios.db.database import Database, Scope
from ilios.documents.admission import Order
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, guests, pause
from ilios.queue.jobs import enqueue
from ilios.queue.priority import SPACING_MS
from tests.postgres_server.process import PostgresServer

KINDS = {
    "finished": ("completed", "NULL"),
    "ready": ("pending", "NULL"),
    "delayed": ("pending", "timestamptz '2999-01-01'"),
}
FEW = 1_000
SLOTS = 8  #: that a claim finds jobs for
HIGHEST, LOWEST = 10, 1
ONE_DOCUMENT = """
INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, status,
    engine_fault, operation, options, warnings, pages_done, retention_days, created_at, to_erase)
VALUES ('d', 'another', 'f', 't', 1, 'k', 'pending', false, 'convert', '{}', '[]', 0, 365, now(),
    false)
"""
# Documents are not what is measured: all jobs are of one.
JOBS = f"""
INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, attempts,
    max_attempts, crashes, scheduled_at, created_at)
SELECT 'j' || lpad(i::text, 23, '0'), 'd', 'owner', 'convert', '{EMBEDDED}', '{{status}}', 5,
    i::bigint * {SPACING_MS}, 0, 3, 0, {{scheduled_at}}, now()
FROM generate_series(1, {{count}}) AS i
"""  # noqa: S608  # of constants
COPIES = f"""
WITH one AS (SELECT * FROM documents), added AS (
    INSERT INTO documents (id, owner, file_name, mime_type, file_size, sha256, storage_key, status,
        engine_fault, operation, options, warnings, pages_done, retention_days, created_at,
        to_erase)
    SELECT 'c' || lpad(i::text, 23, '0'), one.owner, one.file_name, one.mime_type, one.file_size,
        one.sha256, one.storage_key, one.status, false, one.operation, one.options, one.warnings,
        0, one.retention_days, one.created_at, false
    FROM one, generate_series(2, {{count}}) AS i
)
INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, attempts,
    max_attempts, crashes, created_at)
SELECT 'k' || lpad(i::text, 23, '0'), 'c' || lpad(i::text, 23, '0'), job.owner, job.type, job.lane,
    job.status, job.priority, job.rank + i::bigint * {SPACING_MS}, 0, 3, 0, job.created_at
FROM job_queue AS job, generate_series(2, {{count}}) AS i
"""  # noqa: S608


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=400)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=20)
    options = parser.parse_args()
    with postgres.server() as server:
        print(f"{'':10} {'jobs':>9} {'claim ms':>9} {'guest ms':>9} {'enqueue ms':>11}")
        for kind in KINDS:
            beside(server, kind, options.jobs, options.claims)
        with queue_rate.running(server, 10) as ours:
            flood(ours, options.documents)
            for priority in (HIGHEST, LOWEST):
                waits = [wait(ours, priority) for _ in range(options.looks)]
                print(
                    f"priority {priority}, behind {options.documents} of priority {HIGHEST}: "
                    f"completed after {statistics.median(waits):.2f} s, at most {max(waits):.2f} s"
                )


def beside(server: PostgresServer, kind: str, many: int, claims: int) -> None:
    """Measure beside few and many jobs of a kind, in turn, and print both."""
    with ExitStack() as stack:
        databases = {
            count: stack.enter_context(filled(server, kind, count)) for count in (FEW, many)
        }
        taken: dict[int, list[tuple[float, ...]]] = {count: [] for count in databases}
        for _ in range(claims):
            for count, database in databases.items():
                taken[count].append(
                    tuple(timed(act, database) for act in (enqueue_all, claim, look_for_guest))
                )
    medians = {}
    for count, times in taken.items():
        enqueued, claimed, looked = map(statistics.median, zip(*times, strict=True))
        medians[count] = claimed, looked, enqueued
        print(f"{kind:10} {count:9,} {claimed:9.3f} {looked:9.3f} {enqueued:11.3f}")
    ratios = [large / small for small, large in zip(*medians.values(), strict=True)]
    print(f"{'':10} {'ratio':>9} {ratios[0]:9.2f} {ratios[1]:9.2f} {ratios[2]:11.2f}")


@contextmanager
def filled(server: PostgresServer, kind: str, count: int) -> Iterator[Database]:
    status, scheduled_at = KINDS[kind]
    with postgres.migrated(server) as migrated, migrated.opened() as database:
        with database.writing() as session:
            session.execute(text(ONE_DOCUMENT))
            session.execute(
                text(JOBS.format(status=status, scheduled_at=scheduled_at, count=count))
            )
        with database.watching() as watch:
            watch.driver.execute("VACUUM ANALYZE job_queue")  # as the server does within a minute
        yield database


def enqueue_all(database: Database) -> None:
    with database.writing(Scope.owner("another")) as session:
        for _ in range(SLOTS):
            enqueue(
                session,
                document_id="d",
                owner="another",
                lane=EMBEDDED,
                priority=5,
                now=clock.now(),
            )


def claim(database: Database) -> None:
    with database.writing(Scope.ROWS) as session:
        found = batch_claims.claim(session, EMBEDDED, "bench/worker-0", clock.now(), SLOTS)
    assert len(found) == SLOTS


def look_for_guest(database: Database) -> None:
    with database.watching() as watch:
        guests.first_ready(watch, EMBEDDED, {"owner"})


def timed(act: Callable[[Database], None], database: Database) -> float:
    """Return milliseconds."""
    started = time.perf_counter()
    act(database)
    return (time.perf_counter() - started) * 1000


def flood(ours: Ours, documents: int) -> None:
    """Let one owner have so many documents in the queue, all with the same object."""
    with ours.database.writing() as session:
        pause.pause(session, clock.now())
        session.execute(text("DELETE FROM documents"))
    ours.submit(ours.received(1)[0], Order(owner="flood", priority=HIGHEST))
    with ours.database.writing() as session:
        session.execute(text(COPIES.format(count=documents)))
        pause.resume(session)


def wait(ours: Ours, priority: int) -> float:
    """Return seconds from submission to the end of the conversion."""
    began = time.monotonic()
    document_id = ours.submit(ours.received(1)[0], Order(owner="other", priority=priority))
    while not ours.is_done(document_id):
        time.sleep(queue_rate.STEP_SECONDS)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
