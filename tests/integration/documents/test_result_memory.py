"""What the largest results cost in memory: the process that stores them, and the one that sends."""

from __future__ import annotations

import os
from pathlib import Path

from ilios.core.settings import Settings
from ilios.db.database import Database
from tests.support import documents
from tests.support.forking import run_python

MIB = 1024 * 1024
SLACK_BYTES = 24 * MIB
PAGES, PAGE_BYTES = 3, 16 * MIB

MEASURED = """
import re, sys
from pathlib import Path

PAGES, PAGE_BYTES = {pages}, {page_bytes}


def peak_bytes():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


{prepared}

Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = peak_bytes()
{measured}
print(peak_bytes() - before)
"""
STORE = (
    """
from ilios.db.database import Database
from ilios.documents import results
from ilios.engines.base import Conversion, Page, Usage
from ilios.engines.embedded.page_receiver import PageReceiver

database = Database(Path(sys.argv[1]))
with database.reading() as session:
    assert results.takes_pages(session, sys.argv[2])
received = PageReceiver(Path(sys.argv[3]))
received.take({"type": "counts", "selected": PAGES})
piece = "herons! " * 8_000 + "\\U0001f426"  # one such character takes four times the memory
page = {"type": "page", "text": "", "width": None, "height": None, "dpi": None}
""",
    """
for index in range(PAGES):
    for _ in range(PAGE_BYTES // len(piece)):
        received.take({"type": "text", "text": piece})
    received.take({**page, "index": index, "images": [], "warnings": []})
conversion = Conversion(tuple(received.pages), Usage(PAGES, "embedded"))
with database.writing() as session:
    results.checkpoint(session, sys.argv[2], conversion, {})
""",
)
SEND = (
    """
from ilios.api.responses import streaming
from ilios.db.database import Database
from ilios.documents import repository, result_pages

database = Database(Path(sys.argv[1]))
with database.reading() as session:
    indexes = repository.page_indexes(session, sys.argv[2])
""",
    """
for write in (streaming.markdown, streaming.json_with_content):
    pages = result_pages.of_document(database, sys.argv[2], indexes)
    content = streaming.markdown(sys.argv[2], pages)
    if write is streaming.json_with_content:
        content = streaming.json_with_content({}, content, {"tail": 1})
    assert sum(len(piece.encode()) for piece in content) >= PAGES * (PAGE_BYTES - 2**20)
""",
)


def growth_bytes(steps: tuple[str, str], *arguments: str | Path) -> int:
    """Return by how much the memory of a process of its own grows while it does the second step."""
    prepared, measured = steps
    script = MEASURED.format(
        pages=PAGES, page_bytes=PAGE_BYTES, prepared=prepared, measured=measured
    )
    done = run_python("-c", script, *arguments, environment={**os.environ, "MALLOC_ARENA_MAX": "2"})
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_result_is_stored_and_sent_in_pieces(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    document_id, _ = documents.add_document(database)
    folder = tmp_path / "job"
    folder.mkdir()

    stored = growth_bytes(STORE, settings.database_path, document_id, folder)
    sent = growth_bytes(SEND, settings.database_path, document_id)

    assert stored < SLACK_BYTES
    assert sent < SLACK_BYTES
