"""Mails in the form of MIME (`.eml`), and web archives, which have the same form.

The library splits a mail into its parts. It does so under its older policy: the newer one, which
tells addresses and parameters apart, takes the square of a field's length, and fails on odd ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from pathlib import PurePath
from typing import Any, Final

from ilios.engines import document_errors
from ilios.engines.embedded.mail import limits
from ilios.engines.embedded.mail.header_texts import date_text, field_text
from ilios.engines.embedded.mail.letters import Attachment, Kind, Letter, Piece

KIND: Final = "mail"
SHOWN: Final = ("From", "To", "Cc", "Bcc", "Date")
_SIGNATURES: Final = (
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
)
_OTHER_FORMS: Final = ("text/x-amp-html", "text/enriched", "text/watch-html", "text/rtf")
"""What a mail offers instead of its text, for programs that read neither HTML nor plain text."""
_KINDS: Final = {"text/html": Kind.HTML, "text/plain": Kind.PLAIN}
_RANKS: Final = {"text/html": 2, "text/plain": 1}
_MAILS: Final = ("message/rfc822", "message/global")
_PACKED: Final = ("base64", "quoted-printable")
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,10}")
_EXTENSIONS: Final = {"plain": "txt", "calendar": "ics", "jpeg": "jpg", "octet-stream": "bin"}


class _Policy(Compat32):
    """Cuts long fields before anything looks at them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        is_of_mime = name.lower().startswith("content-")
        most = limits.PARAMETERS_MAX_CHARACTERS if is_of_mime else limits.FIELD_MAX_CHARACTERS
        return name, value[:most]

    def header_fetch_parse(self, name: str, value: str) -> str:
        """Return a field as it is kept: the library would replace bytes beyond ASCII."""
        del name
        return value


class _Part(Message):
    """A part whose head has a bounded number of fields."""

    def set_raw(self, name: str, value: Any) -> None:
        if len(self) < limits.HEAD_MAX_FIELDS:
            super().set_raw(name, value)


def parsed(content: bytes) -> Message:
    """Split a mail into parts. Raises DocumentTooLarge, and CorruptDocument for endless nesting."""
    count = 0

    def part(**options: Any) -> _Part:
        nonlocal count
        count += 1
        if count > limits.PARTS_MAX:
            most = f"{limits.PARTS_MAX:,} parts"
            raise document_errors.too_large(f"The mail has more than {most}", most)
        return _Part(**options)

    try:
        return BytesParser(part, policy=_Policy()).parsebytes(_from_first_field(content))
    except RecursionError as error:
        raise document_errors.corrupt(KIND) from error


