"""PDFs of any length and size, written without a library, which would take longer for 120 MB."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

FONT = 3  #: object numbers: 1 catalog, 2 page tree, 3 font, then the pages
IMAGE_SIDE = 600  #: pixels, three bytes each: about a megabyte that nothing compresses


def write(
    path: Path,
    pages: int,
    *,
    mark: str = "",
    with_images: bool = False,
    scan_side: int | None = None,
    padding: int = 0,
) -> Path:
    """Write a PDF whose page n says `Page n of N` and `mark`, if asked with an image of 1 MB.

    With a side in pixels each page is nothing but an image that fills it.
    `padding` bytes more are a comment that no reader looks at.
    """
    offsets: list[int] = []
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3" + b"0" * padding + b"\n")
        for number, body in enumerate(_objects(pages, mark, with_images, scan_side), start=1):
            offsets.append(file.tell())
            file.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
        start = file.tell()
        rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1) + rows)
        file.write(b"trailer << /Size %d /Root 1 0 R >>\n" % (len(offsets) + 1))
        file.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return path


def _objects(pages: int, mark: str, with_images: bool, scan_side: int | None) -> Iterator[bytes]:
    side = scan_side or (IMAGE_SIDE if with_images else 0)
    each = 3 if side else 2
    first = FONT + 1
    kids = b" ".join(b"%d 0 R" % (first + each * page) for page in range(pages))
    yield b"<< /Type /Catalog /Pages 2 0 R >>"
    yield b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, kids)
    yield b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    noise = random.Random(mark)  # noqa: S311  # not a secret
    for page in range(pages):
        number = first + each * page
        image = b"/XObject << /I %d 0 R >>" % (number + 2) if side else b""
        yield (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F %d 0 R >> %s >> >>" % (number + 1, FONT, image)
        )
        text = f"BT /F 14 Tf 60 780 Td (Page {page + 1} of {pages} {mark}) Tj ET"
        drawn = b" q 400 0 0 400 90 200 cm /I Do Q" if with_images else b""
        scan = b"q 595 0 0 842 0 0 cm /I Do Q"
        yield _stream(b"", scan if scan_side else text.encode() + drawn)
        if side:
            size = b"/Type /XObject /Subtype /Image /Width %d /Height %d" % (side, side)
            colours = b" /ColorSpace /DeviceRGB /BitsPerComponent 8"
            yield _stream(size + colours, noise.randbytes(side * side * 3))


def _stream(entries: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)
