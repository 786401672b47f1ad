"""What requests cost that wait for their conversion: `python -m bench.waiting`."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time

import psutil

from bench.service import HEADERS, MIB, Service, multipart, running

FEW, MANY = 1, 60  #: requests that may wait in a process with the default WEB_THREADS
LINES = 3000  #: of each document: about 100 KiB
SETTLE_SECONDS = 4
SECONDS = 15


def main() -> None:
    with running(WEB_CONCURRENCY="1") as service:
        service.pause_workers()
        web = web_process(service)
        wait_for_results(service, FEW)
        before = web.memory_info().rss
        wait_for_results(service, MANY - FEW)
        mib_each = (web.memory_info().rss - before) / MIB / (MANY - FEW)
        cpu_before = sum(web.cpu_times()[:2])
        time.sleep(SECONDS)
        cpu_percent = 100 * (sum(web.cpu_times()[:2]) - cpu_before) / SECONDS
        print(f"memory of a request that waits   {mib_each:6.2f} MiB")
        print(f"processor time of {MANY} that wait   {cpu_percent:6.1f} % of one core")
        service.resume_workers()


def web_process(service: Service) -> psutil.Process:
    """Return gunicorn's only worker process."""
    arbiter = next(process for process in service.tree() if process.name() == "gunicorn")
    (worker,) = arbiter.children()
    return worker


def wait_for_results(service: Service, count: int) -> None:
    """Send `count` requests that wait for their results; return once they do."""
    for _ in range(count):
        threading.Thread(target=convert, args=(service.connect(),), daemon=True).start()
    time.sleep(SETTLE_SECONDS)


def convert(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):  # until the service stops
        # Always other bytes: equal documents would share a conversion.
        text = f"{threading.get_ident()} {time.monotonic_ns()}\n".encode() * LINES
        connection.request("POST", "/v1/convert", multipart("a.txt", text), HEADERS)
        connection.getresponse().read()


if __name__ == "__main__":
    main()
