"""Documents that the tests write themselves."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
INK = (25, 25, 25)
Drawing = bytes
"""The content stream of a PDF page."""


def pdf(
    *pages: Drawing,
    image: Image.Image | None = None,
    rotate: int = 0,
    letters: Mapping[str, str] | None = None,
    catalog: bytes = b"",
    page: bytes = b"",
    resources: bytes = b"",
    more: Sequence[bytes] = (),
) -> bytes:
    """Return a PDF of A4 pages; `/F1` is Helvetica, `/I1` the image.

    `letters` tells which characters those of `/F1` stand for, as a font of another script does.
    `catalog`, `page` and `resources` are put into these dictionaries. Objects of `more` come after
    those of the pages, which begin with 6 and take two numbers each, and after `letters`.
    """
    resources = b"<</Font<</F1 4 0 R>>/XObject<</I1 5 0 R>>%s>>" % resources
    kids = b" ".join(b"%d 0 R" % (6 + 2 * place) for place in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
        resources,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding%s>>"
        % (b"/ToUnicode %d 0 R" % (6 + 2 * len(pages)) if letters else b""),
        _image_object(image or Image.new("RGB", (1, 1))),
    ]
    for place, content in enumerate(pages):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources 3 0 R/Rotate %d"
            b"/Contents %d 0 R%s>>" % (rotate, 7 + 2 * place, page)
        )
        objects.append(stream(content))
    if letters:
        objects.append(stream(_character_map(letters)))
    return _assembled([*objects, *more])


def text(*lines: str, size: int = 11, top: int = 780, left: int = 72, matrix: str = "") -> Drawing:
    """Draw lines of text below each other; `matrix` turns them, as in `0 1 -1 0 400 100`."""
    shown = [f"({line}) Tj 0 -{size + 5} Td" for line in lines]
    start = f"{matrix} Tm" if matrix else f"{left} {top} Td"
    return f"BT /F1 {size} Tf {start} {' '.join(shown)} ET\n".encode("cp1252")


def picture(left: int, bottom: int, width: int, height: int) -> Drawing:
    """Return the image of the document at this place."""
    return f"q {width} 0 0 {height} {left} {bottom} cm /I1 Do Q\n".encode()


def scan(lines: Sequence[str], size: tuple[int, int] = (1240, 1754), font: int = 30) -> Image.Image:
    """Return a page as a scanner sees it."""
    page = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(page)
    for place, line in enumerate(lines):
        pen.text((100, 100 + place * 2 * font), line, INK, ImageFont.load_default(font))
    return page


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 60).convert("RGB")


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            written.writestr(name, content)
    return buffer.getvalue()


def docx(body: str, **parts: str | bytes) -> bytes:
    """Return a Word document; further parts are named with `__` for `/` and `_dot_` for `.`."""
    extra = {k.replace("__", "/").replace("_dot_", "."): v for k, v in parts.items()}
    document = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        f"<w:body>{body}</w:body></w:document>"
    )
    return archive({"word/document.xml": document, **extra})


def relations(**targets: str) -> str:
    """Return the relations of an Office part: targets by id."""
    listed = "".join(f'<Relationship Id="{k}" Target="{v}"/>' for k, v in targets.items())
    return f'<Relationships xmlns="{RELATIONS}">{listed}</Relationships>'


def word_paragraph(content: str, *, style: str = "", bold: bool = False) -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    run = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f"<w:p>{properties}<w:r>{run}<w:t>{content}</w:t></w:r></w:p>"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), entries, content)


def _character_map(letters: Mapping[str, str]) -> bytes:
    pairs = "".join(f"<{ord(k):02x}> <{v.encode('utf-16-be').hex()}>\n" for k, v in letters.items())
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(letters)} beginbfchar\n{pairs}endbfchar endcmap end end"
    ).encode()


def _image_object(image: Image.Image) -> bytes:
    content = encoded(image.convert("RGB"), "JPEG")
    return (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB"
        b"/BitsPerComponent 8/Filter/DCTDecode/Length %d>>stream\n%s\nendstream"
        % (image.width, image.height, len(content), content)
    )


def _assembled(objects: Sequence[bytes]) -> bytes:
    written = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        % (count, table, count, len(written))
    )
