"""Documents made to hurt what opens them. Small ones: what they do is out of proportion."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable

MIB = 1024 * 1024
HUGE_SIDE = 50_000  #: pixels; as RGB, such a square has 7 GiB
DEPTH = 100_000
CONTENT_TYPES = "[Content_Types].xml"
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zip_bomb(unpacked_bytes: int = 300 * MIB) -> bytes:
    """Return a Word document with a part that unpacks to a thousand times its size."""
    return _word(_repeated(b" ", unpacked_bytes))


def deep_word() -> bytes:
    """Return a Word document of tables in tables in tables."""
    opening, closing = b"<w:tbl><w:tr><w:tc>", b"</w:tc></w:tr></w:tbl>"
    return _word([f"<w:document {_WORD}><w:body>".encode(), opening * DEPTH, closing * DEPTH])


def entity_bomb() -> bytes:
    """Return a Word document with the billion laughs: entities of entities of entities."""
    entities = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(12)
    )
    document = (
        f"<!DOCTYPE x [{entities}]><w:document {_WORD}><w:body><w:p><w:r><w:t>&l11;</w:t></w:r>"
        "</w:p></w:body></w:document>"
    )
    return _word([document.encode()])


def deep_html() -> bytes:
    return b"<!DOCTYPE html><html><body>" + b"<div><blockquote>" * DEPTH + b"Deep down"


def deep_rtf() -> bytes:
    return rb"{\rtf1 " + b"{" * DEPTH + b"Deep down" + b"}" * DEPTH + b"}"


def huge_png() -> bytes:
    """Return an image whose pixels would fill the memory, in a few kilobytes."""
    header = struct.pack(">IIBBBBB", HUGE_SIDE, HUGE_SIDE, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(4 * MIB))
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", rows), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def pdf_with_huge_image() -> bytes:
    """Return a page that shows an image of the same size."""
    image = (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8"
        % (HUGE_SIDE, HUGE_SIDE)
    )
    return pdf(_shown(), image=_stream(_packed(b"\x00", 64 * MIB), image + b"/Filter/FlateDecode"))


def pdf_stream_bomb(unpacked_bytes: int = 1024 * MIB) -> bytes:
    """Return a page whose drawing is packed twice, and has a gigabyte when it is unpacked."""
    twice = zlib.compress(_packed(b"0 0 m 9 9 l S\n", unpacked_bytes), 9)
    return pdf(_stream(twice, b"<</Filter[/FlateDecode/FlateDecode]"))


def pdf_with_broken_jbig2() -> bytes:
    """Return a page that is one JBIG2 image, whose symbol dictionary promises what is not there."""
    segments = struct.pack(">IBBBI", 0, 0, 1, 1, 18) + b"\x00\x00" + b"\xff" * 16
    region = struct.pack(">IBBBI", 1, 6, 0, 1, 0x7FFFFFFF) + b"\xff" * 64
    image = (
        b"<</Type/XObject/Subtype/Image/Width 9999/Height 9999/ColorSpace/DeviceGray"
        b"/BitsPerComponent 1/Filter/JBIG2Decode"
    )
    return pdf(_shown(), image=_stream(segments + region, image))


def pdf_with_broken_font() -> bytes:
    """Return a page in a TrueType font whose tables overlap and reach beyond its end."""
    tables = b"".join(
        tag + struct.pack(">III", 0, 12, 0xFFFFFFF0)
        for tag in (b"glyf", b"loca", b"head", b"hhea", b"hmtx", b"maxp", b"cmap", b"fpgm")
    )
    program = struct.pack(">IHHHH", 0x00010000, 8, 128, 3, 0) + tables + b"\xff" * 4096
    font = (
        b"<</Type/Font/Subtype/TrueType/BaseFont/Broken/FirstChar 0/LastChar 255"
        b"/FontDescriptor<</Type/FontDescriptor/FontName/Broken/Flags 4/FontFile2 6 0 R>>>>"
    )
    drawing = _stream(b"BT /F1 12 Tf 72 700 Td (Words in a broken font) Tj ET")
    return pdf(drawing, font=font, extra=[_stream(program, b"<</Length1 %d" % len(program))])


def deep_pdf() -> bytes:
    """Return a PDF with arrays in arrays in arrays where its page's contents should be."""
    return pdf(b"[" * DEPTH + b"]" * DEPTH)


def looping_pdf() -> bytes:
    """Return a PDF whose tree of pages contains itself."""
    catalog, tree = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9999>>",
    )
    return assembled([catalog, tree])


def long_pdf(pages: int = 100_000) -> bytes:
    """Return a PDF of very many pages, all of which show the same line."""
    kids = b" ".join(b"%d 0 R" % (6 + number) for number in range(pages))
    return assembled(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            _stream(b"BT /F1 12 Tf 72 700 Td (One of very many pages) Tj ET"),
            b"<</Font<</F1 3 0 R>>>>",
            *(
                [
                    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources 5 0 R"
                    b"/Contents 4 0 R>>"
                ]
                * pages
            ),
        ]
    )


def pdf(
    drawing: bytes,
    *,
    font: bytes = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    image: bytes = b"null",
    extra: Iterable[bytes] = (),
) -> bytes:
    """Return a PDF of one page: `/F1` is the font, `/I1` the image, `extra` objects 7 and on."""
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R"
        b"/Resources<</Font<</F1 4 0 R>>/XObject<</I1 7 0 R>>>>>>"
    )
    catalog, tree = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    sixth, *others = [*extra] or [b"null"]
    return assembled([catalog, tree, page, font, drawing, sixth, image, *others])


def assembled(objects: Iterable[bytes]) -> bytes:
    """Return a PDF of these objects, of which the first is the catalog."""
    written, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(offsets) + 1
    return bytes(written) + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        % (count, table, count, len(written))
    )


def _shown() -> bytes:
    return _stream(b"q 595 0 0 842 0 0 cm /I1 Do Q")


def _stream(content: bytes, dictionary: bytes = b"<<") -> bytes:
    return dictionary + b"/Length %d>>stream\n%s\nendstream" % (len(content), content)


def _packed(pattern: bytes, size_bytes: int) -> bytes:
    """Return a zlib stream of the pattern; one block is packed, for all of them takes long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = pattern * (MIB // len(pattern))
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(size_bytes // MIB):
        checksum = zlib.adler32(block, checksum)
    last = b"\x03\x00"  # an empty block that ends the stream
    return b"\x78\xda" + packed * (size_bytes // MIB) + last + struct.pack(">I", checksum)


def _repeated(pattern: bytes, size_bytes: int) -> Iterable[bytes]:
    block = pattern * (MIB // len(pattern))
    return (block for _ in range(size_bytes // len(block)))


def _word(document: Iterable[bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
        written.writestr(CONTENT_TYPES, "<Types/>")
        with written.open("word/document.xml", "w") as part:
            for block in document:
                part.write(block)
    return buffer.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
