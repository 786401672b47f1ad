"""How long the status page's answer takes: `python -m bench.status_page [--documents 100000]`.

Fills a database with documents of 50 keys: in turn all of them ended in the last 30 days, and all
of them waiting. Prints the median and the least of 200 looks: the least is that of a machine that
does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from bench.service import migrate
from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Scope, Terms
from ilios.api.app import build
from ilios.api.services import EXTENSION, Services
from ilios.core.settings import Settings

KEYS = 50
FILL_KEYS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :keys)
INSERT INTO api_keys (id, name, owner, hash, prefix, scopes, budget_micros_month, created_at)
SELECT printf('k%023d', i), 'key-' || i, 'owner-' || i, 'hash-' || i, 'ilios_', '["read"]',
       25000000, '2026-01-01 00:00:00.000000' FROM n
"""
FILL_DAYS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :keys * 60)
INSERT INTO daily_usage (owner, day, pages, cost_micros)
SELECT 'owner-' || (i % :keys), date('now', '-' || (i / :keys) || ' days'), 100, 520000 FROM n
"""
FILL_DOCUMENTS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
INSERT INTO documents (id, owner, file_name, mime_type, file_size, storage_key, status, error_code,
                       engine_fault, operation, options, warnings, page_count, pages_done,
                       retention_days, created_at, processed_at)
SELECT printf('d%023d', i), 'owner-' || (i % :keys), 'f', 'application/pdf', 1, 'k',
       CASE WHEN :waiting THEN 'pending' WHEN i % 50 THEN 'completed' ELSE 'failed' END,
       CASE WHEN NOT :waiting AND i % 50 = 0 THEN 'corrupt_document' END, 0, 'convert', '{}', '[]',
       CASE WHEN :waiting THEN NULL ELSE 7 END, 0, 365, datetime('now') || '.000000',
       CASE WHEN :waiting THEN NULL
            ELSE datetime('now', '-' || (i * 2592000 / :count) || ' seconds') || '.000000' END
FROM n
"""
FILL_JOBS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, attempts,
                       max_attempts, crashes, scheduled_at, created_at, started_at, error)
SELECT printf('j%023d', i), printf('d%023d', i), 'owner-' || (i % :keys), 'convert', 'mistral',
       CASE WHEN NOT :waiting THEN 'completed' WHEN i < 48 THEN 'processing' ELSE 'pending' END,
       5, i, 1, 3, 0,
       CASE WHEN :waiting AND i BETWEEN 48 AND 1047 THEN '2999-01-01 00:00:00.000000' END,
       datetime('now') || '.000000', CASE WHEN i < 48 THEN datetime('now') || '.000000' END,
       CASE WHEN i BETWEEN 48 AND 1047 THEN 'Mistral is out of order (503).' END
FROM n
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=200)
    options = parser.parse_args()
    for waiting in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), options.documents, options.looks, waiting=waiting)


def measure(folder: Path, count: int, looks: int, *, waiting: bool) -> None:
    migrate(folder)
    app = build(Settings(data_dir=folder, log_level="WARNING"))
    services: Services = app.extensions[EXTENSION]
    with services.database.writing() as session:
        for statement in (FILL_KEYS, FILL_DAYS, FILL_DOCUMENTS, FILL_JOBS):
            parameters = {"keys": KEYS, "count": count, "waiting": waiting}
            session.execute(text(statement), parameters)
    operator = KeyAdmin(services.database).create(Terms("operator", frozenset({Scope.ADMIN})))
    headers = {"Authorization": f"Bearer {operator.secret}"}
    client = app.test_client()
    whole = timed(lambda: client.get("/api/admin/status", headers=headers), looks)
    answer = client.get("/api/admin/status", headers=headers)
    assert answer.status_code == 200
    service = timed(services.overview.status, looks)
    kind = "waiting" if waiting else "ended"
    for what, taken in (("whole request", whole), ("service alone", service)):
        print(f"{count:,} {kind}: {what} {statistics.median(taken):.1f} ms, least {min(taken):.1f}")
    print(f"{len(answer.data) / 1024:.0f} KiB of JSON")
    services.close()


def timed(action: Callable[[], object], times: int) -> list[float]:
    """Return the milliseconds of each call."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


if __name__ == "__main__":
    main()
