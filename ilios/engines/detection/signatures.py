"""What the first bytes of a file show: images, RTF and mails, before anything is taken for text."""

from __future__ import annotations

import re
import struct
from typing import Final

AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
HEIC_BRANDS: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif")
)
BRANDS_MAX: Final = 64
JPEG_2000: Final = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51\0")
HEAD_LINES_MAX: Final = 200  #: of a mail, among which its fields are sought

_FIELD: Final = re.compile(rb"([!-9;-~]{1,76})[ \t]*:")
_CARRIED: Final = frozenset(
    (
        *(b"received", b"message-id", b"mime-version", b"return-path", b"delivered-to"),
        *(b"x-mailer", b"dkim-signature", b"x-received", b"arc-seal", b"content-type"),
        *(b"x-originating-ip", b"x-unsent", b"references", b"in-reply-to", b"x-priority"),
    )
)
"""Fields that programs write, which people do not type into a text."""
_WRITTEN: Final = frozenset((b"from", b"to", b"subject", b"date", b"cc", b"reply-to", b"sender"))


def brands(head: bytes) -> frozenset[bytes]:
    """Return what a file of ISO's container says that it is, such as `avif`; empty for others."""
    if head[4:8] != b"ftyp":
        return frozenset()
    (size,) = struct.unpack_from(">I", head)
    end = min(size, len(head), 16 + 4 * BRANDS_MAX)
    return frozenset((head[8:12], *(head[place : place + 4] for place in range(16, end, 4))))


def is_mail(head: bytes, *, is_named_so: bool) -> bool:
    """Return whether a file begins with the head of a mail.

    A memo may begin with "From:" and "Subject:" too: without a field that programs write, it is a
    mail only if it is called one.
    """
    lines = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", HEAD_LINES_MAX)
    if is_named_so and lines[0].startswith((b"From ", b">From ")):
        lines = lines[1:]  # as a folder of many mails has it
    names: set[bytes] = set()
    for place, line in enumerate(lines[:HEAD_LINES_MAX]):
        if line[:1] in (b" ", b"\t") and place:
            continue
        field = _FIELD.match(line)
        if field is None:
            if line.strip() and not is_named_so:
                return False
            break
        names.add(field[1].lower())
    written, carried = len(names & _WRITTEN), len(names & _CARRIED)
    if is_named_so:
        return written + carried > 0
    return written > 0 and carried > 0 and written + carried > 2
