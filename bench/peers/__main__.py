"""`python -m bench.peers huey --jobs 1000`: prints seconds as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

QUEUES = ("huey", "procrastinate", "dramatiq")
WARM = 32  #: jobs before the measured ones
STEP_SECONDS = 0.01
LONGEST_SECONDS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queue", choices=QUEUES)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1, help="that enqueue")
    parser.add_argument("--provider", help="URL of the provider; without one jobs do nothing")
    parser.add_argument("--key", default="")
    parser.add_argument("--document", type=Path, help="what each job sends to the provider")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PEER_FOLDER"] = folder
        if options.provider:
            os.environ |= {"PEER_PROVIDER": options.provider, "PEER_PROVIDER_KEY": options.key}
            Path(folder, "document.pdf").write_bytes(options.document.read_bytes())
        print(json.dumps(measure(options.queue, options.jobs, options.threads)))


def measure(name: str, jobs: int, threads: int) -> dict[str, float]:
    """Return seconds until all jobs are enqueued, and done, and processor seconds of consumers."""
    queue = importlib.import_module(f"bench.peers.{name}_queue")  # reads PEER_FOLDER
    with queue.server() as servers:
        consumers = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in queue.CONSUMERS
        ]
        pids = [*servers, *(consumer.pid for consumer in consumers)]
        try:
            for number in range(WARM):
                queue.enqueue(number)
            wait_until_done(WARM, consumers)
            before, own = cpu_seconds(pids), time.process_time()
            started = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(queue.enqueue, range(WARM, WARM + jobs)):
                    pass
            enqueued = time.perf_counter() - started
            own = time.process_time() - own
            wait_until_done(WARM + jobs, consumers)
            total = time.perf_counter() - started
            cpu = cpu_seconds(pids) - before + own
        finally:
            for consumer in consumers:
                consumer.terminate()
            for consumer in consumers:
                consumer.wait(30)
    return {"jobs": jobs, "enqueue_s": enqueued, "total_s": total, "cpu_s": cpu}


def wait_until_done(jobs: int, consumers: list[subprocess.Popen[bytes]]) -> None:
    """Raise RuntimeError when a consumer ends before, or nothing comes to an end."""
    done = Path(os.environ["PEER_FOLDER"], "done")
    deadline = time.monotonic() + LONGEST_SECONDS
    while not done.exists() or done.stat().st_size < jobs:
        if time.monotonic() > deadline or any(c.poll() is not None for c in consumers):
            raise RuntimeError(f"not all of {jobs} jobs were done")
        time.sleep(STEP_SECONDS)


def cpu_seconds(pids: list[int]) -> float:
    roots = [psutil.Process(pid) for pid in pids]
    tree = {p.pid: p for root in roots for p in [root, *root.children(recursive=True)]}
    return sum(sum(process.cpu_times()[:4]) for process in tree.values())


if __name__ == "__main__":
    main()
