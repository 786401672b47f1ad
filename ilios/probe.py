"""Asks the service on this machine whether it is well: `python -m ilios.probe [PATH]`.

For a container's HEALTHCHECK: standard library only, so that a probe costs little. Worker nodes
answer no HTTP; of them `supervisor` and `workers` in the place of a path ask for the heartbeat.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from pathlib import Path

TIMEOUT_SECONDS = 4.0
DEFAULT_PATH = "/health"
HEARTBEAT = Path("run", "supervisor.json")  #: in the data folder; see ilios.operations.heartbeat
STALE_SECONDS = 5.0
HUNG_SECONDS = 90.0
"""For which a supervisor may wait for a database that says nothing; it lives, and does not beat."""
OF_WORKERS = ("supervisor", "workers")  #: that it lives, and that it can convert


def probe(port: int, path: str) -> str | None:
    """Return what is wrong; None when the service answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        return f"port {port} does not answer: {error}"
    else:
        body = answer.read(2000).decode(errors="replace")
        return None if answer.status == http.client.OK else f"{path} says {answer.status}: {body}"
    finally:
        connection.close()


def probe_workers(heartbeat: Path, *, need_a_worker: bool) -> str | None:
    """Return what is wrong with the supervisor that writes this file; None when nothing is.

    Unless a worker is needed, it is well as long as it lives.
    """
    try:
        beat = json.loads(heartbeat.read_text())
        age_seconds = time.monotonic() - beat["beat_seconds"]
        ready = beat["workers_ready"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{heartbeat} has no heartbeat: {error}"
    if not 0 <= age_seconds < (STALE_SECONDS if need_a_worker else HUNG_SECONDS):
        return f"the supervisor has been silent for {age_seconds:.0f} s"
    return "no worker is ready" if need_a_worker and not ready else None


def main(asked: str) -> str | None:
    """Return what is wrong, for the exit of this program."""
    if asked in OF_WORKERS:
        folder = Path(os.environ.get("DATA_DIR") or "/data")
        return probe_workers(folder / HEARTBEAT, need_a_worker=asked == "workers")
    return probe(int(os.environ.get("PORT") or 1337), asked)


if __name__ == "__main__":
    sys.exit(main((sys.argv[1:] or [DEFAULT_PATH])[0]))
