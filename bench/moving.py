"""How long `ilios migrate --to` takes, and for how much of it nothing is accepted.

`python -m bench.moving`: documents of two pages go from a SQLite file to a PostgreSQL that was just
started, and back; both share the processors and the disk with the command.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert

from ilios.core import clock, data_folder, ids
from ilios.core.processes import lock_file
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.models import Document, DocumentStatus, PageRow
from ilios.db.opening import open_database
from ilios.db.sqlite_database import SqliteDatabase
from ilios.operations.transfer import ends, move
from ilios.storage.object_keys import source_key
from tests.postgres_server.process import PostgresServer, programs
from tests.support.migrating import upgrade

PAGE: Final = "Ten words of a page, of which most say nothing. " * 42  #: 2 KB
PORTION: Final = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ilios-") as folder,
        closing(PostgresServer(programs())) as server,
        server.database() as name,
    ):
        settings = Settings(data_dir=Path(folder), log_format="console")
        os.environ["DATA_DIR"] = folder
        upgrade(settings)
        fill(settings, options.documents)
        url = server.url(name)
        size = settings.database_path.stat().st_size / 1e6
        report(f"{options.documents} documents, {size:.0f} MB up", settings, url)
        os.environ["DATABASE_URL"] = url
        report("back", settings, f"sqlite:///{folder}/back.db")


def report(what: str, settings: Settings, to: str) -> None:
    """Move, with a service that is stopped once all is copied; print both parts."""
    found = ends.read(to, None)
    service = ExitStack()
    if found.source.database_url is None:
        lock = lock_file(data_folder.supervisor_lock(settings), 0)
        service.callback(os.close, lock)
    else:  # nodes are known by their connections
        node = service.enter_context(closing(open_database(found.source)))
        with node.watching():
            pass
    began = time.monotonic()
    stopped: list[float] = []

    def stop(_seconds: float) -> None:
        service.close()
        stopped.append(time.monotonic())

    move.move(found, lambda line: print("  ", line), stop)
    end = time.monotonic()
    pause = end - stopped[0]
    print(f"{what}: {end - began - pause:.1f} s beside the service, a pause of {pause:.1f} s")


def fill(settings: Settings, count: int) -> None:
    """Put completed documents into a database, without words in its index."""
    with closing(SqliteDatabase(settings.database_path)) as database:
        with database.reading() as session:
            instance_id = instance.instance_id(session)
        for start in range(0, count, PORTION):
            found = [_document(instance_id, n) for n in range(start, min(start + PORTION, count))]
            pages = [_page(one["id"], index) for one in found for index in range(2)]
            with database.writing() as session:
                session.execute(insert(Document), found)
                session.execute(insert(PageRow), pages)


def _document(instance_id: str, number: int) -> dict[str, Any]:
    document_id = ids.new_id()
    now = clock.now()
    return {
        "id": document_id,
        "owner": "me",
        "file_name": f"{number}.pdf",
        "mime_type": "application/pdf",
        "file_size": 100_000,
        "sha256": f"{number:064x}",
        "storage_key": source_key(instance_id, document_id),
        "status": DocumentStatus.COMPLETED,
        "operation": "convert",
        "options": {},
        "warnings": [],
        "page_count": 2,
        "pages_done": 2,
        "retention_days": 365,
        "created_at": now - timedelta(seconds=number),
        "processed_at": now,
    }


def _page(document_id: str, index: int) -> dict[str, Any]:
    return {"document_id": document_id, "index": index, "markdown": PAGE, "images": []}


if __name__ == "__main__":
    main()
