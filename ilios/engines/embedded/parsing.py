"""What a parser child does with a task of the embedded engine.

It is imported by the child before its first task: no settings here, which take a quarter of a
second of processor time to import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ilios.engines import parser_messages
from ilios.engines.base import Options, Source
from ilios.engines.embedded import page_receiver
from ilios.engines.page_selection import PageSelection
from ilios.engines.parser_messages import Message


def answer(task: Message) -> Iterator[Message]:
    """Convert one file page by page, in the child."""
    yield from parser_messages.with_errors(_converted(task))


def _converted(task: Message) -> Iterator[Message]:
    # Loads what opens untrusted files: imported in the child only.
    from ilios.engines.embedded import conversion

    source = Source(Path(task["path"]), task["mediaType"], task["fileName"], task["password"])
    options = Options(PageSelection.parse(task["pages"]) if task["pages"] else None)
    workspace = Path(task["workspace"])
    for item in conversion.convert_file(source, options, workspace, threads=task["threads"]):
        if isinstance(item, conversion.PageCounts):
            yield {"type": "counts", "selected": item.selected}
            yield {"type": "info", "info": asdict(item.info)}
        else:
            yield from page_receiver.messages(item)
