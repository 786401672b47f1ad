"""Plain text and Markdown, and the decoding that the other text formats share."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Final

from ilios.engines import document_errors
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.flow import FlowDocument, FlowPage

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CODE_PAGES_WORDS: Final = (
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 koi8_r iso8859_2 "
    "iso8859_5 iso8859_7 cp932 euc_jp gb18030 big5 cp949"
)
_CODE_PAGES = tuple(_CODE_PAGES_WORDS.split())
"""Encodings that files come in. Rarer ones mislead a guess: those of old Macintoshes differ from
the Windows ones in a few letters."""
DETECTION_SAMPLE_BYTES: Final = 256 * 1024
SHORT_SAMPLE_BYTES: Final = 200
BINARY_SHARE: Final = 0.05
_NEVER_WRITTEN: Final = ("Cc", "Cn", "Co", "Cs")
"""Control characters, and what is no character; joiners and wide spaces are part of texts."""
_RULE = re.compile(r"^\s*([-=_*~#.])\1{4,}\s*$")
_ITEM = re.compile(r"^\s*(?:\d{1,4}[.)]|[-*+])\s+\S")


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del workspace, threads
    text = decoded(read_limited(source.path, "text"))
    if not text.strip():
        raise document_errors.empty("text")
    refuse_binary(text)
    as_it_is = source.media_type == media_types.MARKDOWN
    return FlowDocument([FlowPage(text.strip() if as_it_is else from_plain_text(text))])


def read_limited(path: Path, kind: str) -> bytes:
    """A text file's bytes. Raises DocumentTooLarge or EmptyDocument."""
    size = path.stat().st_size
    if size > limits.TEXT_MAX_BYTES:
        raise document_errors.too_large(
            f"The {kind} has {size // 1024**2} MB", f"{limits.TEXT_MAX_BYTES // 1024**2} MB"
        )
    content = path.read_bytes()
    if not content.strip():
        raise document_errors.empty(kind)
    return content


def refuse_binary(text: str) -> None:
    sample = text[:DETECTION_SAMPLE_BYTES]
    strange = sum(unicodedata.category(c) in _NEVER_WRITTEN and c not in "\n\t\f" for c in sample)
    if strange > BINARY_SHARE * len(sample):
        raise document_errors.corrupt("text")


def decoded(content: bytes) -> str:
    """Text in whatever encoding: a byte order mark, UTF-8, UTF-16, or the likeliest old one."""
    text = content.decode(encoding_of(content), errors="replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    if _is_utf8(content):
        return "utf-8"
    pairs = len(content) // 2
    if pairs and content[1::2].count(0) > 0.4 * pairs:
        return "utf-16-le"
    if pairs and content[::2].count(0) > 0.4 * pairs:
        return "utf-16-be"
    return _likeliest(content[:DETECTION_SAMPLE_BYTES])


def _is_utf8(content: bytes) -> bool:
    if b"\x00" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _likeliest(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    high = sum(byte >= 0x80 for byte in sample)
    share = 0.3 if len(sample) < SHORT_SAMPLE_BYTES else 0.05
    if high < share * len(sample):  # a few accents: too little to tell the code pages apart
        return "cp1252"
    best = from_bytes(sample, cp_isolation=list(_CODE_PAGES)).best()
    return best.encoding if best is not None else "cp1252"


def from_plain_text(text: str) -> str:
    """Plain text whose lines and paragraphs stay as they are when it is read as Markdown."""
    paragraphs = re.split(
        r"\n\s*\n", markdown.without_controls(text.replace("\f", "\n\n")).strip("\n")
    )
    return markdown.blocks(_paragraph(paragraph) for paragraph in paragraphs)


def _paragraph(paragraph: str) -> str:
    lines = [line.rstrip() for line in paragraph.expandtabs(4).split("\n") if line.strip()]
    if _is_columnar(lines):
        return "\n".join(["```text", *lines, "```"])
    parts = [_line(line.strip()) for line in lines]
    return markdown.HARD_BREAK.join(parts)


def _line(line: str) -> str:
    if _RULE.match(line):
        return "\\" + line
    if _ITEM.match(line):
        marker, _, rest = line.partition(" ")
        return f"{marker} {markdown.escaped(rest)}"
    return markdown.escaped_line(line)


def _is_columnar(lines: list[str]) -> bool:
    """Lines laid out with runs of spaces are a table or a drawing: keep them as they are."""
    spaced = sum(re.search(r"\S {3,}\S", line) is not None for line in lines)
    return len(lines) >= 2 and spaced >= 0.6 * len(lines) and not any("```" in x for x in lines)
