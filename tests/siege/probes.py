"""Probes as an orchestrator sends them: each on a connection of its own, once a second."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 1.0
TIMEOUT_S = 15.0
PATHS = ("/livez", "/readyz", "/health", "/metrics")


@dataclass(frozen=True, slots=True)
class Probe:
    """One question; `seconds` count from the connection to the last byte of the answer."""

    path: str
    begun: float  #: by time.monotonic()
    seconds: float
    outcome: str  #: the status, or what went wrong
    late_s: float  #: how long after its time this machine let us ask


def ask_steadily(
    port: int,
    token: str,
    ends_at: float,
    stop_file: Path,
    paths: Sequence[str] = PATHS,
    every_s: float = EVERY_S,
) -> list[Probe]:
    """Ask all probes until the end; the entry point of the process."""
    probes: list[Probe] = []
    threads = [
        threading.Thread(target=_ask, args=(port, token, path, ends_at, stop_file, every_s, probes))
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return probes


def _ask(
    port: int,
    token: str,
    path: str,
    ends_at: float,
    stop_file: Path,
    every_s: float,
    probes: list[Probe],
) -> None:
    due = time.monotonic()
    while due < ends_at and not stop_file.exists():
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.monotonic()
        outcome = _outcome(port, token, path)
        ended = time.monotonic()
        probes.append(Probe(path, begun, ended - begun, outcome, begun - due))
        due = max(due + every_s, ended)  # one that was answered late delays the next


def _outcome(port: int, token: str, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
