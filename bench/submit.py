"""Documents per second, durable and acknowledged, workers paused: `python -m bench.submit`."""

from __future__ import annotations

import argparse
import random
import threading
import time

from bench.service import HEADERS, Service, multipart, running

CLIENTS = 8
KIB = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--kib", type=int, default=100)
    options = parser.parse_args()
    content = b"%PDF-1.4\n" + random.Random(1).randbytes(options.kib * KIB - 9)  # noqa: S311
    with running() as service:
        service.pause_workers()
        cpu_before = service.cpu_seconds()
        started = time.perf_counter()
        send_all(service, content, options.documents)
        seconds = time.perf_counter() - started
        cpu = service.cpu_seconds() - cpu_before
        service.resume_workers()
    print(
        f"{options.documents} documents of {options.kib} KiB, {CLIENTS} clients: "
        f"{options.documents / seconds:.0f} documents/s; "
        f"{1000 * cpu / options.documents:.2f} ms of the server's processor time for each"
    )


def send_all(service: Service, content: bytes, count: int) -> None:
    numbers = iter(range(count))
    lock = threading.Lock()

    def client() -> None:
        connection = service.connect()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            connection.request(
                "POST",
                "/api/documents/submit",
                # All different: equal documents would share a conversion.
                multipart(f"{number}.pdf", content + b"%d" % number),
                HEADERS,
            )
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 202, text
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()


if __name__ == "__main__":
    main()
