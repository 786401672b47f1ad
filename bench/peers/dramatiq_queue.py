"""dramatiq on Redis, which writes its log to disk once a second, as it does by default."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bench.peers.work import FOLDER, work

PROGRAM = str(Path(sys.executable).with_name("dramatiq"))
CONSUMERS = [[PROGRAM, "bench.peers.dramatiq_queue", "--processes", "2", "--threads", "8"]]
SOCKET = FOLDER / "redis.sock"

dramatiq.set_broker(RedisBroker(url=f"unix://{SOCKET}"))


@dramatiq.actor(max_retries=0)
def job(number: int) -> None:
    work(number)


enqueue = job.send


@contextmanager
def server() -> Iterator[list[int]]:
    """Run Debian's Redis during the block; provide its process id."""
    options = ["--port", "0", "--unixsocket", str(SOCKET), "--dir", str(FOLDER)]
    options += ["--appendonly", "yes", "--save", ""]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with suppress(redis.RedisError):
                redis.Redis(unix_socket_path=str(SOCKET)).ping()
                break
            time.sleep(0.05)
        try:
            yield [process.pid]
        finally:
            process.terminate()