def _from_first_field(content: bytes) -> bytes:
    """Leave out the white space that mail services put before a mail that they show as it came."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()


def letter_of(content: bytes) -> Letter:
    return _letter(parsed(content))


def _letter(message: Message) -> Letter:
    """Return what a mail says and holds; every leaf of its parts is accounted for."""
    raw = _first_fields(message)
    date = date_text(raw.get("date", ""))
    said = {name: field_text(raw.get(name.lower(), "")) for name in SHOWN}
    said["Date"] = date or said["Date"]
    found = _Found()
    _collect(message, found)
    return Letter(
        field_text(raw.get("subject", "")),
        [(name, text) for name, text in said.items() if text],
        date,
        found.pieces,
        found.attachments,
    )


@dataclass(slots=True)
class _Found:
    """What the parts of a mail hold, in their order."""

    pieces: list[Piece] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def _collect(message: Message, found: _Found) -> None:
    waiting = [(message, False)]
    while waiting:
        part, is_related = waiting.pop()
        kind = part.get_content_type()
        if part.is_multipart() and not kind.startswith("message/"):
            is_related = is_related or kind == "multipart/related"
            waiting += ((child, is_related) for child in reversed(_chosen(part, kind)))
        elif kind in _KINDS and not _is_file(part):
            found.pieces.append(_piece(part, kind))
        elif kind not in _SIGNATURES and not _is_blank(part):
            number = len(found.attachments) + 1
            found.attachments.append(_attachment(part, kind, number, is_related=is_related))


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    return [child for child in payload if isinstance(child, Message)]


def _chosen(part: Message, kind: str) -> list[Message]:
    """Return the parts that are read: of alternatives the richest text, and what is no text."""
    children = _children(part)
    if kind != "multipart/alternative":
        return children
    ranks = [_rank(child) for child in children]
    chosen = max(range(len(ranks)), key=lambda n: (ranks[n], n), default=0)
    return [
        child
        for n, child in enumerate(children)
        if n == chosen or not (ranks[n] or child.get_content_type() in _OTHER_FORMS)
    ]


def _rank(part: Message) -> int:
    """Return how rich the text below a part is; 0 if there is none."""
    best = 0
    waiting = [part]
    while waiting:
        each = waiting.pop()
        waiting += _children(each)
        if not each.is_multipart() and not _is_file(each):
            best = max(best, _RANKS.get(each.get_content_type(), 0))
    return best


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_name(part))


def _is_blank(part: Message) -> bool:
    """Return whether a part has neither a name nor content, as some programs leave behind."""
    return not part.is_multipart() and not _name(part) and not payload(part).strip()


def _piece(part: Message, kind: str) -> Piece:
    is_flowed = str(part.get_param("format", "")).lower() == "flowed"
    return Piece(
        _KINDS[kind],
        payload(part),
        part.get_content_charset() or "",
        is_flowed,
        is_flowed and str(part.get_param("delsp", "")).lower() == "yes",
        _first_fields(part).get("content-location", "").strip(),
    )


def _attachment(part: Message, kind: str, number: int, *, is_related: bool) -> Attachment:
    name = _name(part)
    inner = next(iter(_children(part)), None)
    if kind in _MAILS and inner is not None:
        subject = field_text(_first_fields(inner).get("subject", ""))
        return Attachment(name or subject or f"mail {number}", letter=lambda: _inner(part, inner))
    if part.is_multipart():  # the report of a delivery: heads and nothing else
        return Attachment(name or f"{kind.rpartition('/')[2]}.txt", read=lambda: _heads(part))
    raw = _first_fields(part)
    address = raw.get("content-location", "").strip()
    return Attachment(
        name or address.partition("?")[0].rpartition("/")[2] or _usual_name(kind, number),
        raw.get("content-id", "").strip("<> \t\r\n"),
        address,
        is_of_page=is_related and bool(address) and not _is_file(part),
        read=lambda: payload(part),
    )


def _usual_name(kind: str, number: int) -> str:
    ending = kind.rpartition("/")[2].removeprefix("x-")
    ending = _EXTENSIONS.get(ending, ending)
    return f"part-{number}.{ending}" if _EXTENSION.fullmatch(ending) else f"part-{number}"


def _inner(part: Message, inner: Message) -> Letter:
    """Return an attached mail; some programs pack it, which the parser does not expect."""
    packing = str(part.get("content-transfer-encoding", "")).strip().lower()
    if packing in _PACKED and not len(inner):
        inner["content-transfer-encoding"] = packing
        return letter_of(payload(inner))
    return _letter(inner)


def payload(part: Message) -> bytes:
    """Return the content of a leaf; what its encoding does not fit stays as it is."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _heads(part: Message) -> bytes:
    blocks = (_head(each) for each in _children(part))
    return b"\n\n".join(block for block in blocks if block)


def _head(part: Message) -> bytes:
    """Return the fields of a head, and what some programs write where fields should be."""
    fields = (f"{name}: {field_text(str(value))}" for name, value in part.raw_items())
    head = "\n".join(fields).encode("utf-8", "replace")
    return b"\n".join(block for block in (head, payload(part).strip()) if block)


def _name(part: Message) -> str:
    """Return the file name of a part, without folders; empty if it has none."""
    try:
        name = field_text(part.get_filename() or "")
    except (ValueError, LookupError, TypeError):  # parameters that count wrongly
        return ""
    return PurePath(name.replace("\\", "/").replace("\0", "")).name


def _first_fields(part: Message) -> dict[str, str]:
    """Return the first field of each name, in small letters, as the file has it."""
    found: dict[str, str] = {}
    for name, value in part.raw_items():
        found.setdefault(name.lower(), str(value))
    return found
