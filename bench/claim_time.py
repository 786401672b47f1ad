"""How long a claim takes beside finished, ready and delayed jobs: `python -m bench.claim_time`.

Prints the median of a claim and of an enqueue's rank for 1,000 and for 1,000,000 other jobs of each
kind, measured in turn, and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.service import migrate
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import EMBEDDED
from ilios.queue.jobs import claim, enqueue

KINDS = {
    "finished": ("completed", "NULL"),
    "ready": ("pending", "NULL"),
    "delayed": ("pending", "'2999-01-01 00:00:00.000000'"),
}
FILL_DOCUMENTS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, status,
                       engine_fault, operation, options, warnings, pages_done, retention_days,
                       created_at)
SELECT printf('d%s%022d', :mark, i), 'owner', 'f', 't', 1, 'k', 'pending', 0, 'convert', '{}', '[]',
       0, 365, '2026-01-01 00:00:00.000000' FROM n
"""
FILL_JOBS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO job_queue (id, document_id, owner, type, status, priority, rank, attempts,
                       max_attempts, crashes, scheduled_at, created_at)
SELECT printf('j%s%022d', :mark, i), printf('d%s%022d', :mark, i), 'owner', 'convert', '{status}',
       5, i * 60000, 0, 3, 0, {scheduled_at}, '2026-01-01 00:00:00.000000' FROM n
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=400)
    options = parser.parse_args()
    print(f"{'':10} {'jobs':>9} {'claim ms':>9} {'enqueue ms':>11}")
    for kind in KINDS:
        few = measure(kind, 1_000, options.claims)
        many = measure(kind, options.jobs, options.claims)
        for count, (claim_ms, enqueue_ms) in ((1_000, few), (options.jobs, many)):
            print(f"{kind:10} {count:9,} {claim_ms:9.3f} {enqueue_ms:11.3f}")
        print(f"{'':10} {'ratio':>9} {many[0] / few[0]:9.2f} {many[1] / few[1]:11.2f}")


def measure(kind: str, count: int, claims: int) -> tuple[float, float]:
    """Return median milliseconds of a claim and of an enqueue, commits included."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        migrate(settings.data_folder)
        database = SqliteDatabase(settings.database_path)
        fill(database, kind, count)
        enqueued = [timed(lambda: enqueue_one(database)) for _ in range(claims)]
        claimed = [timed(lambda: claim_one(database)) for _ in range(claims)]
        database.close()
    return statistics.median(claimed), statistics.median(enqueued)


def fill(database: Database, kind: str, count: int) -> None:
    status, scheduled_at = KINDS[kind]
    jobs = FILL_JOBS.format(status=status, scheduled_at=scheduled_at)
    with database.writing() as session:
        session.execute(text(FILL_DOCUMENTS), {"count": count, "mark": "0"})
        session.execute(text(jobs), {"count": count, "mark": "0"})
        # One document for all jobs that are enqueued here: only the queue is measured.
        session.execute(text(FILL_DOCUMENTS), {"count": 1, "mark": "1"})


def enqueue_one(database: Database) -> None:
    with database.writing() as session:
        enqueue(
            session,
            document_id=f"d1{1:022d}",
            owner="another",
            lane=EMBEDDED,
            priority=5,
            now=clock.now(),
        )


def claim_one(database: Database) -> None:
    with database.writing() as session:
        assert claim(session, EMBEDDED, "bench/worker-0", clock.now())


def timed(action: object) -> float:
    assert callable(action)
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
