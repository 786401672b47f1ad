"""PDFs with a form, written by hand."""

from __future__ import annotations


def form(pages: int, *, drawn: bool) -> bytes:
    """Build a PDF with a filled-in field on each page; `drawn` if it includes the appearance."""
    kids = b" ".join(b"%d 0 R" % (6 + 2 * place) for place in range(pages))
    fields = b" ".join(b"%d 0 R" % (7 + 2 * place) for place in range(pages))
    look = b"q BT /Helv 12 Tf 2 6 Td (Ada Lovelace) Tj ET Q"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%s]/DR<</Font<</Helv 3 0 R>>>>"
        b"/DA(/Helv 12 Tf 0 g)/NeedAppearances %s>>>>" % (fields, b"false" if drawn else b"true"),
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Length 39>>stream\nBT /Helv 12 Tf 72 700 Td (Name:) Tj ET  \nendstream",
        b"<</Type/XObject/Subtype/Form/BBox[0 0 200 25]/Resources<</Font<</Helv 3 0 R>>>>"
        b"/Length %d>>stream\n%s\nendstream" % (len(look), look),
    ]
    for place in range(pages):
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</Helv 3 0 R>>>>"
            b"/Contents 4 0 R/Annots[%d 0 R]>>" % (7 + 2 * place),
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name%d)/V(Ada Lovelace)/DA(/Helv 12 Tf 0 g)"
            b"/Rect[120 694 320 719]/F 4/P %d 0 R%s>>"
            % (place, 6 + 2 * place, b"/AP<</N 5 0 R>>" if drawn else b""),
        ]
    return _assembled(objects)


def _assembled(objects: list[bytes]) -> bytes:
    written = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    written += b"trailer<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1)
    return bytes(written) + b"startxref\n%d\n%%%%EOF\n" % start
