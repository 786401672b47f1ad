"""Outlook messages (`.msg`): compound files whose streams are the properties of a mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import HeaderParser
from email.policy import compat32
from pathlib import Path, PurePath
from typing import Any, Final

import compressed_rtf

from ilios.core.conversion_errors import UnsupportedDocument
from ilios.engines import document_errors
from ilios.engines.embedded.compound_file import CompoundFile
from ilios.engines.embedded.mail import limits, mime
from ilios.engines.embedded.mail.header_texts import field_text
from ilios.engines.embedded.mail.letters import Attachment, Kind, Letter, Piece
from ilios.engines.embedded.mail.outlook_properties import Storage, body_charset, message_storage

_MESSAGE_HEAD_BYTES, _INNER_HEAD_BYTES, _PART_HEAD_BYTES = 32, 24, 8
"""Of what stands before the list of short properties."""
_RECIPIENTS: Final = "__recip_version1.0_#"
_ATTACHMENTS: Final = "__attach_version1.0_#"
_SUBJECT, _BODY, _BODY_HTML, _BODY_RTF = 0x0037, 0x1000, 0x1013, 0x1009
_HEADERS = 0x007D
_SENDER_NAME, _SENDER_SMTP, _SENDER_ADDRESS = 0x0C1A, 0x5D01, 0x0C1F
_AUTHOR_NAME, _AUTHOR_SMTP, _AUTHOR_ADDRESS = 0x0042, 0x5D02, 0x0065
_SUBMITTED, _DELIVERED = 0x0039, 0x0E06
_SHOWN_TO = {"To": 0x0E04, "Cc": 0x0E03, "Bcc": 0x0E02}
_RECIPIENT_KINDS: Final = {1: "To", 2: "Cc", 3: "Bcc"}
_RECIPIENT_KIND, _NAME, _SMTP, _ADDRESS = 0x0C15, 0x3001, 0x39FE, 0x3003
_CONTENT, _LONG_NAME, _SHORT_NAME, _CONTENT_ID = 0x3701, 0x3707, 0x3704, 0x3712
_TYPE = 0x370E


@contextmanager
def opened(path: Path) -> Iterator[Letter]:
    """Open a message, whose attachments can be read until the end. Raises CorruptDocument."""
    try:
        file = CompoundFile(path)
    except (OSError, RecursionError) as error:
        raise document_errors.corrupt("Outlook message") from error
    try:
        yield _letter(file, message_storage(file, file.root, _MESSAGE_HEAD_BYTES))
    finally:
        file.close()


def _letter(file: CompoundFile, storage: Storage) -> Letter:
    submitted = storage.moment(_SUBMITTED) or storage.moment(_DELIVERED)
    headers = HeaderParser(policy=compat32).parsestr(
        storage.text(_HEADERS)[: limits.OUTLOOK_HEAD_MAX_CHARACTERS]
    )
    date = submitted.isoformat(timespec="seconds") if submitted else ""
    recipients = _recipients(file, storage)
    said = {
        "From": field_text(str(headers.get("from", ""))) or _sender(storage),
        **{kind: recipients.get(kind) or storage.text(tag) for kind, tag in _SHOWN_TO.items()},
        "Date": date,
    }
    return Letter(
        _in_line(storage.text(_SUBJECT)),
        [(label, _in_line(text)) for label, text in said.items() if _in_line(text)],
        date,
        list(_body(storage)),
        list(_attachments(file, storage)),
    )


def _in_line(text: str) -> str:
    return " ".join(text[: limits.FIELD_MAX_CHARACTERS].split())


def _sender(storage: Storage) -> str:
    return _person(storage, _AUTHOR_NAME, _AUTHOR_SMTP, _AUTHOR_ADDRESS) or _person(
        storage, _SENDER_NAME, _SENDER_SMTP, _SENDER_ADDRESS
    )


def _person(storage: Storage, name: int, smtp: int, address: int) -> str:
    """Return name and address of somebody; an address within Exchange says nothing outside."""
    shown = storage.text(name).strip("'\" ")
    reached = storage.text(smtp) or storage.text(address)
    if "@" not in reached or reached == shown:
        return shown
    return f"{shown} <{reached}>" if shown else reached


def _recipients(file: CompoundFile, storage: Storage) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for entry in storage.storages(_RECIPIENTS)[: limits.RECIPIENTS_MAX]:
        recipient = _part(file, storage, entry)
        kind = _RECIPIENT_KINDS.get(recipient.number(_RECIPIENT_KIND), "To")
        person = _person(recipient, _NAME, _SMTP, _ADDRESS)
        if person:
            found.setdefault(kind, []).append(person)
    return {kind: ", ".join(people) for kind, people in found.items()}


def _part(file: CompoundFile, storage: Storage, entry: Any) -> Storage:
    part = Storage(file, entry, _PART_HEAD_BYTES)
    part.code_page = storage.code_page
    return part


def _body(storage: Storage) -> Iterator[Piece]:
    """Yield the richest form of the body: HTML, RTF, or plain text."""
    if page := storage.binary(_BODY_HTML):
        yield Piece(Kind.HTML, page, body_charset(storage))
    elif page_text := storage.text(_BODY_HTML):
        yield Piece(Kind.HTML, page_text.encode("utf-8", "replace"), "utf-8")
    elif rtf := _unpacked(storage.binary(_BODY_RTF, limits.RTF_MAX_BYTES)):
        yield Piece(Kind.RTF, rtf)
    elif text := storage.text(_BODY):
        yield Piece(Kind.PLAIN, text.encode("utf-8", "replace"), "utf-8")


def _unpacked(packed: bytes) -> bytes:
    """Unpack a body in RTF; nothing if it is damaged or says nothing."""
    if not packed:
        return b""
    try:
        rtf: bytes = compressed_rtf.decompress(packed)
    except Exception:  # noqa: BLE001  # what it raises is of this very class
        return b""
    return rtf if rtf.startswith(b"{\\rtf") else b""


def _attachments(file: CompoundFile, storage: Storage) -> Iterator[Attachment]:
    for number, entry in enumerate(storage.storages(_ATTACHMENTS), start=1):
        if number > limits.ATTACHMENTS_MAX:
            yield Attachment(f"attachment {number}")  # is named, and never read
            continue
        yield _attachment(file, _part(file, storage, entry), number)


def _attachment(file: CompoundFile, part: Storage, number: int) -> Attachment:
    name = part.text(_LONG_NAME) or part.text(_SHORT_NAME) or part.text(_NAME)
    name = PurePath(name.replace("\\", "/").replace("\0", "")).name
    content_id = part.text(_CONTENT_ID).strip("<> ")
    inner = part.inner(_CONTENT)
    if inner is not None:
        storage = message_storage(file, inner, _INNER_HEAD_BYTES)
        if not storage.has_properties:
            return Attachment(name or f"object {number}", content_id, read=_refuse_object)
        subject = storage.text(_SUBJECT)
        return Attachment(
            name or subject or f"mail {number}", content_id, letter=lambda: _letter(file, storage)
        )
    shown = name or f"attachment {number}"
    if part.text(_TYPE).lower().startswith("multipart/"):  # the signed form of the mail itself
        return Attachment(shown, content_id, letter=lambda: mime.letter_of(_content(part)))
    return Attachment(shown, content_id, read=lambda: _content(part))


def _refuse_object() -> bytes:
    raise UnsupportedDocument(
        "It is an object of another program, which Outlook shows as a picture"
    )


def _content(part: Storage) -> bytes:
    size = part.stream_bytes(_CONTENT)
    if size > limits.ATTACHMENT_MAX_BYTES:
        raise document_errors.too_large(
            f"The file has {size // 1024**2} MB", f"{limits.ATTACHMENT_MAX_BYTES // 1024**2} MB"
        )
    return part.binary(_CONTENT)
