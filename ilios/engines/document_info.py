"""What files say of themselves: title, author, dates, language, the program that wrote them.

Read from the small parts that tell it, within limits and without a parser. Other modules tell of
PDF files (ilios.engines.pdf_info) and of web pages and RTF (ilios.engines.embedded.file_info).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ilios.core.conversion_limits import INFO_TEXT_MAX_CHARACTERS
from ilios.engines import unicode
from ilios.engines.base import DocumentInfo
from ilios.engines.detection import media_types
from ilios.engines.detection.containers import DamagedContainer, zip_members

_CORE: Final = "docprops/core.xml"
_APPLICATION: Final = "docprops/app.xml"
_META: Final = "meta.xml"
_CONTAINER: Final = "meta-inf/container.xml"
_OFFICE: Final = frozenset({media_types.DOCX, media_types.PPTX, media_types.XLSX})
_PACKAGE: Final = re.compile(r"<(?:[\w.-]++:)?rootfile\s[^<>]*?full-path\s*=\s*[\"']([^\"'<>]+)")
_ATTRIBUTE: Final = re.compile(
    r"(?<![\w:.-])([\w:.-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>]++))"
)
_COUNT: Final = re.compile(r"[1-9]\d{0,8}")
_PARTIAL_DATE: Final = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?")


def of_container(path: Path, media_type: str) -> DocumentInfo:
    """Return what an Office file, an OpenDocument text or an e-book says of itself.

    Nothing for other types, and for files that cannot be read.
    """
    try:
        if media_type in _OFFICE:
            return _of_office(_members(path, _CORE, _APPLICATION))
        if media_type == media_types.ODT:
            return of_opendocument(_members(path, _META).get(_META, ""))
        if media_type == media_types.EPUB:
            return _of_book(path)
    except DamagedContainer:
        pass
    return DocumentInfo()


def of_opendocument(xml: str) -> DocumentInfo:
    """Return what the metadata of an OpenDocument file say."""
    xml = xml.partition("</office:meta>")[0]
    statistic = next(iter(elements(xml, "document-statistic")), {})
    return told(
        title=text_of(xml, "title"),
        author=text_of(xml, "initial-creator") or text_of(xml, "creator"),
        created=text_of(xml, "creation-date"),
        modified=text_of(xml, "date"),
        language=text_of(xml, "language"),
        page_count=_count(statistic.get("page-count")),
        producer=text_of(xml, "generator"),
    )


def told(
    *,
    title: str | None = None,
    author: str | None = None,
    created: str | None = None,
    modified: str | None = None,
    language: str | None = None,
    page_count: int | None = None,
    producer: str | None = None,
) -> DocumentInfo:
    """Return what is known as it is kept: without controls, cut, dates in UTC."""
    return DocumentInfo(
        title=_kept(title),
        author=_kept(author),
        created=date(created),
        modified=date(modified),
        language=_kept(language),
        page_count=page_count,
        producer=_kept(producer),
    )


def date(written: str | None) -> str | None:
    """Return a date of ISO 8601 in UTC, as exact as it is given; None for what is no date.

    A time without a zone is taken for UTC.
    """
    if not written:
        return None
    text = written.strip()
    if _PARTIAL_DATE.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= len("2000-01-01"):
            return moment.date().isoformat()
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def text_of(xml: str, name: str) -> str | None:
    """Return the text of the first element with a name, in any namespace."""
    found = re.search(rf"<(?:[\w.-]++:)?{name}(?=[\s>])[^<>]*+>([^<]*+)", xml)
    return html.unescape(found[1]) if found else None


def elements(xml: str, name: str) -> Iterable[Mapping[str, str]]:
    """Yield the attributes of elements with a name, without their namespaces, in small letters."""
    for found in re.finditer(rf"<(?:[\w.-]++:)?{name}(?=[\s/>])([^<>]*+)>", xml, re.IGNORECASE):
        yield {
            name.rpartition(":")[2].lower(): html.unescape(a or b or c)
            for name, a, b, c in _ATTRIBUTE.findall(found[1])
        }


def _of_office(parts: Mapping[str, str]) -> DocumentInfo:
    core, application = parts.get(_CORE, ""), parts.get(_APPLICATION, "")
    return told(
        title=text_of(core, "title"),
        author=text_of(core, "creator"),
        created=text_of(core, "created"),
        modified=text_of(core, "modified"),
        language=text_of(core, "language"),
        page_count=_count(text_of(application, "Pages")),
        producer=text_of(application, "Application"),
    )


def _of_book(path: Path) -> DocumentInfo:
    place = _PACKAGE.search(_members(path, _CONTAINER).get(_CONTAINER, ""))
    if place is None:
        return DocumentInfo()
    name = html.unescape(place[1]).lstrip("/").lower()
    package = _members(path, name).get(name, "")
    metas = {meta.get("name", ""): meta.get("content") for meta in elements(package, "meta")}
    modified = re.search(r"property\s*=\s*[\"']dcterms:modified[\"'][^<>]*+>([^<]*+)", package)
    return told(
        title=text_of(package, "title"),
        author=text_of(package, "creator"),
        created=text_of(package, "date"),
        modified=modified[1] if modified else None,
        language=text_of(package, "language"),
        producer=metas.get("generator"),
    )


def _members(path: Path, *names: str) -> dict[str, str]:
    with path.open("rb") as file:
        found = zip_members(file, names)
    return {name: _decoded(content) for name, content in found.items()}


def _decoded(xml: bytes) -> str:
    is_wide = xml.startswith((b"\xff\xfe", b"\xfe\xff"))
    return xml.decode("utf-16" if is_wide else "utf-8", "replace")


def _count(written: str | None) -> int | None:
    return int(written) if written and _COUNT.fullmatch(written) else None


def _kept(text: str | None) -> str | None:
    """Return a text in one line without controls, cut; None for an empty one."""
    if not text:
        return None
    words = unicode.storable(text[: 2 * INFO_TEXT_MAX_CHARACTERS]).split()
    return " ".join(words)[:INFO_TEXT_MAX_CHARACTERS].strip() or None
