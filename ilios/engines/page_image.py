"""A picture of a page of a PDF, or of an image: drawn as a PNG by a parser child."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.engines import parser_messages
from ilios.engines.parser_messages import Message
from ilios.engines.searchable_pdf import MADE_FROM

DRAWN_FROM: Final = MADE_FROM
MEDIA_TYPE: Final = "image/png"


def task(path: Path, media_type: str, index: int, width: int, drawn: Path) -> Message:
    """Return the message that asks a child to draw a page, so many pixels wide."""
    return {
        "path": str(path),
        "mediaType": media_type,
        "index": index,
        "width": width,
        "drawn": str(drawn),
    }


def pages_without(message: Message) -> int | None:
    """Return how many pages there are, when the one that was to be drawn is none of them.

    None once it is drawn. Raises the ConversionError that a child's answer carries.
    """
    error = parser_messages.error_of(message)
    if error is not None:
        raise error
    if message["type"] == "drawn":
        return None
    pages = message.get("pages")
    if not isinstance(pages, int):
        raise parser_messages.no_answer()
    return pages


def answer(task: Message) -> Iterator[Message]:
    """Draw a page, in the child."""
    yield from parser_messages.with_errors(_drawn(task))


def _drawn(task: Message) -> Iterator[Message]:
    # Opens untrusted files: imported in the child only.
    from ilios.engines import page_image_drawing

    index, drawn = task["index"], Path(task["drawn"])
    with page_image_drawing.opened(Path(task["path"]), task["mediaType"]) as pages:
        if not 0 <= index < pages.count:
            yield {"type": "beyond", "pages": pages.count}
            return
        page_image_drawing.write(pages.picture(index, task["width"]), drawn)
    yield {"type": "drawn"}
