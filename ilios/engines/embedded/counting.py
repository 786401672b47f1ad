"""Counting pages in a parser child, without converting any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ilios.engines import parser_messages
from ilios.engines.base import Options, Source
from ilios.engines.parser_messages import Message


def task(source: Source, workspace: Path) -> Message:
    """Return the message that asks a child to count; readers may write below `workspace`."""
    return {
        "path": str(source.path),
        "mediaType": source.media_type,
        "fileName": source.file_name,
        "workspace": str(workspace),
        "password": source.password,
    }


def pages(message: Message) -> int:
    """Return the number of pages in the child's answer. Raises the ConversionError in it."""
    error = parser_messages.error_of(message)
    if error is not None:
        raise error
    count: int = message["pages"]
    return count


def answer(task: Message) -> Iterator[Message]:
    """Count pages, in the child."""
    yield from parser_messages.with_errors(_counted(task))


def _counted(task: Message) -> Iterator[Message]:
    # Loads what opens untrusted files: imported in the child only.
    from ilios.engines.embedded import conversion

    source = Source(Path(task["path"]), task["mediaType"], task["fileName"], task["password"])
    for item in conversion.convert_file(source, Options(), Path(task["workspace"]), threads=1):
        if isinstance(item, conversion.PageCounts):
            yield {"type": "count", "pages": item.total}
            return  # before the first page is converted
