"""Which documents a password opens."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ilios.engines.base import Source
from ilios.engines.detection import media_types

OFFICE: Final = {
    media_types.DOCX: "Word document",
    media_types.PPTX: "PowerPoint presentation",
    media_types.XLSX: "Excel workbook",
}
"""Types whose files are OLE containers when they have a password, with what people call them."""
OPENED_BY_PASSWORD: Final = frozenset((media_types.PDF, *OFFICE))


def is_locked_office(source: Source) -> bool:
    """Return whether a document is an Office file that has a password."""
    return source.media_type in OFFICE and _begins_as_ole(source.path)


def _begins_as_ole(path: Path) -> bool:
    with path.open("rb", buffering=0) as file:
        return file.read(len(media_types.OLE_MAGIC)) == media_types.OLE_MAGIC
