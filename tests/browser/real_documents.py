"""Twelve documents of different formats, and a service in real processes that converts them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.engines.detection import media_types
from ilios.engines.registry import EMBEDDED, MISTRAL
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support import same_content
from tests.support.api_fixtures import KEY
from tests.support.api_server import ENDURING, Server, free_port
from tests.support.forking import REPOSITORY
from tests.support.same_content import Content, Run
from tests.support.sample_files import archive, encoded, pdf, picture, scan, text
from tests.support.supervising import SupervisorProcess

SAMPLES = ("invoice.pdf", "meeting-notes.docx", "scanned-letter.pdf")
MINUTES = Content(
    heading="Minutes of the meeting",
    paragraphs=(
        [Run("Present were "), Run("Anna", "bold"), Run(" and Bert.")],
        [Run("The budget was passed with a large majority.")],
    ),
    letters=("The roof is mended first", "The garden waits"),
    table=(("Item", "Cost"), ("Roof", "12,000"), ("Garden", "3,400")),
)
LETTER = [
    "Dear neighbours,",
    "the herons have come back to the pond.",
    "Please keep your dogs away.",
]


def write(folder: Path) -> list[Path]:
    """Write the documents into a folder; returns their paths."""
    made = {name: (REPOSITORY / "samples" / name).read_bytes() for name in SAMPLES}
    made |= {
        "minutes.docx": _office(same_content.word(MINUTES), media_types.DOCX),
        "minutes.odt": _declared(same_content.opendocument(MINUTES), mimetype=media_types.ODT),
        "minutes.rtf": same_content.rtf(MINUTES),
        "minutes.html": same_content.html(MINUTES),
        "minutes.epub": _declared(same_content.epub(MINUTES), mimetype=media_types.EPUB),
        "slides.pptx": _office(same_content.presentation(MINUTES), media_types.PPTX),
        "costs.xlsx": _office(same_content.workbook(MINUTES), media_types.XLSX),
        "letter.png": encoded(scan(LETTER), "PNG"),
        "report.pdf": _report(),
    }
    paths = [folder / name for name in made]
    for path in paths:
        path.write_bytes(made[path.name])
    return paths


def _office(made: bytes, kind: str) -> bytes:
    """Return an Office file that says what it is, as every program writes it."""
    override = f'<Override PartName="/main.xml" ContentType="{kind}.main+xml"/>'
    return _declared(made, **{"[Content_Types].xml": f"<Types>{override}</Types>"})


def _declared(made: bytes, **parts: str) -> bytes:
    """Return an archive with these parts first, in place of those of their names."""
    with zipfile.ZipFile(io.BytesIO(made)) as held:
        rest = {name: held.read(name) for name in held.namelist() if name not in parts}
    return archive({**parts, **rest})


def _report() -> bytes:
    """Return a PDF of eight pages, whose sixth is a picture without any text."""
    pages = [
        text(f"Part {number}", size=20) + text(f"What part {number} says of herons.", top=720)
        for number in range(1, 9)
    ]
    pages[5] = picture(72, 300, 200, 200)
    return pdf(*pages, image=scan([], (200, 200)))


@contextmanager
def service(settings: Settings, provider: MistralServer | None = None) -> Iterator[Server]:
    """Serve in real processes, with the embedded engine or with a stand-in for Mistral."""
    engine: dict[str, Any] = {"ocr_engine": EMBEDDED}
    if provider is not None:
        engine = {
            "ocr_engine": MISTRAL,
            "mistral_api_key": SecretStr(API_KEY),
            "mistral_server_url": provider.url,
        }
    size: dict[str, Any] = {"web_concurrency": 1, "worker_count": 1}
    served = settings.model_copy(
        update={"api_key": SecretStr(KEY), "port": free_port(), **size, **engine}
    )
    data_folder.prepare(served)
    with ExitStack() as stack:
        supervisor = SupervisorProcess(served, "real")
        stack.callback(supervisor.close)
        server = Server(served, ENDURING)
        stack.callback(server.close)
        supervisor.wait_until_ready()
        yield server
