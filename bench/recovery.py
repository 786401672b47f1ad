"""How soon work goes on after a killed process or a lost wake-up: `python -m bench.recovery`.

Eight calls to a simulated provider are in flight when a worker, or the supervisor, is killed. After
the supervisor's death the service ends and is started again, as platforms do.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.pickup import pickup
from bench.provider import database, everywhere, prepare, submit
from bench.service import Service, running
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.operations import heartbeat
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

IN_FLIGHT = 8
CALL_MS = 5000
POLL_SECONDS = 0.005

HELD = "SELECT lease_token, worker FROM job_queue WHERE status = 'processing'"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    prepare(IN_FLIGHT)
    report("picked up after a lost wake-up", lost_wake_ups(options.rounds))
    report("jobs of a dead worker back", [dead_worker() for _ in range(options.rounds)])
    ends, starts = zip(*(dead_supervisor() for _ in range(options.rounds)), strict=True)
    report("the service ended after its supervisor", ends)
    report("its jobs back, from the next start on", starts)


def report(what: str, seconds: list[float] | tuple[float, ...]) -> None:
    print(f"{what:40} median {statistics.median(seconds):5.2f} s, worst {max(seconds):5.2f} s")


def lost_wake_ups(rounds: int) -> list[float]:
    """Measure pickups without wake-ups: the socket's file is deleted."""
    with running() as service:
        pickup(service, -1)  # the first one starts the parser
        data_folder.wake_socket(_settings(service)).unlink()
        return [pickup(service, number) / 1000 for number in range(rounds)]


def dead_worker() -> float:
    """Return seconds until a killed worker holds no lease any more."""
    with _busy() as service:
        beat = heartbeat.read(data_folder.supervisor_state(_settings(service)))
        assert beat is not None
        victim = max(beat.workers, key=lambda worker: worker.jobs)
        held = {lease for lease, worker in _held(service) if worker.endswith(victim.name)}
        assert held
        process = next(one for one in service.tree() if one.pid == victim.pid)
        killed = time.monotonic()
        process.kill()
        return _until_given_back(service, held) - killed


def dead_supervisor() -> tuple[float, float]:
    """Return seconds until the service has ended, and from its next start until jobs are back."""
    with _busy() as service:
        held = {lease for lease, _ in _held(service)}
        killed = time.monotonic()
        service.supervisor().kill()
        service.process.wait(60)
        ended = time.monotonic()
        service.start()
        back = _until_given_back(service, held)
        service.wait_until_ready()
        return ended - killed, back - ended


@contextmanager
def _busy() -> Iterator[Service]:
    """Run a service with IN_FLIGHT calls in flight."""
    with MistralServer(latency_ms=CALL_MS) as provider:
        settings = {
            "OCR_ENGINE": "mistral",
            "MISTRAL_API_KEY": API_KEY,
            "MISTRAL_SERVER_URL": provider.url,
        }
        with running(**settings) as service:
            everywhere([(service, number) for number in range(IN_FLIGHT)], 1, submit)
            while provider.stats().in_flight < IN_FLIGHT:
                time.sleep(POLL_SECONDS)
            yield service


def _held(service: Service) -> list[tuple[str, str]]:
    with database(service) as rows:
        return [(str(lease), str(worker)) for lease, worker in rows(HELD)]


def _until_given_back(service: Service, leases: set[str]) -> float:
    """Wait until none of these leases is held; return that moment."""
    while leases & {lease for lease, _ in _held(service)}:
        time.sleep(POLL_SECONDS)
    return time.monotonic()


def _settings(service: Service) -> Settings:
    return Settings(data_dir=service.data_dir)


if __name__ == "__main__":
    main()
