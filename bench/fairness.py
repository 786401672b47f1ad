"""How long others wait behind one key: `python -m bench.fairness`.

One key has 100,000 documents in the queue, all of the highest priority. Meanwhile another one
submits a document at a time, first of that priority and then of the lowest, and looks until it is
completed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert, select

from bench import pdfs
from bench.service import HEADERS, Service, multipart, running
from ilios.core.ids import new_id
from ilios.core.settings import Settings
from ilios.db.models import Document, Job
from ilios.db.sqlite_database import SqliteDatabase
from ilios.queue.priority import SPACING_MS

FLOOD, OTHER = "the-one-with-much", "the-other-one"
HIGHEST, LOWEST = 10, 1
POLL_SECONDS = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=20)
    options = parser.parse_args()
    with running(API_KEY=f"{FLOOD},{OTHER}", OCR_ENGINE="embedded") as service:
        service.pause_workers()
        submit(service, FLOOD, HIGHEST, "the first")
        multiply(service, options.documents)
        service.resume_workers()
        for priority in (HIGHEST, LOWEST):
            waits = [wait(service, priority, look) for look in range(options.looks)]
            print(
                f"priority {priority}, behind {options.documents} of priority {HIGHEST}: completed "
                f"after {statistics.median(waits):.2f} s, at most {max(waits):.2f} s"
            )


def multiply(service: Service, documents: int) -> None:
    """Copy the one document in the queue `documents` times, each with an object of its own."""
    objects = service.data_dir / "objects"
    database = SqliteDatabase(Settings(data_dir=service.data_dir).database_path)
    with database.writing() as session:
        document = dict(session.execute(select(Document.__table__)).one()._mapping)
        job = dict(session.execute(select(Job.__table__)).one()._mapping)
        content = (objects / document["storage_key"]).read_bytes()
        copies, jobs = [], []
        for number in range(1, documents):
            document_id = new_id()
            storage_key = document["storage_key"].replace(document["id"], document_id)
            (objects / storage_key).parent.mkdir(parents=True, exist_ok=True)
            (objects / storage_key).write_bytes(content)
            own = {"id": document_id, "storage_key": storage_key, "fingerprint": None}
            copies.append(document | own)
            rank = job["rank"] + number * SPACING_MS
            jobs.append(job | {"id": new_id(), "document_id": document_id, "rank": rank})
        session.execute(insert(Document), copies)
        session.execute(insert(Job), jobs)
    database.close()


def wait(service: Service, priority: int, look: int) -> float:
    """Return seconds from submission to the end of the conversion."""
    began = time.monotonic()
    document_id = submit(service, OTHER, priority, f"priority {priority}, {look}")
    while ask(service, OTHER, f"/api/documents/status/{document_id}")["status"] != "completed":
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def submit(service: Service, key: str, priority: int, mark: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        content = pdfs.write(Path(folder) / "one.pdf", 1, mark=mark).read_bytes()
    body = multipart("one.pdf", content, priority=priority)
    return str(ask(service, key, "/api/documents/submit", body)["id"])


def ask(service: Service, key: str, path: str, body: bytes | None = None) -> dict[str, object]:
    connection = service.connect()
    headers = {"Authorization": f"Bearer {key}"} | (HEADERS if body else {})
    connection.request("POST" if body else "GET", path, body, headers)
    answer: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


if __name__ == "__main__":
    main()
