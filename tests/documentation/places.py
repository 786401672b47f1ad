"""Where commands of the documentation are run: services with what the pages presume of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pypdfium2
import requests
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support.commands import Operator
from tests.support.forking import REPOSITORY
from tests.support.live_service import live_service, url_of
from tests.support.migrating import environment, upgrade
from tests.support.web_servers import reply, serving
from tests.unit.structure.code_blocks import Place

INVOICE = REPOSITORY / "samples" / "invoice.pdf"
KEY = "the-key-of-the-documentation"
METRICS_TOKEN = "the-token-of-the-documentation"
EXAMPLE_HOST = "https://example.com"  #: where the pages have documents that are fetched
EXAMPLE_KEY = "team-b"  #: the name of a key that the pages presume
ANSWER_TIMEOUT_S = 60.0
REPORT_PAGES = 3


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a block finds: `words` stand for others in its text."""

    data: Path | None = None
    url: str = ""
    key: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


@cache
def report() -> bytes:
    """Return what the pages call report.pdf: the invoice, as often as they ask for pages of it."""
    made, content = pypdfium2.PdfDocument.new(), io.BytesIO()
    with pypdfium2.PdfDocument(INVOICE) as invoice:
        for _ in range(REPORT_PAGES):
            made.import_pages(invoice)
    made.save(content)
    made.close()
    return content.getvalue()


class Places:
    """Makes each place when it is asked for; close it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._made: dict[Place, Surroundings] = {}

    def of(self, place: Place) -> Surroundings:
        if place not in MAKERS:
            return Surroundings()
        if place not in self._made:
            folder = self._folder / place.name.lower()
            folder.mkdir(exist_ok=True)
            self._made[place] = self._open.enter_context(MAKERS[place](folder))
        return self._made[place]

    def close(self) -> None:
        self._open.close()


@contextmanager
def _open_service(folder: Path) -> Iterator[Surroundings]:
    pdf = reply(report(), Content_Type="application/pdf")
    with serving(pdf) as web, live_service(folder, url_allow="127.0.0.1") as settings:
        yield _surroundings(settings, words={EXAMPLE_HOST: web.url("")})


@contextmanager
def _service_with_keys(folder: Path) -> Iterator[Surroundings]:
    secrets = {"api_key": SecretStr(KEY), "metrics_token": SecretStr(METRICS_TOKEN)}
    with live_service(folder, **secrets) as settings:
        yield _surroundings(settings, KEY, METRICS_TOKEN=METRICS_TOKEN)


@contextmanager
def _service_with_mistral(folder: Path) -> Iterator[Surroundings]:
    with MistralServer() as provider:
        engine = {"ocr_engine": "mistral", "mistral_api_key": SecretStr(API_KEY)}
        with live_service(folder, mistral_server_url=provider.url, **engine) as settings:
            yield _surroundings(settings)


@contextmanager
def _operator(folder: Path) -> Iterator[Surroundings]:
    """Provide a database that nobody serves."""
    settings = Settings(data_dir=folder / "data")
    data_folder.prepare(settings)
    upgrade(settings)
    done = Operator(settings).run("keys", "create", EXAMPLE_KEY)
    assert done.returncode == 0, done.stderr
    yield Surroundings(settings.data_dir, variables=environment(settings))


MAKERS: dict[Place, Callable[[Path], AbstractContextManager[Surroundings]]] = {
    Place.OPEN: _open_service,
    Place.KEYS: _service_with_keys,
    Place.MISTRAL: _service_with_mistral,
    Place.OPERATOR: _operator,
}


def _surroundings(
    settings: Settings, key: str = "", words: dict[str, str] | None = None, **variables: str
) -> Surroundings:
    """Return those of a service that has converted a document, which pages call `$id`."""
    url = url_of(settings)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with INVOICE.open("rb") as file:
        answer = requests.post(
            f"{url}/v1/convert", files={"file": file}, headers=headers, timeout=ANSWER_TIMEOUT_S
        )
    answer.raise_for_status()
    given = {"id": answer.headers["X-Document-Id"], "KEY": key, **variables}
    return Surroundings(
        settings.data_dir, url, key, environment(settings, **given), dict(words or {})
    )
