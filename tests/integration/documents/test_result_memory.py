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
BLOCK_CHARACTERS = 300

MEASURED = """
import re, sys
from pathlib import Path

PAGES, PAGE_BYTES, BLOCK_CHARACTERS = {pages}, {page_bytes}, {block_characters}


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
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import results
from dataclasses import replace
from ilios.engines.base import Conversion, Usage
from ilios.engines.embedded.page_receiver import PageReceiver
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block

database = SqliteDatabase(Path(sys.argv[1]))
with database.reading() as session:
    assert results.takes_pages(session, sys.argv[2])
received = PageReceiver(Path(sys.argv[3]))
received.take({"type": "counts", "selected": PAGES})
piece = "herons! " * 8_000 + "\\U0001f426"  # one such character takes four times the memory
page = {"type": "page", "text": "", "turns": 0}
page |= dict.fromkeys(("width", "height", "dpi", "confidence"))
""",
    """
for index in range(PAGES):
    for _ in range(PAGE_BYTES // len(piece)):
        received.take({"type": "text", "text": piece})
    received.take({**page, "index": index, "images": [], "warnings": []})
starts = range(0, PAGE_BYTES - 2**20, BLOCK_CHARACTERS)
box = (72, 100, 300.5, 112)
layout = Layout.of(Block("text", at, at + BLOCK_CHARACTERS, box=box) for at in starts)
pages = tuple(replace(page, layout=layout) for page in received.pages)
conversion = Conversion(pages, Usage(PAGES, "embedded"))
with database.writing() as session:
    results.checkpoint(session, sys.argv[2], conversion, {})
""",
)
SEND = (
    """
from ilios.api.responses import content
from ilios.engines import json_pieces
from ilios.api.responses.page_json import PageObjects
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import repository, result_pages
from ilios.documents.queries import DocumentReader

database = SqliteDatabase(Path(sys.argv[1]))
with database.reading() as session:
    indexes = repository.page_indexes(session, sys.argv[2])
""",
    """
for is_json in (False, True):
    pages = result_pages.of_document(database, sys.argv[2], indexes)
    written = content.markdown_of(pages, "")
    if is_json:
        written = json_pieces.written(json_pieces.Text(written))
    assert sum(len(piece.encode()) for piece in written) >= PAGES * (PAGE_BYTES - 2**20)
""",
)
SEND_BLOCKS = (
    SEND[0],
    """
characters = 0
reader = DocumentReader(database, None, None)
for index in indexes:
    found = reader.page(sys.argv[2], index + 1, owner="anonymous")
    pages = PageObjects(found, found.source(), "", with_blocks=True)
    characters += sum(map(len, json_pieces.written(iter(pages))))
assert characters >= 2 * PAGES * (PAGE_BYTES - 2**21)
""",
)


def growth_bytes(steps: tuple[str, str], *arguments: str | Path) -> int:
    """Return by how much the memory of a process of its own grows while it does the second step."""
    prepared, measured = steps
    script = MEASURED.format(
        pages=PAGES,
        page_bytes=PAGE_BYTES,
        block_characters=BLOCK_CHARACTERS,
        prepared=prepared,
        measured=measured,
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
    sent_with_blocks = growth_bytes(SEND_BLOCKS, settings.database_path, document_id)

    assert stored < SLACK_BYTES
    assert sent < SLACK_BYTES
    assert sent_with_blocks < SLACK_BYTES
