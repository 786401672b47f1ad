"""Nodes of one cluster on this machine: each a part of a build, in a data folder of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import requests
from pydantic import SecretStr

from ilios.core import clock, data_folder, ids
from ilios.core.settings import Settings
from ilios.db.opening import open_database
from ilios.engines.registry import MISTRAL
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.pooler.builds import THIS, Build
from tests.support import deployment
from tests.support.api_server import free_port
from tests.support.breaking import Customer
from tests.support.buckets import ACCESS_KEY_ID, make_bucket
from tests.support.service import Service
from tests.support.soundness import Place
from tests.support.start_script import StartScript
from tests.support.sync_points import SyncPoints
from tests.support.waiting import wait_until

WEB: Final = "web"
WORKERS: Final = "workers"
SECRET: Final = "a-secret-that-must-not-be-shown"
READY_TIMEOUT_S: Final = 180.0
STEP_TIMEOUT_S: Final = 120.0


class Node(SyncPoints):
    """A host with a part of the service, which a build after the other may run."""

    def __init__(self, kind: str, settings: Settings, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder / "sync")
        self.kind = kind
        self.settings = settings
        self._folder = folder
        self._scripts: list[StartScript] = []
        data_folder.prepare(settings)

    @property
    def name(self) -> str:
        return self.settings.node

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def log(self) -> str:
        return "".join(one.log for one in self._scripts)

    @property
    def is_up(self) -> bool:
        return bool(self._scripts) and self._scripts[-1].process.poll() is None

    @property
    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if self.is_up:
                main = psutil.Process(self._scripts[-1].process.pid)
                return [main, *main.children(recursive=True)]
        return []

    def start(self, build: Build) -> None:
        """Let a build run, in the data folder of the one before."""
        log_path = self._folder / f"start-{len(self._scripts)}.log"
        variables = {**self.sync_variables, **build.variables}
        command = build.command(self.kind)
        script = StartScript(
            self.settings,
            log_path,
            variables=variables,
            command=command,
            folder=build.folder,  # gunicorn takes what it imports from there first
        )
        self._scripts.append(script)

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        self._scripts[-1].process.terminate()
        return self._scripts[-1].wait()

    def kill(self) -> None:
        deployment.kill(*self.processes)
        self.close()

    def close(self) -> None:
        if self._scripts:
            self._scripts[-1].close()


class Nodes(Service):
    """All that were made; a client turns to each web node that runs in turn."""

    def __init__(self, shared: Settings, folder: Path) -> None:
        self.all: list[Node] = []
        self.shared = shared
        self._folder = folder
        self._turns = itertools.count()

    @property
    def url(self) -> str:
        web = [one for one in self.all if one.kind == WEB and one.is_up]
        return web[next(self._turns) % len(web)].url

    @property
    def everything(self) -> list[psutil.Process]:
        return [process for one in self.all for process in one.processes]

    def add(self, kind: str, build: Build) -> Node:
        """Start one more node."""
        name = f"{kind}-{len(self.all)}"
        own = {"node_name": name, "port": free_port(), "data_dir": self._folder / name / "data"}
        node = Node(kind, self.shared.model_copy(update=own), self._folder / name)
        self.all.append(node)
        node.start(build)
        return node

    def wait_until_ready(self, timeout_s: float, but: Node | None = None) -> None:
        """Return when all nodes that run live, and take work; one may not."""
        running = {one.name for one in self.all if one.is_up and one is not but}
        wait_until(lambda: self._well() == running, timeout_s)

    def wait_for_state(self, node: Node, state: str) -> None:
        wait_until(lambda: self.nodes().get(node.name, {}).get("state") == state, STEP_TIMEOUT_S)

    def nodes(self) -> dict[str, Any]:
        """Return what a web node says of all nodes, by their names."""
        with contextlib.suppress(requests.RequestException, json.JSONDecodeError):
            health = requests.get(f"{self.url}/health", timeout=self.timeout).json()
            return {one["name"]: one for one in health.get("nodes", [])}
        return {}

    def close(self) -> None:
        for one in self.all:
            one.close()

    def _well(self) -> set[str]:
        web = [one for one in self.all if one.kind == WEB and one.is_up]
        if not all(_is_ready(one) for one in web):
            return set()
        return {name for name, one in self.nodes().items() if one["state"] == "ok"}


@contextmanager
def cluster(folder: Path, url: str, s3_endpoint: str, **changes: object) -> Iterator[Customer]:
    """Provide a customer of a cluster without nodes; the test adds them."""
    bucket = f"test-{ids.new_id()}"
    make_bucket(s3_endpoint, bucket, SECRET)
    with MistralServer(latency_ms=50) as provider, ExitStack() as stack:
        shared = Settings(data_dir=folder / "here").model_copy(
            update={**_shared(url, provider), **_bucket(s3_endpoint, bucket), **changes}
        )
        data_folder.prepare(shared)
        migrated = THIS.run(shared, "migrate")
        assert migrated.returncode == 0, migrated.stdout
        nodes = stack.enter_context(closing(Nodes(shared, folder)))
        database = stack.enter_context(closing(open_database(shared)))
        stack.callback(clock.follow, None)
        yield Customer(nodes, Place(shared, database, provider))


def _shared(url: str, provider: MistralServer) -> Mapping[str, object]:
    return {
        "log_format": "console",
        "web_concurrency": 1,
        "worker_count": 1,
        "worker_concurrency": 4,
        "database_url": SecretStr(url),
        "database_pool_size": 4,
        "ocr_engine": MISTRAL,
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": provider.url,
        "call_deadline_seconds": 30,
    }


def _bucket(endpoint: str, name: str) -> Mapping[str, object]:
    return {
        "s3_bucket": name,
        "aws_access_key_id": SecretStr(ACCESS_KEY_ID),
        "aws_secret_access_key": SecretStr(SECRET),
        "aws_endpoint_url_s3": endpoint,
        "s3_addressing_style": "path",
    }


def _is_ready(node: Node) -> bool:
    with contextlib.suppress(requests.RequestException):
        answer = requests.get(f"{node.url}/readyz", timeout=Service.timeout)
        return bool(answer.status_code == requests.codes.ok)
    return False
