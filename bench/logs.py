"""What the log costs a conversion, in CPU time: `python -m bench.logs`.

Writes the lines of one queued document at Mistral (taken in, two looks at its status, converted,
fetched) again and again, and what the trace costs beside; prints the mean for one document, of the
quickest of five rounds.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from datetime import timedelta

from ilios.api.middleware import access_log
from ilios.api.middleware.access_log import Access
from ilios.core import ids
from ilios.core.telemetry import logs, tracing
from ilios.core.telemetry.logs import LogConfig
from ilios.core.telemetry.tracing import Origin

ROUNDS = 5
REQUEST_ID, KEY_ID, DOCUMENT_ID, JOB_ID, CALL_ID = (ids.new_id() for _ in range(5))
REQUESTS = ("POST", "GET", "GET", "GET")
SECRETS = ("key-of-team-a", "key-of-team-b", "mistral-key-0123456789")

log = logs.get(__name__)


class _Sent:
    sent = 1234


def request(method: str) -> None:
    """Log a request, with a trace of its own."""
    tracing.begin(Origin(REQUEST_ID, tracing.continue_trace(None)))
    seen = Access("/api/documents/status/<id:document_id>", 200, "0123456789ab", KEY_ID)
    access_log.log_request(method, seen, _Sent(), "192.0.2.17", timedelta(milliseconds=12))


def conversion() -> None:
    """Write all lines about one document."""
    for method in REQUESTS:
        request(method)
    log.info(
        "document.accepted",
        document_id=DOCUMENT_ID,
        batch_id=None,
        media_type="application/pdf",
        size_bytes=123_456,
        status="pending",
        result_of=None,
    )
    with tracing.working_for(tracing.current(), job_id=JOB_ID):
        logs.bind(document_id=DOCUMENT_ID)
        log.info("job.started", job_id=JOB_ID, document_id=DOCUMENT_ID)
        tracing.next_traceparent()
        log.info(
            "call.settled",
            call_id=CALL_ID,
            document_id=DOCUMENT_ID,
            engine="mistral",
            model="mistral-ocr-latest",
            pages=1,
            cost_micros=5200,
        )
        log.info("job.completed", job_id=JOB_ID, document_id=DOCUMENT_ID, pages=1, duration_ms=1.5)
        log.info("document.completed", document_id=DOCUMENT_ID)


def cpu_ms(work: Callable[[], None], times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=1000)
    times: int = parser.parse_args().times
    reader, writer = os.pipe()
    results = {}
    if os.fork() == 0:  # reads the log, as a container engine does
        os.close(writer)
        while os.read(reader, 65536):
            pass
        os._exit(0)
    with os.fdopen(writer, "w") as stream:
        for form in ("json", "console"):
            logs.apply(LogConfig("bench", format=form, secrets=SECRETS), stream)
            cpu_ms(conversion, times // 10)  # warm
            results[form] = min(cpu_ms(conversion, times) for _ in range(ROUNDS))
    for form, spent_ms in results.items():
        print(
            f"{form}: {spent_ms:.3f} ms of CPU for a conversion, with its {len(REQUESTS)} requests"
        )


if __name__ == "__main__":
    main()
