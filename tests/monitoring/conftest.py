"""A service under load, watched by Prometheus: for all tests of this tier."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
from pydantic import SecretStr

from ilios.core.settings import Settings
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.monitoring.prometheus import Prometheus, missing_programs
from tests.support.api_server import free_port
from tests.support.externals import unavailable
from tests.support.start_script import START_TIMEOUT_S, StartScript
from tests.support.waiting import wait_until

KEY, TOKEN = "key-of-anna", "token-of-prometheus"
VOLUME_MIB = 1200  #: a little more than what IliosDiskFull wants to be free
PAUSE_SECONDS = 0.5
ANSWER_TIMEOUT_S = 30.0
IN_A_SMALL_VOLUME = (
    f'mount -t tmpfs -o size={VOLUME_MIB}m none "$1" && cp "$2" "$1" && shift 2 && exec "$@"'
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A running service, the provider that it calls, and the Prometheus that scrapes it."""

    script: StartScript
    settings: Settings
    provider: MistralServer
    prometheus: Prometheus

    def worker(self) -> psutil.Process:
        """Return one of the workers."""
        return self.script.child("supervisor").children()[0]

    def volume(self) -> Path:
        """Return the data folder, as the service sees it."""
        return Path(f"/proc/{self.script.process.pid}/root{self.settings.data_folder}")

    def submit(self, name: str, content: bytes) -> None:
        requests.post(
            f"http://127.0.0.1:{self.settings.port}/api/documents/submit",
            headers={"Authorization": f"Bearer {KEY}"},
            files={"file": (name, content)},
            timeout=ANSWER_TIMEOUT_S,
        ).raise_for_status()


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    if missing := missing_programs():
        unavailable(f"{', '.join(missing)} not found: apt-get install prometheus")
    if os.geteuid() != 0:
        unavailable("needs root and a mount namespace, for a small volume")


@pytest.fixture(scope="session")
def provider() -> Iterator[MistralServer]:
    with MistralServer(latency_ms=50) as server:
        yield server


@pytest.fixture(scope="session")
def watched(
    provider: MistralServer, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """Provide a service that replicates to a server that is not there: such a replica lags."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        port=free_port(),
        api_key=SecretStr(KEY),
        metrics_token=SecretStr(TOKEN),
        mistral_api_key=SecretStr(API_KEY),
        mistral_server_url=provider.url,
        use_embedded_replica=True,
        turso_database_url=f"http://127.0.0.1:{free_port()}",
        turso_auth_token=SecretStr("token"),
        turso_sync_interval=1,
    )
    folder = tmp_path_factory.mktemp("prometheus")
    volume = ("unshare", "--mount", "sh", "-c", IN_A_SMALL_VOLUME, "sh")
    prefix = (*volume, str(settings.data_folder), str(migrated_file))
    script = StartScript(settings, folder / "service.log", prefix)
    script.wait_until_ready()
    prometheus = Prometheus(folder, settings.port, TOKEN)
    ready = f'ilios_worker_processes{{state="ready"}} == {settings.worker_count}'
    wait_until(lambda: prometheus.query(ready), START_TIMEOUT_S)
    yield Watched(script, settings, provider, prometheus)
    prometheus.close()
    script.close()


@pytest.fixture
def load(watched: Watched) -> Iterator[None]:
    """Send documents for both engines, as long as the test lasts."""
    is_over = threading.Event()

    def send() -> None:
        number = 0
        while not is_over.wait(PAUSE_SECONDS):
            number += 1
            watched.submit("page.html", f"<h1>Page {number}</h1>".encode())
            watched.submit("scan.pdf", pdf(f"Document {number}"))

    thread = threading.Thread(target=send)
    thread.start()
    yield
    is_over.set()
    thread.join()
