"""What metrics cost: `python -m bench.metrics`.

Prints the processor time of a scrape of a service with 100,000 documents, and that of what is
counted for one conversion: its submission, one look at its status, its claim, its call, its result.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import text

from bench.claim_time import FILL_DOCUMENTS
from bench.service import Service, running
from ilios.core.telemetry import metrics, shared_counters
from ilios.db.sqlite_database import SqliteDatabase

ROUTES = ("/api/documents/submit", "/api/documents/status/<id:document_id>")
FILL_JOBS = """
INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, attempts,
                       max_attempts, crashes, scheduled_at, created_at)
SELECT 'j' || id, id, owner, 'convert', 'embedded', 'pending', 5, rowid, 0, 3, 0,
       NULL, created_at FROM documents
"""
LATER = "2999-01-01 00:00:00.000000"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    print(f"counting, for one conversion  {counting_ms(options.rounds * 100):7.4f} ms")
    with running() as service:
        show(service, "no document", options.rounds)
        service.pause_workers()  # they would take the jobs
        fill(service, options.documents)
        show(service, f"{options.documents:,} ready", options.rounds)
        change(service, "UPDATE job_queue SET scheduled_at = :later", later=LATER)
        show(service, f"{options.documents:,} delayed", options.rounds)
        change(service, "UPDATE job_queue SET status = 'completed'")
        show(service, f"{options.documents:,} finished", options.rounds)
        service.resume_workers()


def counting_ms(conversions: int) -> float:
    """Return the processor time of all counting for one conversion by a provider."""
    with tempfile.TemporaryDirectory() as folder:
        shared_counters.share(Path(folder) / "metrics")
        count_one()
        began = time.process_time()
        for _ in range(conversions):
            count_one()
        seconds = time.process_time() - began
        shared_counters.close()
    return seconds / conversions * 1000


def count_one() -> None:
    for route in ROUTES:
        metrics.HTTP_REQUESTS.labels("GET", route, 200).inc()
        metrics.HTTP_REQUEST_SECONDS.labels(route).observe(0.01)
    metrics.PICKUP_SECONDS.labels("mistral").observe(0.01)
    with metrics.provider_call():
        pass
    metrics.PAGES.labels("mistral").inc(3)
    metrics.COST.labels("mistral").inc(15_600)
    metrics.CONVERSION_SECONDS.labels("mistral").observe(1)


def show(service: Service, what: str, rounds: int) -> None:
    cpu_ms, median_ms = scrape_ms(service, rounds)
    print(
        f"a scrape, {what:18} {cpu_ms:7.1f} ms of processor time, {median_ms:5.1f} ms until it ends"
    )


def scrape_ms(service: Service, rounds: int) -> tuple[float, float]:
    """Return processor time of the web processes per scrape, and the client's median time."""
    connection = service.connect()
    web = web_processes(service)
    took = [timed_scrape(connection)]
    before = cpu_seconds(web)
    took = [timed_scrape(connection) for _ in range(rounds)]
    spent = cpu_seconds(web) - before
    connection.close()
    return spent / rounds * 1000, statistics.median(took)


def timed_scrape(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter()
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.status == http.client.OK
    answer.read()
    return (time.perf_counter() - began) * 1000


def web_processes(service: Service) -> list[psutil.Process]:
    return [process for process in service.tree() if process.name() == "gunicorn"]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def fill(service: Service, count: int) -> None:
    change(service, FILL_DOCUMENTS, count=count, mark="0")
    change(service, FILL_JOBS)


def change(service: Service, statement: str, **parameters: object) -> None:
    database = SqliteDatabase(service.data_dir / "ilios.db")
    with database.writing() as session:
        session.execute(text(statement), parameters)
    database.close()


if __name__ == "__main__":
    main()
