"""A PDF that can be searched: the original, or a scan as a PDF, with text that is not seen.

The parent writes what text the pages have, and where, into a file; a parser child puts it in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.engines import parser_messages
from ilios.engines.detection import media_types
from ilios.engines.page_texts import Made
from ilios.engines.parser_messages import Message

MADE_FROM: Final = (
    media_types.PDF,
    media_types.PNG,
    media_types.JPEG,
    media_types.WEBP,
    media_types.TIFF,
    media_types.GIF,
    media_types.BMP,
    media_types.AVIF,
    media_types.JP2,
)


def task(path: Path, media_type: str, texts: Path, made: Path) -> Message:
    """Return the message that asks a child to make a file."""
    return {"path": str(path), "mediaType": media_type, "texts": str(texts), "made": str(made)}


def made(message: Message) -> Made:
    """Return what a child says that it has made. Raises the ConversionError in it."""
    error = parser_messages.error_of(message)
    if error is not None:
        raise error
    page = message.get("pageWithoutText")
    return Made(message.get("isChanged") is True, page if isinstance(page, int) else None)


def answer(task: Message) -> Iterator[Message]:
    """Make a file, in the child."""
    yield from parser_messages.with_errors(_made(task))


def _made(task: Message) -> Iterator[Message]:
    # Opens untrusted files: imported in the child only.
    from ilios.engines import searchable_pdf_writing

    found = searchable_pdf_writing.write(
        Path(task["path"]), task["mediaType"], Path(task["texts"]), Path(task["made"])
    )
    yield {
        "type": "made",
        "isChanged": found.is_changed,
        "pageWithoutText": found.page_without_text,
    }
