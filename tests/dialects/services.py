"""The services that the clients meet: with each engine, with and without keys, and in an outage."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from tests.dialects import samples
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support.api_server import free_port
from tests.support.commands import Operator
from tests.support.start_script import StartScript

ANSWER_TIMEOUT_S = 90.0
OUTAGES = "outage"  #: the purpose of a service for them
OUTAGE = {"on": "ocr", "kind": "status", "status": 503}
WAIT_SECONDS = 60
WAIT_IN_OUTAGE_SECONDS = 10
"""How long a service waits for a result then; some clients ask no more than twice."""
OUTAGE_SECONDS = 7
"""The second attempt meets it, the third, which is the last, does not: that comes 12 s after the
first at the earliest, and so after a first wait."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where it listens, and the secrets of its keys; empty where it has none."""

    url: str
    provider: MistralServer
    key: str = ""
    spent_key: str = ""  #: what its holder may spend or convert is used up

    @contextmanager
    def outage(self, *, may_end: bool) -> Iterator[None]:
        """Let the provider answer 503 to OCR until the block ends, or for OUTAGE_SECONDS."""
        self.provider.control(faults=[OUTAGE])
        if not may_end:
            try:
                yield
            finally:
                self.provider.control(faults=[])
            return
        end = threading.Timer(OUTAGE_SECONDS, self.provider.control, kwargs={"faults": []})
        end.start()
        try:
            yield
        finally:
            end.cancel()
            end.join()
            self.provider.control(faults=[])


class Services:
    """Starts each service when it is asked for; close it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._started: dict[tuple[str, bool, str], Service] = {}

    def of(self, engine: str, *, keys: bool, purpose: str = "") -> Service:
        """Return the service of a kind; one for a purpose of its own is shared with no other."""
        kind = (engine, keys, purpose)
        if kind not in self._started:
            folder = self._folder / f"{engine}-{keys}-{purpose}"
            folder.mkdir()
            wait_seconds = WAIT_IN_OUTAGE_SECONDS if purpose == OUTAGES else WAIT_SECONDS
            self._started[kind] = self._running.enter_context(
                _running(folder, engine, keys, wait_seconds)
            )
        return self._started[kind]

    def close(self) -> None:
        self._running.close()


@contextmanager
def _running(folder: Path, engine: str, keys: bool, wait_seconds: int) -> Iterator[Service]:
    with MistralServer(faults=[samples.reading_of_the_scan()]) as provider:
        settings = Settings(data_dir=folder / "data").model_copy(
            update={
                "port": free_port(),
                "ocr_engine": engine,
                "web_concurrency": 1,
                "worker_count": 1,
                "convert_wait_seconds": wait_seconds,
                "mistral_api_key": SecretStr(API_KEY),
                "mistral_server_url": provider.url,
            }
        )
        data_folder.prepare(settings)
        script = StartScript(settings, folder / "service.log")
        with contextlib.closing(script):
            script.wait_until_ready()
            service = Service(f"http://127.0.0.1:{settings.port}", provider)
            yield _with_keys(service, Operator(settings)) if keys else service


def _with_keys(service: Service, operator: Operator) -> Service:
    key = _key(operator, "tester")
    spent = _key(operator, "spender", "--budget", "0.001", "--pages-per-day", "1")
    requests.post(
        f"{service.url}/v1/convert",
        headers={"Authorization": f"Bearer {spent}"},
        files={"file": ("page.txt", b"The one page of the day.")},
        timeout=ANSWER_TIMEOUT_S,
    )  # what becomes of it depends on the engine: both leave nothing for the next one
    return replace(service, key=key, spent_key=spent)


def _key(operator: Operator, name: str, *limits: str) -> str:
    done = operator.run("keys", "create", name, "--json", *limits)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return str(json.loads(done.stdout)["secret"])
