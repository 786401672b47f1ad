"""A database of the predecessor: its tables, and rows of every status and oddity that it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ilios.core.settings import Settings
from ilios.db.driver import sqlite
from ilios.engines.page_text import PAGE_BREAK

ANNA: Final = "sk-anna-7f3b2c91d4"
BERT: Final = "sk-bert-0a1b2c3d4e"
KEYS: Final = (ANNA, BERT)
BORN: Final = 1_750_000_000  #: seconds; when the first document came
DAY: Final = 86_400
NEWEST, WITHOUT_MISTRAL, OLDEST = "newest", "without-mistral", "oldest"

DOCUMENTS: Final = {
    "id": "text PRIMARY KEY NOT NULL",
    "file_name": "text NOT NULL",
    "mime_type": "text NOT NULL",
    "file_size": "integer NOT NULL",
    "s3_key": "text NOT NULL",
    "content": "text",
    "metadata": "text",
    "status": "text DEFAULT 'pending' NOT NULL",
    "error": "text",
    "created_at": "integer DEFAULT (unixepoch()) NOT NULL",
    "processed_at": "integer",
    "archived_at": "integer",
    "retention_days": "integer DEFAULT 365 NOT NULL",
    "user_id": "text",
    "api_key": "text",
    "batch_id": "text",
}
USAGE: Final = {
    "id": "text PRIMARY KEY NOT NULL",
    "document_id": "text NOT NULL REFERENCES documents (id)",
    "user_id": "text",
    "api_key": "text",
    "operation": "text NOT NULL",
    "input_tokens": "integer DEFAULT 0 NOT NULL",
    "output_tokens": "integer DEFAULT 0 NOT NULL",
    "base_cost_cents": "integer NOT NULL",
    "margin_rate": "integer DEFAULT 30 NOT NULL",
    "total_cost_cents": "integer NOT NULL",
    "created_at": "integer DEFAULT (unixepoch()) NOT NULL",
}
JOB_QUEUE: Final = {
    "id": "text PRIMARY KEY NOT NULL",
    "document_id": "text NOT NULL REFERENCES documents (id)",
    "type": "text NOT NULL",
    "status": "text DEFAULT 'pending' NOT NULL",
    "priority": "integer DEFAULT 0 NOT NULL",
    "attempts": "integer DEFAULT 0 NOT NULL",
    "max_attempts": "integer DEFAULT 3 NOT NULL",
    "payload": "text",
    "result": "text",
    "error": "text",
    "worker_id": "text",
    "scheduled_at": "integer DEFAULT (unixepoch()) NOT NULL",
    "started_at": "integer",
    "completed_at": "integer",
    "created_at": "integer DEFAULT (unixepoch()) NOT NULL",
}
BATCHES: Final = {
    "id": "text PRIMARY KEY NOT NULL",
    "user_id": "text",
    "api_key": "text",
    "total_documents": "integer NOT NULL",
    "completed_documents": "integer DEFAULT 0 NOT NULL",
    "failed_documents": "integer DEFAULT 0 NOT NULL",
    "status": "text DEFAULT 'pending' NOT NULL",
    "priority": "integer DEFAULT 5 NOT NULL",
    "batch_type": "text DEFAULT 'local' NOT NULL",
    "mistral_batch_job_id": "text",
    "mistral_input_file_id": "text",
    "mistral_output_file_id": "text",
    "created_at": "integer DEFAULT (unixepoch()) NOT NULL",
    "completed_at": "integer",
    "metadata": "text",
}
MISTRAL_COLUMNS: Final = (
    "batch_type",
    "mistral_batch_job_id",
    "mistral_input_file_id",
    "mistral_output_file_id",
)


def cuid(name: str) -> str:
    """Return a readable id of the predecessor's shape: 24 lower-case letters and digits."""
    return f"{name.replace('-', ''):x<24.24}"


def tables(variant: str = NEWEST) -> dict[str, dict[str, str]]:
    """Return the columns of each table in some version of the predecessor."""
    found = {
        "documents": dict(DOCUMENTS),
        "usage": dict(USAGE),
        "job_queue": dict(JOB_QUEUE),
        "batches": dict(BATCHES),
    }
    if variant != NEWEST:
        for column in MISTRAL_COLUMNS:
            del found["batches"][column]
    if variant == OLDEST:
        del found["batches"]
        del found["documents"]["batch_id"]
    return found


