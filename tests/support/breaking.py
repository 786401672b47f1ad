"""A whole service that a test breaks: deployed, billed by a stand-in, and checked afterwards."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import MISTRAL
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import soundness
from tests.support.api_server import free_port
from tests.support.deployment import Deployment
from tests.support.faulty_proxy import FaultyProxy
from tests.support.service import Service
from tests.support.soundness import Marks, Place
from tests.support.waiting import wait_until

START_TIMEOUT_S = 60.0
RECOVERY_S = 10.0  #: after any fault the service works again by itself within this
HEAVY_BYTES = 6 * 1024 * 1024  #: too large to travel inside a call: it becomes a provider's file


@dataclass(frozen=True, slots=True)
class Parcel:
    """A document that nobody has sent before, and what its pages say."""

    content: bytes
    marks: Marks
    file_name: str = "document.pdf"
    fields: Mapping[str, str] = field(default_factory=dict)  #: that are sent with it
    key: str | None = None  #: with which it is sent, however often


class Customer:
    """A service, and every document that it has acknowledged to us."""

    def __init__(self, service: Service, place: Place) -> None:
        self.service = service
        self.place = place
        self.acknowledged: dict[str, Marks] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def parcel(self, pages: int = 1, padding_bytes: int = 0) -> Parcel:
        number = self._next_number()
        marks = [f"Document {number}, page {page}." for page in range(1, pages + 1)]
        return Parcel(pdf(*marks, padding_bytes=padding_bytes), marks)

    def web_page(self) -> Parcel:
        """Return a page that is converted here, at no cost."""
        mark = f"Document {self._next_number()}."
        return Parcel(f"<!doctype html><p>{mark}</p>".encode(), [mark], "page.html")

    def try_to_send(self, parcel: Parcel) -> str | None:
        """Return its id if it was acknowledged; None when it was refused, or nobody knows."""
        with contextlib.suppress(requests.RequestException):
            document_id = self.service.submit(
                parcel.content, parcel.file_name, parcel.key, **parcel.fields
            )
            with self._lock:
                self.acknowledged[document_id] = parcel.marks
            return document_id
        return None

    def send(self, parcel: Parcel, timeout_s: float = START_TIMEOUT_S) -> str:
        """Return its id, as soon as it is acknowledged, as a client does that tries again."""
        sent: list[str] = []

        def is_sent() -> bool:
            sent.extend(filter(None, [self.try_to_send(parcel)]))
            return bool(sent)

        wait_until(is_sent, timeout_s)
        return sent[0]

    def convert(self, pages: int = 1, timeout_s: float = START_TIMEOUT_S) -> str:
        """Have a document converted, in this time: whatever was broken works again then."""
        document_id = self.send(self.parcel(pages), timeout_s)
        wait_until(lambda: self.service.is_completed(document_id), timeout_s)
        return document_id

    def _next_number(self) -> int:
        with self._lock:
            return next(self._numbers)

    def violations(self, timeout_s: float = START_TIMEOUT_S) -> list[str]:
        """Return what is wrong, once every document has ended."""
        wait_until(lambda: soundness.all_ended(self.place.database), timeout_s)
        with self._lock:
            acknowledged = dict(self.acknowledged)
        folders = [node.data_folder for node in self.place.nodes]
        held = soundness.files_held(self.service.everything, folders)
        return [*soundness.violations(self.place, acknowledged), *held]


class Subject(Customer):
    """The service on one machine, as tests break it, behind a way to its provider."""

    def __init__(self, deployment: Deployment, place: Place, way_to_provider: FaultyProxy) -> None:
        super().__init__(deployment, place)
        self.deployment = deployment
        self.way_to_provider = way_to_provider


@contextmanager
def broken(
    folder: Path,
    migrated_file: Path,
    variables: Mapping[str, str] = MappingProxyType({}),
    **changes: object,
) -> Iterator[Subject]:
    """Provide a service that is ready to be broken; `changes` are settings."""
    with MistralServer(latency_ms=50) as provider, FaultyProxy(_port(provider)) as way:
        settings = Settings(data_dir=folder / "data", log_format="console").model_copy(
            update={
                "port": free_port(),
                "ocr_engine": MISTRAL,
                "mistral_api_key": SecretStr(API_KEY),
                "mistral_server_url": f"http://127.0.0.1:{way.port}",
                "call_deadline_seconds": 5,
                "web_concurrency": 2,
                **changes,
            }
        )
        data_folder.prepare(settings)
        shutil.copy(migrated_file, settings.database_path)
        database = SqliteDatabase(settings.database_path)
        deployment = Deployment(settings, folder, variables)
        try:
            deployment.wait_until_ready(START_TIMEOUT_S)
            yield Subject(deployment, Place(settings, database, provider), way)
        finally:
            deployment.close()
            database.close()


def _port(provider: MistralServer) -> int:
    return urlsplit(provider.url).port or 0
