"""Counting and cutting a PDF, in the child of ilios.engines.pdf_parts.

It imports little: a child starts with it, and for most documents it does nothing but count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ilios.engines import parser_messages
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_messages import Message


def answer(task: Message) -> Iterator[Message]:
    """Count one PDF and cut it part by part."""
    yield from parser_messages.with_errors(_cut(task))


def _cut(task: Message) -> Iterator[Message]:
    # Opens untrusted files: imported in the child only.
    from ilios.engines import pdf_cutting
    from ilios.engines.pdf_opening import UnreadablePdf

    selection = PageSelection.parse(task["selection"]) if task["selection"] else None
    limits = pdf_cutting.PartLimits(task["pages"], task["sizeBytes"])
    try:
        pdf = pdf_cutting.cut(Path(task["path"]), selection, Path(task["folder"]), limits)
        if pdf.files is None:
            yield {"type": parser_messages.END, "whole": pdf.page_count, "info": pdf.info}
            return
        yield {"type": "pages", "count": pdf.page_count, "info": pdf.info}
        for file in pdf.files:
            yield {"type": "part", "path": str(file.path), "indexes": file.indexes}
    except UnreadablePdf:
        yield {"type": "unreadable"}
