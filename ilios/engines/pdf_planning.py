"""Counting and cutting a PDF, or opening an Office file, in the child of ilios.engines.pdf_parts.

It imports little: a child starts with it, and for most documents it does nothing but count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ilios.engines import parser_messages
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_messages import Message


def answer(task: Message) -> Iterator[Message]:
    """Count one PDF and cut it part by part, or open one Office file."""
    yield from parser_messages.with_errors(_opened(task) if "open" in task else _cut(task))


def _opened(task: Message) -> Iterator[Message]:
    from ilios.engines import office_opening, parser_memory  # as in `_cut`
    from ilios.engines.base import Source

    parser_memory.allow_images()
    source = Source(**task["open"] | {"path": Path(task["open"]["path"])})
    office_opening.write_opened(source, Path(task["opened"]))
    yield {"type": "opened"}


def _cut(task: Message) -> Iterator[Message]:
    # Opens untrusted files: imported in the child only.
    from ilios.engines import document_errors, pdf_cutting
    from ilios.engines.pdf_opening import UnreadablePdf, claims_protection

    selection = PageSelection.parse(task["selection"]) if task["selection"] else None
    path = Path(task["path"])
    limits = pdf_cutting.PartLimits(task["pages"], task["sizeBytes"])
    try:
        original = pdf_cutting.Original(path, task["password"])
        pdf = pdf_cutting.cut(original, selection, Path(task["folder"]), limits)
        if pdf.files is None:
            yield {"type": parser_messages.END, "whole": pdf.page_count, "info": pdf.info}
            return
        yield {"type": "pages", "count": pdf.page_count, "info": pdf.info}
        for file in pdf.files:
            yield {"type": "part", "path": str(file.path), "indexes": file.indexes}
    except UnreadablePdf as error:
        if claims_protection(path):  # as it is, it is sent to nobody
            raise document_errors.corrupt("PDF") from error
        yield {"type": "unreadable"}
