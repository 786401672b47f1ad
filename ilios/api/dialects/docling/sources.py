"""The documents of a request, by form or in JSON, and their way into the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ilios.api.dialects import bodies, conversion
from ilios.api.dialects.docling.tasks import Task
from ilios.api.dialects.docling.wanted import (
    PREFIX_OF_CHUNKING,
    PREFIX_OF_CONVERSION,
    Chunking,
    ResultForms,
    page_range,
)
from ilios.api.dialects.json_bodies import JsonBody
from ilios.api.dialects.options import Options
from ilios.api.requests import urls
from ilios.api.services import services
from ilios.core.conversion_errors import ConversionError, PagesOutOfRange
from ilios.core.file_names import safe_file_name
from ilios.core.request_errors import InvalidField, MissingFile, OptionUnavailable, TooManyFiles
from ilios.documents.admission import Order
from ilios.documents.remote import Remote
from ilios.documents.snapshots import Snapshot
from ilios.documents.uploads import Received
from ilios.documents.validation import Submitted
from ilios.engines.page_selection import MAX_PAGE_NUMBER, PageSelection

FILE: Final = "file"
_DONE_HERE: Final = ("do_ocr", "do_table_structure")  #: always, so that it needs no note
HTTP: Final = "http"
_KINDS: Final = (FILE, HTTP)


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """What a request brings: files or their addresses, and how results are to be shown."""

    files: Sequence[Submitted]
    options: Options
    wanted: ResultForms
    chunking: Chunking | None
    pages: tuple[int, int] | None

    def task(self, documents: Sequence[Snapshot]) -> Task:
        """Return the task of the documents that were made of the files."""
        return Task(tuple(document.id for document in documents), self.wanted, self.chunking)


def by_form(*, is_chunked: bool = False) -> ConversionRequest:
    """Receive files and options as a form. Raises what `bodies.receive_form` does."""
    form = bodies.receive_form(most_files=conversion.FILES_MAX)
    return _asked([file for _, file in form.files], form.options, is_chunked=is_chunked)


def by_json(*, is_chunked: bool = False) -> ConversionRequest:
    """Receive sources and options as JSON. Raises what `bodies.receive_json` does."""
    body = bodies.receive_json()
    value = body.value
    groups = {"": "options"}
    if is_chunked:
        groups = {PREFIX_OF_CONVERSION: "convert_options", PREFIX_OF_CHUNKING: "chunking_options"}
    options: dict[str, Any] = {
        prefix + name: option
        for prefix, group in groups.items()
        for name, option in _object(group, value.get(group)).items()
    }
    options["target_type"] = _object("target", value.get("target")).get("kind")
    known = ("sources", "target", *groups.values())
    options |= {name: rest for name, rest in value.items() if name not in known}
    files = _sources(body)
    return _asked(files, bodies.options_of(options), is_chunked=is_chunked)


def submit(asked: ConversionRequest, *, is_awaited: bool) -> list[Snapshot]:
    """Queue the documents, all or none. Raises what submissions do."""
    fields: dict[str, Any] = {"include_images": True} if asked.wanted.needs_images else {}
    wanted = conversion.order(
        blocks=asked.wanted.needs_blocks and not asked.chunking, is_awaited=is_awaited, **fields
    )
    if len(asked.files) == 1:
        file = asked.files[0]
        return [conversion.submit(file, _narrowed(wanted, file, asked.pages, is_awaited))]
    if asked.pages:
        raise OptionUnavailable("page_range is for a request with one document. Leave it out.")
    _, documents = services().submissions.submit_batch(asked.files, wanted)
    return documents


def _narrowed(
    order: Order, file: Submitted, pages: tuple[int, int] | None, is_awaited: bool
) -> Order:
    """Return the order for a range of pages, which may end behind the last one of the document."""
    if pages is None:
        return order
    if not isinstance(file, Received):
        raise OptionUnavailable("page_range is for files that are sent. Leave it out for an URL.")
    try:
        selected = conversion.selection(file, order.options, *pages, is_awaited=is_awaited)
    except ConversionError as error:
        if error.engine_fault or error.retryable or isinstance(error, PagesOutOfRange):
            raise
        # Its conversion will say what is wrong, as it does without a range.
        first, last = pages
        selected = PageSelection(((first, min(last, MAX_PAGE_NUMBER)),))
    return replace(order, options=replace(order.options, pages=selected))


def _asked(files: Sequence[Submitted], options: Options, *, is_chunked: bool) -> ConversionRequest:
    prefix = PREFIX_OF_CONVERSION if is_chunked else ""
    wanted = ResultForms.of(options, prefix)
    if is_chunked and wanted.is_zip:
        raise InvalidField("target_type", "zip", "Input should be 'inbody'")
    chunking = Chunking.of(options) if is_chunked else None
    options.agree(**{f"{prefix}{name}": True for name in _DONE_HERE})
    return ConversionRequest(files, options, wanted, chunking, page_range(options, prefix))


def _object(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidField(name, value, "an object")
    return value


def _sources(body: JsonBody) -> list[Submitted]:
    sources = body.value.get("sources")
    if not isinstance(sources, list) or not sources:
        raise MissingFile("No document was sent in `sources`.")
    if len(sources) > conversion.FILES_MAX:
        raise TooManyFiles(f"{len(sources)} sources were sent; this takes {conversion.FILES_MAX}.")
    return [_source(body, source) for source in sources]


def _source(body: JsonBody, source: Any) -> Submitted:
    fields = _object("sources", source)
    kind = fields.get("kind", FILE)
    if kind not in _KINDS:
        raise InvalidField("kind", kind, "Input should be 'file' or 'http'")
    if kind == HTTP:
        return _remote(fields)
    name = fields.get("filename")
    if name is not None and not isinstance(name, str):
        raise InvalidField("filename", name, "a text")
    return body.file(fields.get("base64_string"), safe_file_name(name), "base64_string")


def _remote(fields: dict[str, Any]) -> Remote:
    url = fields.get("url")
    if not isinstance(url, str):
        raise InvalidField("url", url, "Input should be a valid URL")
    if _object("headers", fields.get("headers")):
        raise OptionUnavailable("No headers are sent when a document is fetched: leave them out.")
    return urls.remote(url)