@dataclass
class Predecessor:
    """A database file of the predecessor, made unless it is there, for a test to add to."""

    path: Path
    variant: str = NEWEST
    _tables: dict[str, dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._tables = tables(self.variant)
        if not self.path.exists():
            self._make()

    def execute(self, statement: str, *values: object) -> list[Any]:
        connection = sqlite.connect(str(self.path))
        found: list[Any] = connection.execute(statement, values).fetchall()
        connection.commit()
        connection.close()
        return found

    def insert(self, table: str, **values: object) -> None:
        """Insert a row; a column that this version does not have is left out."""
        given = {name: value for name, value in values.items() if name in self._tables[table]}
        places = ", ".join("?" * len(given))
        statement = f"INSERT INTO {table} ({', '.join(given)}) VALUES ({places})"
        self.execute(statement, *given.values())

    def document(self, name: str, status: str, **values: object) -> str:
        """Return a document of Anna's that came an hour after the one before; returns its id."""
        metadata = values.pop("metadata", None)
        (number,) = self.execute("SELECT count(*) FROM documents")[0]
        columns: dict[str, object] = {
            "id": cuid(name),
            "file_name": f"{name}.txt",
            "mime_type": "text/plain",
            "file_size": 5,
            "s3_key": f"documents/{BORN}000-{cuid(name)}.txt",
            "metadata": json.dumps(metadata) if isinstance(metadata, dict) else metadata,
            "status": status,
            "created_at": BORN + number * 3600,
            "processed_at": BORN + number * 3600 + 60 if status == "completed" else None,
            "api_key": ANNA,
        }
        self.insert("documents", **{**columns, **values})
        return cuid(name)

    def job(self, name: str, status: str, **values: object) -> None:
        """Return a job for the document of that name."""
        columns: dict[str, object] = {
            "id": cuid(f"job{name}"),
            "document_id": cuid(name),
            "type": "convert",
            "status": status,
            "created_at": BORN,
            "payload": json.dumps({"apiKey": ANNA}),
        }
        self.insert("job_queue", **{**columns, **values})

    def usage(self, name: str, cents: int, **values: object) -> None:
        """Return what converting the document of that name cost."""
        (number,) = self.execute("SELECT count(*) FROM usage")[0]
        columns: dict[str, object] = {
            "id": cuid(f"usage{number}"),
            "document_id": cuid(name),
            "api_key": ANNA,
            "operation": "convert",
            "input_tokens": 1200 + number,
            "output_tokens": 340 + number,
            "base_cost_cents": cents * 10 // 13,
            "total_cost_cents": cents,
            "created_at": BORN + number * DAY,
        }
        self.insert("usage", **{**columns, **values})

    def sums(self, api_key: str | None, since: int = 0) -> dict[str, int]:
        """Return the usage summary of a key as the predecessor gave it."""
        row = self.execute(
            "SELECT count(DISTINCT document_id), count(*), sum(input_tokens), sum(output_tokens), "
            "sum(total_cost_cents) FROM usage WHERE api_key IS ? AND created_at >= ?",
            api_key,
            since,
        )[0]
        names = ("Documents", "Operations", "InputTokens", "OutputTokens", "CostCents")
        return {f"total{name}": value or 0 for name, value in zip(names, row, strict=True)}

    def _make(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite.connect(str(self.path))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE __drizzle_migrations (id, hash text, created_at)")
        for name, columns in self._tables.items():
            listed = ", ".join(f"`{column}` {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE `{name}` ({listed})")
        connection.commit()
        connection.close()


def metadata(pages: int, **more: object) -> dict[str, object]:
    """Return what the predecessor noted of a conversion."""
    noted = {"model": "mistral-ocr-latest", "temperature": 0, "processingTimeMs": 2500}
    return {**noted, "extractedPages": pages, "fileSize": 5, **more}


CONTENTS: Final = {
    "completed": PAGE_BREAK.join(("# One", "Two with ünïcödé \U0001f600", "Three")),
    "immediate": "At once",
    "with-rules": PAGE_BREAK.join(("# Chapter", "after a rule", "and another", "")),
    "too-few-pages": "only one is left",
    "empty": "",
    "bare": "no metadata",
    "garbled": "metadata that nobody can read",
    "archived": PAGE_BREAK.join(("Old", "and kept")),
    "paid-but-failed": "The text was stored, then the booking failed.",
    "batched": "of a batch",
    "lost-batch": "of a batch that is gone",
}
"""The Markdown of Anna's documents that have one."""
GOING_ON: Final = ("waiting", "retrying", "cut-off", "in-provider-batch")
"""Documents whose conversion goes on; their originals are in the store."""


def fill(predecessor: Predecessor) -> None:
    """Add every status, every type of job, and every oddity that real files have."""
    _add_readable(predecessor)
    _add_unreadable(predecessor)
    _add_going_on(predecessor)
    _add_of_others(predecessor)
    predecessor.job("archive", "pending", type="archive", document_id="")
    predecessor.job("archive-done", "completed", type="archive", document_id=cuid("archived"))


def store_originals(settings: Settings) -> None:
    """Put the originals of what goes on where the local store looks for them."""
    for name in GOING_ON:
        key = "batch-mistral/b1/a.txt" if name == "in-provider-batch" else None
        path = settings.data_folder / "objects" / (key or f"documents/{BORN}000-{cuid(name)}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"I am {name}.")


def _add_readable(old: Predecessor) -> None:
    def completed(name: str, **values: object) -> None:
        old.document(name, "completed", content=CONTENTS[name], **values)

    completed("completed", metadata=metadata(3))
    old.job("completed", "completed", attempts=1, started_at=BORN + 10, completed_at=BORN + 60)
    old.usage("completed", 13)
    completed(
        "immediate",
        metadata=metadata(1, immediateConversion=True),
        s3_key=f"convert/{BORN}000-immediate.txt",
    )
    old.usage("immediate", 2, operation="convert-immediate")
    old.usage("immediate", 1, operation="convert-immediate")  # sent twice
    completed("with-rules", metadata=metadata(2), file_name="../../etc/passwd")
    old.usage("with-rules", 0)
    completed("too-few-pages", metadata=metadata(5), retention_days=30)
    completed("empty", metadata=metadata(1))
    completed("bare", s3_key=f"convert/{BORN}-../../outside.txt")
    completed("garbled", metadata="{not json")
    old.document(
        "archived",
        "archived",
        content=CONTENTS["archived"],
        metadata=metadata(2, originalS3Key="documents/1-old.txt", archiveS3Key="archive/1-old.txt"),
        archived_at=BORN + 90 * DAY,
        processed_at=BORN + 60,
    )
    old.document(
        "paid-but-failed",
        "failed",
        content=CONTENTS["paid-but-failed"],
        error="database is locked",
        processed_at=BORN + 60,
    )
    old.job("paid-but-failed", "failed", error="database is locked")
    old.document("blank", "completed", metadata=metadata(1))


def _add_unreadable(old: Predecessor) -> None:
    old.document("failed", "failed", error=f"401 for Bearer {ANNA}", processed_at=BORN + 99)
    old.job("failed", "failed", error="the job's own", attempts=3)
    old.document("failed-alone", "failed")
    old.document("failed-in-hand", "failed", error="The file is damaged")
    old.job("failed-in-hand", "processing", worker_id="worker-0", started_at=BORN)
    old.document("never-told", "processing")
    old.job("never-told", "failed", error="timed out", completed_at=BORN + 777)
    old.document("hung-up", "processing", s3_key=f"convert/{BORN}000-hung-up.txt")
    old.document("hung-up-early", "pending", metadata={"immediateConversion": True})
    old.document("never-uploaded", "pending", mime_type="application/octet-stream")


def _add_going_on(old: Predecessor) -> None:
    old.document("waiting", "pending")
    old.job("waiting", "pending", priority=8)
    old.document("retrying", "processing", mime_type="text/plain; charset=utf-8")
    old.job("retrying", "failed", id=cuid("jobretryingfirst"), created_at=BORN + 1)
    old.job("retrying", "retrying", attempts=2, scheduled_at=BORN + 4000 * DAY, error="503")
    old.document("cut-off", "processing")
    old.job("cut-off", "processing", attempts=1, worker_id="worker-1", started_at=BORN + 5)
    if old.variant == OLDEST:
        old.document("in-provider-batch", "pending", s3_key="batch-mistral/b1/a.txt")
        old.job("in-provider-batch", "pending")
        return
    old.insert(
        "batches",
        id=cuid("slow"),
        api_key=ANNA,
        total_documents=1,
        priority=3,
        batch_type="mistral",
        mistral_batch_job_id="batch_job_1",
        created_at=BORN,
    )
    old.document(
        "in-provider-batch", "pending", s3_key="batch-mistral/b1/a.txt", batch_id=cuid("slow")
    )


def _add_of_others(old: Predecessor) -> None:
    old.document("of-bert", "completed", content="Bert's", metadata=metadata(1), api_key=BERT)
    old.usage("of-bert", 7, api_key=BERT)
    old.document("of-nobody", "completed", content="Nobody's", api_key=None)
    old.usage("of-nobody", 3, api_key=None)
    batch = cuid("fast")
    if old.variant != OLDEST:  # a batch that never left pending, though all of it has ended
        old.insert("batches", id=batch, api_key=ANNA, total_documents=2, created_at=BORN)
    old.document("batched", "completed", content=CONTENTS["batched"], batch_id=batch)
    old.document("batched-failed", "failed", error="no text", batch_id=batch)
    old.document(
        "lost-batch", "completed", content=CONTENTS["lost-batch"], batch_id=cuid("nowhere")
    )
