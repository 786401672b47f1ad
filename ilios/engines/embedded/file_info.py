"""What files say of themselves in the formats that only the embedded engine reads."""

from __future__ import annotations

import codecs
import re
from typing import Final

from ilios.engines import document_info
from ilios.engines.base import DocumentInfo, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.web.html.decoding import decoded_page

HEAD_MAX_BYTES: Final = 256 * 1024
"""Of a file: what it says of itself stands at its beginning."""
_RTF_CODE_PAGE: Final = re.compile(rb"\\ansicpg(\d{1,5})")
_RTF_SIGN: Final = re.compile(
    r"\\'([0-9a-fA-F]{2})|\\u(-?\d{1,6}) ?|\\([{}\\])|\\[a-z]++-?\d*+ ?|\\\*|[{}]"
)
_RTF_NUMBER: Final = re.compile(r"\\(yr|mo|dy|hr|min|sec)(\d{1,4})")


def of_source(source: Source) -> DocumentInfo:
    """Return what a file says of itself; nothing for types that say nothing."""
    match source.media_type:
        case media_types.HTML:
            return of_web_page(decoded_page(_head(source)))
        case media_types.RTF:
            return of_rtf(_head(source))
        case media_types.FODT | media_types.FODS | media_types.FODP:
            return document_info.of_opendocument(_head(source).decode("utf-8", "replace"))
    return document_info.of_container(source.path, source.media_type)


def of_web_page(page: str) -> DocumentInfo:
    """Return what the beginning of a web page says of it."""
    metas = {
        (meta.get("name") or meta.get("property") or "").lower(): meta.get("content")
        for meta in document_info.elements(page, "meta")
    }
    root = next(iter(document_info.elements(page, "html")), {})
    return document_info.told(
        title=document_info.text_of(page, "[Tt][Ii][Tt][Ll][Ee]"),
        author=metas.get("author"),
        created=metas.get("article:published_time") or metas.get("date"),
        modified=metas.get("article:modified_time"),
        language=root.get("lang"),
        producer=metas.get("generator"),
    )


def of_rtf(head: bytes) -> DocumentInfo:
    """Return what the beginning of an RTF file says of it."""
    text = head.decode("latin-1")
    number = _RTF_CODE_PAGE.search(head)
    encoding = _known(f"cp{int(number[1])}") if number else "cp1252"
    skipped = 0 if "\\uc0" in text else 1
    title, author, generator = (
        _rtf_text(_group(text, name), encoding, skipped)
        for name in ("title", "author", "generator")
    )
    return document_info.told(
        title=title,
        author=author,
        created=_rtf_date(_group(text, "creatim")),
        modified=_rtf_date(_group(text, "revtim")),
        producer=generator.rstrip("; "),
    )


def _head(source: Source) -> bytes:
    with source.path.open("rb") as file:
        return file.read(HEAD_MAX_BYTES)


def _group(text: str, name: str) -> str:
    content = r"((?:[^{}\\]|\\[^{}]|\\[{}]|\{[^{}]*+\})*+)"
    found = re.search(rf"\{{(?:\\\*)?\\{name}(?![a-z]){content}\}}", text)
    return found[1] if found else ""


def _rtf_text(group: str, encoding: str, skipped: int) -> str:
    """Return the text of a group; behind a `\\u` stand `skipped` signs for old readers."""
    parts: list[str] = []
    raw = bytearray()
    end = 0
    for match in _RTF_SIGN.finditer(group):
        if match.start() < end:
            continue
        raw += group[end : match.start()].encode("latin-1")
        end = match.end()
        if match[1]:
            raw.append(int(match[1], 16))
        elif match[3]:
            raw += match[3].encode()
        elif match[2]:
            parts += raw.decode(encoding, "replace"), chr(int(match[2]) % 0x10000)
            raw.clear()
            end += (4 if group.startswith("\\'", end) else 1) * skipped
    raw += group[end:].encode("latin-1")
    return "".join([*parts, raw.decode(encoding, "replace")])


def _rtf_date(group: str) -> str | None:
    found = {name: int(number) for name, number in _RTF_NUMBER.findall(group)}
    if not found.keys() >= {"yr", "mo", "dy"}:
        return None
    day = f"{found['yr']:04}-{found['mo']:02}-{found['dy']:02}"
    time = ":".join(f"{found.get(name, 0):02}" for name in ("hr", "min", "sec"))
    return f"{day}T{time}" if "hr" in found else day


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "cp1252"
