"""What replication costs, and how soon it catches up: `python -m bench.replication`.

The provider is simulated, the remote a real libsql-server (`make
replication-server`); both share the processors with the service.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import provider
from bench.service import Service, running
from ilios.core.settings import Settings
from ilios.replication.startup import prepare_volume
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.replication_server.process import LibsqlServer
from tests.support import replicas

POLL_SECONDS = 0.25
KILL_AFTER_SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=["throughput", "outage"])
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--latency-ms", type=int, default=200)
    parser.add_argument("--interval", type=int, default=5, help="TURSO_SYNC_INTERVAL, in seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--outage-seconds", type=float, default=60.0)
    options = parser.parse_args()
    provider.prepare(options.documents)
    if options.scenario == "throughput":
        throughput(options)
    else:
        outage(options)


def throughput(options: argparse.Namespace) -> None:
    """Compare two services that run at the same time, so that other load affects both."""
    ratios, costs = [], []
    for _ in range(options.rounds):
        with (
            libsql_server() as server,
            service(options, server) as on,
            service(options, None) as off,
        ):
            cpu = [found.cpu_seconds() for found in (on, off)]
            on_rate, off_rate = _rates([on, off], options.documents)
            spent = [
                found.cpu_seconds() - before for found, before in zip((on, off), cpu, strict=True)
            ]
        ratios.append(on_rate / off_rate)
        costs.append(spent[0] / spent[1])
        print(
            f"on {on_rate:.1f}/s, off {off_rate:.1f}/s, ratio {ratios[-1]:.2f}; "
            f"processor time {costs[-1]:.2f}",
            flush=True,
        )
    print(
        f"{options.documents} documents each, interval {options.interval} s: on/off median "
        f"{statistics.median(ratios):.2f}, processor time {statistics.median(costs):.2f}"
    )


def outage(options: argparse.Namespace) -> None:
    """Kill the remote under load, start it again, then compare all rows."""
    with libsql_server() as server, service(options, server) as running:
        settings = settings_of(running, options, server)
        load = threading.Thread(target=_load, args=(running, options.documents))
        load.start()
        time.sleep(KILL_AFTER_SECONDS)
        server.kill()
        time.sleep(options.outage_seconds)
        lagging = running.get("/health")
        server.start()
        back = time.monotonic()
        rows = wait_until_caught_up(running)
        print(
            f"killed for {options.outage_seconds:.0f} s: {lagging['services']['turso']}, "
            f"{lagging['replication']['lagRows']} rows behind; "
            f"{rows} rows behind {time.monotonic() - back:.1f} s after its return"
        )
        load.join()
        ended = time.monotonic()
        while (differing := replicas.differences(settings)) and time.monotonic() - ended < 600:
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - ended
        print(
            f"{options.documents} documents: converged {seconds:.1f} s after the last completion "
            f"(interval {options.interval} s), {differing} rows of "
            f"{replicas.rows(settings)} differ"
        )
        running.stop()
        restore(settings)


def restore(lost: Settings) -> None:
    """Restore into an empty volume, and compare it with the lost one."""
    with tempfile.TemporaryDirectory() as folder:
        empty = lost.model_copy(update={"data_dir": Path(folder)})
        started = time.monotonic()
        prepare_volume(empty)
        seconds = time.monotonic() - started
        differing = replicas.files_differ(lost.database_path, empty.database_path)
        print(f"restored in {seconds:.1f} s; tables that differ: {differing or 'none'}")


def wait_until_caught_up(running: Service) -> int:
    """Wait until a replication has succeeded; return how many rows the remote lacks then."""
    while True:
        health = running.get("/health")
        if health["services"]["turso"] == "ok":
            return int(health["replication"]["lagRows"])
        time.sleep(POLL_SECONDS)


@contextmanager
def libsql_server() -> Iterator[LibsqlServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = LibsqlServer(Path(folder))
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def service(options: argparse.Namespace, server: LibsqlServer | None) -> Iterator[Service]:
    with MistralServer(latency_ms=options.latency_ms) as mistral:
        settings = {
            "OCR_ENGINE": "mistral",
            "MISTRAL_API_KEY": API_KEY,
            "MISTRAL_SERVER_URL": mistral.url,
        }
        if server is not None:
            settings |= {name.upper(): str(value) for name, value in turso(options, server).items()}
        with running(**settings) as found:
            warm_up = [(found, -1 - number) for number in range(provider.WORKERS * 2)]
            provider.everywhere(warm_up, provider.CLIENTS, provider.convert)
            yield found


def turso(options: argparse.Namespace, server: LibsqlServer) -> dict[str, Any]:
    return {
        "use_embedded_replica": True,
        "turso_database_url": server.url,
        "turso_auth_token": server.token(),
        "turso_sync_interval": options.interval,
    }


def settings_of(running: Service, options: argparse.Namespace, server: LibsqlServer) -> Settings:
    return Settings(data_dir=running.data_dir, **turso(options, server))


def _rates(services: list[Service], documents: int) -> list[float]:
    """Return documents per second of each, until the first of them has finished."""
    started = time.time()
    loads = [threading.Thread(target=_load, args=(found, documents)) for found in services]
    for load in loads:
        load.start()
    for load in loads:
        load.join()
    until = min(_ends(found)[-1] for found in services)
    return [
        sum(started < end <= until for end in _ends(found)) / (until - started)
        for found in services
    ]


def _load(running: Service, documents: int) -> None:
    work = [(running, number) for number in range(documents)]
    provider.everywhere(work, provider.CLIENTS, provider.submit)
    provider.last_completion(running, documents + provider.WORKERS * 2)


def _ends(running: Service) -> list[float]:
    with provider.database(running) as rows:
        ended = rows("SELECT unixepoch(processed_at, 'subsec') FROM documents ORDER BY 1")
    return [float(end) for (end,) in ended]


if __name__ == "__main__":
    main()
