"""What this machine can do at most, without the service: `python -m bench.machine`."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
import threading
import time
from pathlib import Path

from ilios.db.driver import sqlite

COMMITS_NAME = "SQLite commits, synchronous=FULL"
COMMITS = 1000
FILES = 300
FILE_BYTES = 100 * 1024
MESSAGES = 20_000


def main() -> None:
    print(describe())
    for name, rate in limits().items():
        print(f"{name}: {rate:,.0f}/s")


def describe() -> str:
    """Return processors, system and libraries in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    return (
        f"{os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite.sqlite_version}"
    )


def limits() -> dict[str, float]:
    """Return what can be done a second, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            COMMITS_NAME: commits(Path(folder)),
            "files of 100 KiB written and synced": files(Path(folder)),
            "messages there and back over loopback": messages(),
        }


def commits(folder: Path) -> float:
    connection = sqlite.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")
    started = time.perf_counter()
    for number in range(COMMITS):
        connection.execute("INSERT INTO rows VALUES (?, ?)", (number, "x" * 500))
    seconds = time.perf_counter() - started
    connection.close()
    return COMMITS / seconds


def files(folder: Path) -> float:
    content = os.urandom(FILE_BYTES)
    started = time.perf_counter()
    for number in range(FILES):
        with (folder / str(number)).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    return FILES / (time.perf_counter() - started)


def messages() -> float:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()

    def echo() -> None:
        while received := peer.recv(4096):
            peer.sendall(received)

    echoing = threading.Thread(target=echo)
    echoing.start()
    started = time.perf_counter()
    for _ in range(MESSAGES):
        client.sendall(b"x" * 200)
        client.recv(4096)
    seconds = time.perf_counter() - started
    client.close()
    echoing.join()
    peer.close()
    return MESSAGES / seconds


if __name__ == "__main__":
    main()
