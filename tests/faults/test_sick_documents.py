"""Documents made to hurt: each fails with a code, and its neighbours do not notice."""

from __future__ import annotations

from collections.abc import Callable

from ilios.core.settings import MIB, Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.engines.detection import media_types
from tests.support import documents, sick
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]

COMPLETED, FAILED = DocumentStatus.COMPLETED, DocumentStatus.FAILED
MEMORY_BYTES = 640 * MIB
TIMEOUT_S = 150.0

SICK = {
    "zip bomb": (sick.zip_bomb, media_types.DOCX, "document_too_large"),
    "deep Word document": (sick.deep_word, media_types.DOCX, "corrupt_document"),
    "entities of entities": (sick.entity_bomb, media_types.DOCX, "corrupt_document"),
    "image of 50,000 × 50,000": (sick.huge_png, media_types.PNG, "document_too_large"),
    "the same in a PDF": (sick.pdf_with_huge_image, media_types.PDF, "document_too_large"),
    "tree of pages in itself": (sick.looping_pdf, media_types.PDF, "corrupt_document"),
    "stream bomb": (sick.pdf_stream_bomb, media_types.PDF, "poison_document"),
}
"""What made it, its type, and how it fails."""

DIFFICULT = {
    "deep HTML": (sick.deep_html, media_types.HTML),
    "deep RTF": (sick.deep_rtf, media_types.RTF),
    "deep PDF": (sick.deep_pdf, media_types.PDF),
    "broken JBIG2": (sick.pdf_with_broken_jbig2, media_types.PDF),
    "broken font": (sick.pdf_with_broken_font, media_types.PDF),
}
"""What a reader may make something of, or give up: as long as it comes to an end."""


def test_sick_documents_fail_with_a_code_and_their_neighbours_go_on(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor(
        "real",
        worker_count=1,
        worker_memory_limit_bytes=MEMORY_BYTES,
    )
    (worker,) = supervisor.workers

    def add(content: bytes, mime_type: str) -> str:
        added = documents.add_document(
            database, settings=settings, content=content, mime_type=mime_type
        )
        return added[0]

    failing, ending, neighbours = {}, {}, []
    for name, (make, mime_type, code) in SICK.items():
        failing[add(make(), mime_type)] = (name, FAILED, code)
        neighbours.append(add(b"A neighbour", media_types.PLAIN))
    for name, (make, mime_type) in DIFFICULT.items():
        ending[add(make(), mime_type)] = name

    wait_until(lambda: all(one.processed_at for one in documents.documents(database)), TIMEOUT_S)
    found = {one.id: one for one in documents.documents(database)}
    assert failing == {
        one: (name, found[one].status, found[one].error_code)
        for one, (name, _, _) in failing.items()
    }
    assert [found[one].status for one in neighbours] == [COMPLETED] * len(neighbours)
    assert {found[one].error_code for one in ending} <= {None, "corrupt_document", "empty_document"}
    assert max(job.crashes for job in documents.jobs(database)) == 2
    assert supervisor.workers == [worker]


def test_a_hundred_thousand_pages_end_at_the_deadline(
    start_supervisor: Start, settings: Settings, database: Database
) -> None:
    supervisor = start_supervisor("real", worker_count=1, job_deadline_seconds=3)
    (worker,) = supervisor.workers

    document_id, job_id = documents.add_document(
        database, settings=settings, content=sick.long_pdf(), mime_type=media_types.PDF
    )

    wait_until(lambda: documents.document(database, document_id).processed_at, TIMEOUT_S)
    assert documents.document(database, document_id).error_code == "deadline_exceeded"
    assert documents.job(database, job_id).attempts == 1
    assert supervisor.workers == [worker]
