"""Mails that the tests write, with the standard library as programs do."""

from __future__ import annotations

from email.message import EmailMessage
from functools import cache

from PIL import Image

from tests.support.sample_files import encoded, noise

HEAD = {
    "From": "Jane Doe <jane@example.com>",
    "To": "John <john@example.com>, accounts@example.com",
    "Date": "Wed, 01 May 2024 14:03:05 +0200",
    "Subject": "The report for May",
    "Message-ID": "<1@example.com>",
}


def mail(text: str = "Dear John,\n\nhere it is.", **fields: str) -> EmailMessage:
    """Return a mail of plain text; keywords replace fields of the head."""
    message = EmailMessage()
    for name, value in {**HEAD, **fields}.items():
        message[name] = value
    message.set_content(text)
    return message


def attached(message: EmailMessage, content: bytes, name: str, kind: str = "octet-stream") -> None:
    message.add_attachment(content, maintype="application", subtype=kind, filename=name)


@cache
def png(side: int = 40) -> bytes:
    return encoded(noise(side, side), "PNG")


def white() -> bytes:
    return encoded(Image.new("RGB", (60, 60), "white"), "PNG")
