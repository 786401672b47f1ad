"""PDFs for tests and benchmarks, written by hand: a page costs microseconds."""

from __future__ import annotations

import io
import random

from PIL import Image

TOP, LEFT, LEADING = 760, 50, 14
IMAGE_POINTS = 144
PADDING_BLOCK_BYTES = 1024 * 1024


def pdf(*pages: str, padding_bytes: int = 0, image: bytes | None = None) -> bytes:
    """Return a page for each text, in Latin-1; lines as given.

    `image` is a JPEG that every page shows. Padding is a stream that no page uses: random, so that
    it weighs the same when compressed.
    """
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"",  # the page tree, once its kids are known
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        _stream(b"", _padding(padding_bytes)),
        _image(image) if image else b"null",
    ]
    kids = []
    for text in pages:
        objects.append(_stream(b"", _content(text, shows_image=image is not None)))
        kids.append(f"{len(objects) + 1} 0 R")
        resources = "/Font<</F 3 0 R>>/XObject<</I 5 0 R>>" if image else "/Font<</F 3 0 R>>"
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {len(objects)} 0 R"
            f"/Resources<<{resources}>>>>".encode()
        )
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    return _file(objects)


def jpeg(width: int = 60, height: int = 40, colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


def _padding(count: int) -> bytes:
    block = random.Random(0).randbytes(min(count, PADDING_BLOCK_BYTES))  # noqa: S311
    return (block * (count // PADDING_BLOCK_BYTES + 1))[:count]


def _content(text: str, *, shows_image: bool) -> bytes:
    lines = b" ".join(b"(" + _escaped(line) + b") Tj T*" for line in text.split("\n"))
    drawn = f"q {IMAGE_POINTS} 0 0 {IMAGE_POINTS} {LEFT} 60 cm /I Do Q ".encode()
    start = f"BT /F 11 Tf {LEADING} TL {LEFT} {TOP} Td ".encode()
    return (drawn if shows_image else b"") + start + lines + b" ET"


def _escaped(line: str) -> bytes:
    for character in "\\()":
        line = line.replace(character, "\\" + character)
    return line.encode("cp1252", "replace")


def _image(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    entries = (
        f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceRGB"
        "/BitsPerComponent 8/Filter/DCTDecode"
    )
    return _stream(entries.encode(), content)


def _stream(entries: bytes, content: bytes) -> bytes:
    head = b"<<" + entries + f"/Length {len(content)}>>stream\n".encode()
    return head + content + b"\nendstream"


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    end = f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n"
    return bytes(out + end.encode())
