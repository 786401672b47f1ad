"""The embedded engine as a worker sees it: each document goes through the parser child."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ilios import conversion_errors
from ilios.conversion_errors import ConversionError, DocumentTooLarge, EngineFailed
from ilios.engines.base import (
    Conversion,
    ConversionWarning,
    ImageFile,
    Options,
    Page,
    Progress,
    Source,
    Usage,
)
from ilios.engines.parser import Message, Parser
from ilios.page_selection import PageSelection
from ilios.settings import Settings

MODEL = "embedded"


class EmbeddedEngine:
    """Converts on this machine, without a network. One document at a time: OCR fills the cores."""

    name = "embedded"
    model = MODEL
    concurrency = 1

    def __init__(self, settings: Settings) -> None:
        self._deadline_seconds = settings.job_deadline_seconds
        self._threads = len(os.sched_getaffinity(0))
        self._parser = Parser(answer, settings.worker_memory_limit_bytes)

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        """See Engine. Free of charge: the ledger counts its pages at a cost of 0."""
        task = _task(source, options, workspace, self._threads)
        pages: list[Page] = []
        selected = 0
        error: ConversionError | None = None
        with closing(self._parser.run(task, self._deadline_seconds)) as answers:
            for message in answers:
                match message["type"]:
                    case "plan":
                        selected = message["selected"]
                    case "page":
                        pages.append(_page(message))
                    case "error":
                        error = _error(message)
                progress(len(pages), selected)
        if error is not None:
            raise error
        if len(pages) != selected:
            raise EngineFailed(f"{selected} pages went in, but {len(pages)} came out.")
        return Conversion(tuple(pages), Usage(pages=len(pages), model=MODEL))

    def close(self) -> None:
        self._parser.close()


def answer(task: Message) -> Iterator[Message]:
    """The child's side: convert one file, page by page."""
    # Heavy, and meant for strangers' files: imported in the child only.
    from ilios.engines.embedded.conversion import Plan, convert_file

    source = Source(Path(task["path"]), task["mediaType"], task["fileName"])
    options = Options(PageSelection.parse(task["pages"]) if task["pages"] else None)
    try:
        for item in convert_file(source, options, Path(task["workspace"]), threads=task["threads"]):
            if isinstance(item, Plan):
                yield {"type": "plan", "selected": item.selected}
            else:
                yield _page_message(item)
    except ConversionError as error:
        yield {"type": "error", "class": type(error).__name__, "detail": error.detail}
    except MemoryError:
        detail = (
            "The document needs more memory than a parser may take. Select some of its `pages`."
        )
        yield {"type": "error", "class": DocumentTooLarge.__name__, "detail": detail}


def _task(source: Source, options: Options, workspace: Path, threads: int) -> Message:
    return {
        "path": str(source.path),
        "mediaType": source.media_type,
        "fileName": source.file_name,
        "pages": str(options.pages) if options.pages else None,
        "workspace": str(workspace),
        "threads": threads,
    }


def _page_message(page: Page) -> Message:
    return {
        "type": "page",
        "index": page.index,
        "markdown": page.markdown,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "images": [[i.name, str(i.path), i.media_type, i.bbox] for i in page.images],
        "warnings": [[w.code, w.message, w.page] for w in page.warnings],
    }


def _page(message: Message) -> Page:
    return Page(
        index=message["index"],
        markdown=_whole_characters(message["markdown"]),
        width=message["width"],
        height=message["height"],
        dpi=message["dpi"],
        images=tuple(_image(*fields) for fields in message["images"]),
        warnings=tuple(ConversionWarning(*fields) for fields in message["warnings"]),
    )


def _whole_characters(text: str) -> str:
    """Halves of UTF-16 pairs, which some files contain and no database stores, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _image(name: str, path: str, media_type: str, bbox: Any) -> ImageFile:
    return ImageFile(name, Path(path), media_type, tuple(bbox) if bbox else None)


def _error(message: Message) -> ConversionError:
    error: ConversionError = getattr(conversion_errors, message["class"])(message["detail"])
    return error
