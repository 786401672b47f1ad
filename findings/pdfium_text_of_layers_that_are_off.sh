#!/usr/bin/env bash
# PDFium: the text of a page includes layers that are switched off, and its image does not.
#
# One would guess: text extraction gives what the page shows, since rendering the same page with the
# same library honours the document's optional content (a layer named in /OFF is not drawn).
#
# What happens: FPDFText_GetText (pypdfium2: `get_textpage().get_text_range()`) returns the text of
# the hidden layer among the visible text, without a mark; `page.render()` leaves it white.
#
# Why it matters: drafts, remarks of reviewers, solutions and the other languages of a leaflet lie in
# layers that are off. A search index or a prompt gets what no reader of the page has seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.15.2 pillow==13.0.0
cat > "$folder/run.py" <<'PYTHON'
import pypdfium2

OBJECTS = [
    b"<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >> >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 5 0 R /Resources"
    b" << /Font << /F 4 0 R >> /Properties << /L 6 0 R >> >> >>",
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    None,
    b"<< /Type /OCG /Name (Draft) >>",
]
TEXT = (
    b"BT /F 18 Tf 20 150 Td (Visible) Tj ET\n"
    b"/OC /L BDC BT /F 18 Tf 20 50 Td (Hidden) Tj ET EMC\n"
)


def pdf():
    content = b"<< /Length %d >> stream\n%sendstream" % (len(TEXT), TEXT)
    out, places = b"%PDF-1.5\n", []
    for number, body in enumerate(OBJECTS, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body or content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(OBJECTS) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (size, table, size, len(out))
    )


page = pypdfium2.PdfDocument(pdf())[0]
text = page.get_textpage().get_text_range().split()
image = page.render().to_pil().convert("L")
halves = {"upper": (0, 0, 300, 100), "lower": (0, 100, 300, 200)}
inked = {half: image.crop(box).getextrema()[0] < 128 for half, box in halves.items()}
print("pypdfium2", pypdfium2.PYPDFIUM_INFO, "PDFium", pypdfium2.PDFIUM_INFO)
print("text:", text)
print("ink where the visible text stands:", inked["upper"], "- the hidden one:", inked["lower"])
assert text == ["Visible", "Hidden"]
assert inked == {"upper": True, "lower": False}
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
