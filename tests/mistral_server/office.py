"""Documents that are neither PDF nor picture: their text, crudely, as pages."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

NUMBER = re.compile(r"(\d+)")
TAG = re.compile(r"<[^>]+>")
RTF_CONTROL = re.compile(r"\\'[0-9a-f]{2}|\\[a-z]+-?\d* ?|[{}]|\\\*")
READABLE_RUN = re.compile(rb"[\x20-\x7e]{6,}")
#: By kind: the members that hold text (one page each, if there are pages), and what ends a line.
MEMBERS = {
    "docx": (r"word/document\.xml", "w:p"),
    "pptx": (r"ppt/slides/slide\d+\.xml", "a:p"),
    "xlsx": (r"xl/(sharedStrings|worksheets/sheet\d+)\.xml", "si"),
    "odf": (r"content\.xml", "text:p"),
    "epub": (r".*\.x?html?", "p"),
}


class UnreadableOffice(Exception):
    """A container that cannot be read, or one without the parts of its kind."""


def container_kind(source: bytes | Path) -> str | None:
    """Return what a ZIP file really is; None for a plain archive."""
    try:
        with zipfile.ZipFile(_file(source)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return None
    for kind in MEMBERS:
        if kind != "epub" and any(re.fullmatch(MEMBERS[kind][0], name) for name in names):
            return kind
    return "epub" if "META-INF/container.xml" in names else None


def pages(source: bytes | Path, kind: str) -> list[str]:
    """Return the text of each page.

    Seen: a docx is one page. Guess: so is everything else but presentations (a page for each slide)
    and EPUBs (a page for each chapter).
    """
    if kind == "rtf":
        return [_rtf(_read(source).decode("latin-1"))]
    if kind == "legacy":
        return ["\n".join(run.decode() for run in READABLE_RUN.findall(_read(source)))]
    if kind == "text":
        return [_read(source).decode("utf-8", "replace").strip()]
    texts = list(_members(source, kind))
    if not texts:
        raise UnreadableOffice(kind)
    return texts if kind in {"pptx", "epub"} else ["\n\n".join(texts)]


def _members(source: bytes | Path, kind: str) -> Iterator[str]:
    pattern, paragraph = MEMBERS[kind]
    try:
        with zipfile.ZipFile(_file(source)) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(pattern, name)]
            for name in sorted(names, key=_natural):
                yield _text(archive.read(name).decode("utf-8", "replace"), paragraph)
    except (zipfile.BadZipFile, OSError, zipfile.LargeZipFile) as error:
        raise UnreadableOffice(str(error)) from None


def _text(xml: str, paragraph: str) -> str:
    broken = xml.replace(f"</{paragraph}>", "\n\n").replace("<w:tab/>", "\t")
    text = html.unescape(TAG.sub("", broken))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _rtf(text: str) -> str:
    return RTF_CONTROL.sub("", text.replace("\\par", "\n")).strip()


def _natural(name: str) -> list[int | str]:
    return [int(part) if part.isdigit() else part for part in NUMBER.split(name)]


def _read(source: bytes | Path) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _file(source: bytes | Path) -> io.BytesIO | Path:
    return io.BytesIO(source) if isinstance(source, bytes) else source
