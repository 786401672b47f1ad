"""A long scan as a PDF that can be searched: `python -m bench.searchable_pdf`.

The time until it has come, and by how much the web process and its parser child grow meanwhile. The
result is put into the database: each page is an image, and has 40 lines of text.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
from pathlib import Path

import psutil

from bench import pdfs
from bench.pages import Growth, read
from bench.service import MIB, Service, running
from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.base import Page
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Line
from tests.support import structured

SAMPLE_SECONDS = 0.05
LINES = 40
LINE_HEIGHT = 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--image-side", type=int, default=200, help="pixels, three bytes each")
    options = parser.parse_args()
    with running(WEB_CONCURRENCY="1") as service:
        service.pause_workers()  # else they convert what is put into the database
        try:
            _measure(service, options.pages, options.image_side)
        finally:
            service.resume_workers()


def _measure(service: Service, pages: int, image_side: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pdfs.write(Path(folder) / "scan.pdf", pages, scan_side=image_side)
        original_mib = path.stat().st_size / MIB
        document_id = _stored(service, path, pages)
    with Growth(service) as growth, _Parsers(service) as parsers:
        first_ms, seconds, size = read(service, f"/api/documents/{document_id}?format=pdf")
    print(
        f"{pages} pages, {original_mib:.0f} MiB: first byte after {first_ms / 1000:.1f} s, "
        f"the last of {size / MIB:.0f} MiB after {seconds:.1f} s; the web process grew by "
        f"{growth.mib:.0f} MiB, its parser child took {parsers.most / MIB:.0f} MiB"
    )


def _stored(service: Service, path: Path, pages: int) -> str:
    settings = Settings(data_dir=service.data_dir)
    database = SqliteDatabase(settings.database_path)
    try:
        return structured.add_result(
            database,
            map(_page, range(pages)),
            settings=settings,
            content=path.read_bytes(),
            mime_type="application/pdf",
        )
    finally:
        database.close()


def _page(index: int) -> Page:
    texts = [
        f"Line {line} of page {index + 1}, of a scan that can be read." for line in range(LINES)
    ]
    lines, place = [], 0
    for number, text in enumerate(texts):
        top = 40 + number * LINE_HEIGHT
        lines.append(Line(place, place + len(text), (72, top, 500, top + LINE_HEIGHT)))
        place += len(text) + 1
    block = Block("text", 0, place - 1, lines=tuple(lines))
    return Page(index, "\n".join(texts), width=595, height=842, layout=Layout.of([block]))


class _Parsers:
    """Watches how much memory the processes take that a service starts meanwhile."""

    def __init__(self, service: Service) -> None:
        self.most = 0
        self._service = service
        self._known = set(service.tree())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Parsers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            with contextlib.suppress(psutil.NoSuchProcess):
                begun = [one for one in self._service.tree() if one not in self._known]
                self.most = max(self.most, sum(one.memory_info().rss for one in begun))


if __name__ == "__main__":
    main()
