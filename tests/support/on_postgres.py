"""A whole service on a real PostgreSQL, what may befall both, and what has to be so afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests
from pydantic import SecretStr
from sqlalchemy import func, select

from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Call, CallState, Document, Job, PageRow
from ilios.db.opening import open_database
from tests.postgres_server.process import PostgresServer
from tests.support import deployment, soundness
from tests.support.api_server import free_port
from tests.support.deployment import Deployment
from tests.support.waiting import wait_until

ANSWER_TIMEOUT_S = 20.0
OUTAGE_TIMEOUT_S = 60.0
ROUND_DOCUMENTS = 6
SQLITE = b"SQLite format 3"

Fault = Callable[[], object]


def settings_of(folder: Path, url: str, direct_url: str | None = None, **more: Any) -> Settings:
    """Return the settings of a small node."""
    few = {"port": free_port(), "web_concurrency": 1, "worker_count": 2, "database_pool_size": 4}
    urls = {"database_url": SecretStr(url)}
    if direct_url is not None:
        urls["database_direct_url"] = SecretStr(direct_url)
    return Settings(data_dir=folder).model_copy(update={**few, **urls, **more})


class Node:
    """A deployment on a database of a server, and the documents that it has acknowledged."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.settings = settings
        self.service = Deployment(settings, folder, variables)
        self.acknowledged: dict[str, str] = {}  #: texts by the ids of their documents

    def send(self, timeout_s: float) -> str:
        """Have a document acknowledged, as a client does that tries again with its key."""
        number = len(self.acknowledged)
        text, key = f"Document {number}.", f"document-{self.settings.port}-{number}"
        sent: list[str] = []

        def is_sent() -> bool:
            with contextlib.suppress(requests.RequestException):
                sent.append(self.service.submit(text.encode(), "page.txt", key))
            return bool(sent)

        wait_until(is_sent, timeout_s)
        self.acknowledged[sent[0]] = text
        return sent[0]

    def ask(self, path: str, token: str | None = None) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return requests.get(self.service.url + path, headers=headers, timeout=ANSWER_TIMEOUT_S)

    def is_ready(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return bool(self.ask("/readyz").status_code == requests.codes.ok)
        return False

    def wait_until_ready(self, timeout_s: float) -> None:
        wait_until(self.is_ready, timeout_s)
        self.service.wait_until_ready(timeout_s)


@contextlib.contextmanager
def running(settings: Settings, folder: Path, timeout_s: float) -> Iterator[Node]:
    """Provide a node that is ready."""
    node = Node(settings, folder)
    with closing(node.service):
        node.wait_until_ready(timeout_s)
        yield node


def faults(node: Node, server: PostgresServer, database: str) -> Mapping[str, Fault]:
    """Return what is done to service and server, one after the other."""
    service = node.service

    def server_is_killed() -> None:
        server.kill()
        server.start()

    def connections_are_ended() -> None:
        with server.connect() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )

    return {
        "a worker is killed": lambda: deployment.kill(*service.workers[:1]),
        "connections are ended": connections_are_ended,
        "the supervisor is killed": lambda: deployment.kill(*service.supervisor),
        "the server is killed": server_is_killed,
        "a web process is killed": lambda: deployment.kill(*service.web_workers),
        "everything is killed": lambda: deployment.kill(*service.everything),
    }


def survive(node: Node, server: PostgresServer, database: str, recovery_s: float) -> None:
    """Send documents around each fault; all of them complete."""
    for fault in faults(node, server, database).values():
        for _ in range(ROUND_DOCUMENTS // 2):
            node.send(recovery_s)
        fault()
        for _ in range(ROUND_DOCUMENTS - ROUND_DOCUMENTS // 2):
            node.send(recovery_s)
        node.wait_until_ready(recovery_s)
    wait_until(lambda: all(map(node.service.is_completed, node.acknowledged)), recovery_s)


def violations(node: Node) -> list[str]:
    """Return what is not so: each document completed once, and nothing else is there."""
    try:
        with closing(open_database(node.settings)) as database:
            return [*_of_documents(database, node.acknowledged), *_of_files(node.settings)]
    finally:
        clock.follow(None)


def _of_documents(database: Database, acknowledged: Mapping[str, str]) -> Iterator[str]:
    yield from soundness.not_completed(database, acknowledged)
    with database.reading() as session:
        known = set(session.scalars(select(Document.id)))
        yield from (f"{other} was not acknowledged" for other in known - set(acknowledged))
        pages = select(PageRow.document_id, PageRow.markdown)
        texts: dict[str, list[str]] = {}
        for document_id, markdown in session.execute(pages):
            texts.setdefault(document_id, []).append(markdown.strip())
        for document_id, text in acknowledged.items():
            if texts.get(document_id) != [text]:
                yield f"{document_id} has {texts.get(document_id)}, and {text!r} was sent"
        calls = select(Call.document_id, Call.state, func.count()).group_by(
            Call.document_id, Call.state
        )
        counted = {(one, state): number for one, state, number in session.execute(calls)}
        if counted != {(one, CallState.SETTLED): 1 for one in acknowledged}:
            yield f"calls are {counted}"
        if left := session.scalar(
            select(func.count()).where(Job.status.in_(("pending", "processing")))
        ):
            yield f"{left} jobs are open"


def _of_files(settings: Settings) -> Iterator[str]:
    for path in settings.data_folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(len(SQLITE)) == SQLITE:
                    yield f"{path} is a SQLite file"
