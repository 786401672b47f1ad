"""Word documents and PowerPoint presentations of before 2007 that the tests write themselves."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from tests.support.compound_files import compound

WORD_97: Final = 0xA5EC
WORD_95: Final = 0xA5DC
_ENCRYPTED: Final = 0x0100
_TABLE_1: Final = 0x0200  #: the stream of tables is "1Table"
_NUMBERS, _PLACES = 22, 93  #: of the head of a document
_TEXT, _TABLE_OF_PIECES = 3, 33  #: among them
_USER_TOKEN, _ENCRYPTED_TOKEN = 0xE391C05F, 0xF3D1C4DF
_CONTAINER: Final = 15


def word(
    paragraphs: Sequence[str],
    *,
    program: int = WORD_97,
    encrypted: bool = False,
    capitals: bool = False,
) -> bytes:
    """Return a DOC with these paragraphs, each a piece of UTF-16 behind its head."""
    text = "".join(f"{paragraph}\r" for paragraph in paragraphs)
    start = 1024
    ends = [0, *accumulate(len(paragraph) + 1 for paragraph in paragraphs)]
    pieces = struct.pack(f"<{len(ends)}I", *ends)
    pieces += b"".join(struct.pack("<HIH", 0, start + 2 * begin, 0) for begin in ends[:-1])
    table = b"\2" + struct.pack("<I", len(pieces)) + pieces
    numbers = [0] * _NUMBERS
    numbers[_TEXT] = len(text)
    places = [0] * (2 * _PLACES)
    places[2 * _TABLE_OF_PIECES + 1] = len(table)
    flags = _TABLE_1 | (_ENCRYPTED if encrypted else 0)
    head = struct.pack("<HHHHHHHIBB12x", program, 0xC1, 0, 0x409, 0, flags, 0xBF, 0, 0, 0)
    head += struct.pack("<H28x", 14) + struct.pack(f"<H{_NUMBERS}I", _NUMBERS, *numbers)
    head += struct.pack(f"<H{2 * _PLACES}I", _PLACES, *places) + struct.pack("<H", 0)
    stream = head.ljust(start, b"\0") + text.encode("utf-16-le")
    name = "WORDDOCUMENT" if capitals else "WordDocument"
    return compound({name: stream, "1TABLE" if capitals else "1Table": table})


def slides(
    texts: Sequence[str],
    *,
    encrypted: bool = False,
    is_of_95: bool = False,
    capitals: bool = False,
) -> bytes:
    """Return a PPT with a slide for each of these texts."""
    found = streams(texts, encrypted=encrypted, is_of_95=is_of_95)
    return compound({name.upper() if capitals else name: found[name] for name in found})


def streams(
    texts: Sequence[str], *, encrypted: bool = False, is_of_95: bool = False
) -> dict[str, bytes]:
    """Return the streams of such a PPT."""
    stream = b""
    offsets = []
    atoms = b""
    for number, text in enumerate(texts, start=2):
        offsets.append(len(stream))
        stream += _slide(text)
        atoms += _record(1011, struct.pack("<IIIII", number, 0, 0, 254 + number, 0))
    document = _record(1001, struct.pack("<6I", 5760, 4320, 4320, 5760, 1, 2).ljust(40, b"\0"))
    document += _record(4080, atoms, version=_CONTAINER)
    places = [len(stream), *offsets]
    stream += _record(1000, document, version=_CONTAINER)
    directory = len(stream)
    stream += _record(6002, struct.pack(f"<I{len(places)}I", len(places) << 20 | 1, *places))
    edit = len(stream)
    stream += _record(4085, struct.pack("<7I", 256, 0, 0, directory, 1, len(places) + 1, 0))
    token = _ENCRYPTED_TOKEN if encrypted else _USER_TOKEN
    user = _record(1 if is_of_95 else 4086, struct.pack("<III8x", 20, token, edit))
    return {"PowerPoint Document": stream, "Current User": user}


def _slide(text: str) -> bytes:
    box = _record(
        0xF00D, _record(3999, bytes(4)) + _record(4000, text.encode("utf-16-le")), _CONTAINER
    )
    anchor = _record(0xF010, struct.pack("<4h", 100, 100, 2000, 600))
    shape = _record(0xF00A, struct.pack("<II", 1025, 0xA00), 2 | 202 << 4)
    drawing = _record(
        0xF002,
        _record(0xF003, _record(0xF004, shape + anchor + box, _CONTAINER), _CONTAINER),
        _CONTAINER,
    )
    atom = _record(1007, bytes(24), 2)
    return _record(1006, atom + _record(1036, drawing, _CONTAINER), _CONTAINER)


def _record(kind: int, content: bytes, version: int = 0) -> bytes:
    return struct.pack("<HHI", version, kind, len(content)) + content
