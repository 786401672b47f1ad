"""From the acknowledgement of a document to its claim, on an idle server: `python -m bench.pickup`.

Counts from `createdAt`, which is taken before the commit, so a little more than what a client sees.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from datetime import datetime

from bench.service import HEADERS, Service, multipart, running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100)
    options = parser.parse_args()
    with running() as service:
        pickup(service, 0)  # the first one starts the parser
        waits = sorted(pickup(service, number) for number in range(options.documents))
    p95 = waits[int(0.95 * len(waits))]
    print(
        f"pickup of {len(waits)} documents: median {statistics.median(waits):.1f} ms, "
        f"p95 {p95:.1f} ms, worst {waits[-1]:.1f} ms"
    )


def pickup(service: Service, number: int) -> float:
    """Return milliseconds from creation to claim of one document."""
    time.sleep(random.uniform(0.05, 0.3))  # noqa: S311  # out of step with any timer
    connection = service.connect()
    body = multipart(f"{number}.txt", f"Document {number}".encode())
    connection.request("POST", "/api/documents/submit", body, HEADERS)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    assert answer.status == 202, document
    status = service.get(f"/api/documents/status/{document['id']}?wait=30")
    assert status["status"] == "completed", status
    created, started = (datetime.fromisoformat(status[k]) for k in ("createdAt", "startedAt"))
    return (started - created).total_seconds() * 1000


if __name__ == "__main__":
    main()
