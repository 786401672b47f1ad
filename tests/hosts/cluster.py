"""Ilios on several hosts: web and worker nodes, PostgreSQL on two, a bucket and a provider."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import requests
from pydantic import SecretStr

from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.opening import open_database
from ilios.engines.registry import MISTRAL
from tests.hosts.network import Host, Network
from tests.hosts.postgres import Pair
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.postgres_server.process import programs
from tests.support.breaking import Customer
from tests.support.buckets import ACCESS_KEY_ID, make_bucket
from tests.support.commands import Operator
from tests.support.forking import REPOSITORY
from tests.support.migrating import environment, upgrade
from tests.support.service import Service
from tests.support.soundness import Place
from tests.support.start_script import path_with_python
from tests.support.sync_points import SyncPoints
from tests.support.tls import make_certificate
from tests.support.waiting import wait_until

PORT: Final = 1337
BUCKET: Final = "documents"
SECRET: Final = "a-secret-that-must-not-be-shown"
Command = tuple[str | Path, ...]
WEB: Final[Command] = (sys.executable, "-m", "ilios", "web")
WORKERS: Final[Command] = (sys.executable, REPOSITORY / "workers.py")
HASTY_WORKERS: Final[Command] = (sys.executable, "-m", "tests.hosts.hasty_workers")
TEND_SECONDS: Final = 0.2
START_TIMEOUT_S: Final = 600.0  #: of all hosts, on a busy machine


class Node(SyncPoints):
    """A host with a part of the service, which is started again when it ends, as platforms do."""

    def __init__(
        self, host: Host, settings: Settings, trust: Mapping[str, str], command: Command
    ) -> None:
        super().__init__(host.folder / "sync")
        self.host = host
        self.settings = settings
        self.kind = host.name.partition("-")[0]
        self._command = command
        self.starts = 0
        self._log_path = host.folder / "node.log"
        self.variables = {**trust, **self.sync_variables, "PATH": path_with_python()}
        self._lock = threading.Lock()
        self._is_down = False
        self._process: subprocess.Popen[bytes] | None = None
        data_folder.prepare(settings)

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def url(self) -> str:
        return f"http://{self.host.address}:{PORT}"

    @property
    def main(self) -> list[psutil.Process]:
        """The process that has started all others of the node, while there is one."""
        with suppress(psutil.NoSuchProcess):
            if self._process is not None and self._process.poll() is None:
                return [psutil.Process(self._process.pid)]
        return []

    def tend(self) -> None:
        """Start it if it does not run and may."""
        with self._lock:
            has_ended = self._process is None or self._process.poll() is not None
            if has_ended and not self._is_down:
                self._start()

    def kill(self, *, stays_down: bool = False) -> None:
        """Lose the host, until `come_back` if it stays down."""
        with self._lock:
            self._is_down = stays_down
            self.host.kill()

    def come_back(self) -> None:
        with self._lock:
            self._is_down = False

    def heal(self) -> None:
        """Undo whatever was done to it."""
        self.host.mend()
        self.host.resume()
        self.disarm()
        self.come_back()

    def doctor(self) -> list[str]:
        """Return what `ilios doctor` finds to be wrong on this host."""
        operator = Operator(self.settings, self.variables, self.host.prefix)
        return [f"{self.host.name}: {one}" for one in operator.diagnosis().of("error")]

    def _start(self) -> None:
        self.starts += 1
        with self._log_path.open("ab") as log:
            self._process = self.host.start(
                *self._command,
                environment=environment(self.settings, **self.variables),
                output=log,
            )


class Cluster(Service):
    """All of them; a client turns to each web node in turn."""

    timeout = (3.0, 30.0)

    def __init__(self, nodes: list[Node], pair: Pair, bucket: Host, provider: Host) -> None:
        self.nodes = nodes
        self.pair = pair
        self.bucket = bucket
        self.provider = provider
        self._turns = itertools.cycle(self.web)
        self._closing = threading.Event()
        self._platform = threading.Thread(target=self._tend)
        self._platform.start()

    @property
    def web(self) -> list[Node]:
        return [node for node in self.nodes if node.kind == "web"]

    @property
    def workers(self) -> list[Node]:
        return [node for node in self.nodes if node.kind == "worker"]

    @property
    def starts(self) -> int:  # type: ignore[override]
        return sum(node.starts for node in self.nodes)

    @property
    def url(self) -> str:
        return next(self._turns).url

    @property
    def everything(self) -> list[psutil.Process]:
        return [one for node in self.nodes for one in node.host.processes]

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return when every node is ready, and says so to every web node."""
        wait_until(lambda: all(self._is_well(node) for node in self.web), timeout_s)

    def heal(self) -> None:
        """Undo whatever was done to hosts."""
        for host in (self.bucket, self.provider):
            host.mend()
        for node in self.nodes:
            node.heal()

    def doctor(self) -> list[str]:
        return [line for node in (self.web[0], self.workers[0]) for line in node.doctor()]

    def close(self) -> None:
        self._closing.set()
        self._platform.join()

    def _is_well(self, node: Node) -> bool:
        with suppress(requests.RequestException):
            health = requests.get(f"{node.url}/health", timeout=self.timeout).json()
            well = {one["name"] for one in health.get("nodes", []) if one["state"] == "ok"}
            is_staffed = health["services"]["workers"] == "ok"
            return is_staffed and well == {one.host.name for one in self.nodes}
        return False

    def _tend(self) -> None:
        while not self._closing.wait(TEND_SECONDS):
            for node in self.nodes:
                node.tend()


@contextmanager
def cluster(folder: Path, workers: Command = WORKERS, **changes: object) -> Iterator[Customer]:
    """Provide a customer of a cluster that is ready; `changes` are settings of its nodes."""
    folder.chmod(0o755)  # PostgreSQL's user has to come through
    with ExitStack() as stack:
        network = stack.enter_context(Network(folder))
        pair = Pair(network.host("db-1"), network.host("db-2"), programs())
        at = network.host("provider")
        provider = stack.enter_context(
            MistralServer(address=at.address, prefix=at.prefix, latency_ms=50)
        )
        s3 = network.host("s3")
        shared = {**_shared(pair, provider), **_bucket(stack, s3), **changes}
        trust = {"AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"]}
        commands = {"web-1": WEB, "web-2": WEB} | {f"worker-{n}": workers for n in (1, 2, 3)}
        hosts = [network.host(name) for name in commands]
        nodes = [Node(host, _settings(host, shared), trust, commands[host.name]) for host in hosts]
        upgrade(nodes[0].settings, trust)
        service = stack.enter_context(closing(Cluster(nodes, pair, s3, at)))
        settings, *others = [node.settings for node in nodes]
        database = stack.enter_context(closing(open_database(settings)))
        stack.callback(clock.follow, None)
        service.wait_until_ready(START_TIMEOUT_S)
        yield Customer(service, Place(settings, database, provider, tuple(others)))


def _settings(host: Host, shared: Mapping[str, object]) -> Settings:
    own = {"node_name": host.name}
    return Settings(data_dir=host.folder / "data").model_copy(update={**shared, **own})


def _shared(pair: Pair, provider: MistralServer) -> dict[str, object]:
    return {
        "log_format": "console",
        "port": PORT,
        "allowed_hosts": "*",
        "web_concurrency": 1,
        "worker_count": 2,
        "worker_concurrency": 4,
        "database_url": SecretStr(pair.url),
        "database_pool_size": 4,
        "ocr_engine": MISTRAL,
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": provider.url,
        "split_pages": 10,
    }


def _bucket(stack: ExitStack, host: Host) -> dict[str, object]:
    """Start the object store, and let clients trust it; return the settings of a bucket there."""
    certificate = make_certificate(host.folder, host.address)
    os.environ["AWS_CA_BUNDLE"] = str(certificate.certificate)
    stack.callback(os.environ.pop, "AWS_CA_BUNDLE")
    process = stack.enter_context(
        subprocess.Popen(
            [
                *(*host.prefix, sys.executable, "-m", "tests.hosts.bucket", host.address),
                *(certificate.certificate, certificate.private_key),
            ],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    assert process.stdout is not None
    endpoint = process.stdout.readline().strip()
    if not endpoint:
        raise RuntimeError("the object store does not start")
    make_bucket(endpoint, BUCKET, SECRET)
    return {
        "s3_bucket": BUCKET,
        "aws_access_key_id": SecretStr(ACCESS_KEY_ID),
        "aws_secret_access_key": SecretStr(SECRET),
        "aws_endpoint_url_s3": endpoint,
        "s3_addressing_style": "path",
    }
