#!/usr/bin/env bash
# liteparse: Markdown signs of a page are escaped, but not between two dollar signs.
#
# One would guess: `output_format="markdown"` escapes what a page says everywhere, or leaves it
# everywhere, since a PDF has no formulas in TeX: its dollar signs are prices and names of variables.
#
# What happens: stars and backslashes are escaped in the middle of a line, but between two dollar
# signs that stand close to their text it is taken for a formula, and stays as it is.
#
# Why it matters: a renderer without formulas (CommonMark has none) makes emphasis of the stars, and
# takes a backslash away; whoever escapes the dollar signs, so that no renderer sees a formula, makes
# markup of what lies between them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check liteparse==2.18.0 markdown-it-py==4.3.0
cat > "$folder/run.py" <<'PYTHON'
import pathlib
import sys
from importlib.metadata import version

import liteparse
from markdown_it import MarkdownIt

LINES = {300: rb"Prices a*b*c are free.", 200: rb"Prices $a*b*c$ are free."}
OBJECTS = [
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 400] /Contents 5 0 R"
    b" /Resources << /Font << /F 4 0 R >> >> >>",
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
]


def pdf():
    shown = b"".join(b"BT /F 12 Tf 40 %d Td (%s) Tj ET\n" % line for line in LINES.items())
    content = b"<< /Length %d >> stream\n%sendstream" % (len(shown), shown)
    out, places = b"%PDF-1.5\n", []
    for number, body in enumerate([*OBJECTS, content], start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (size, table, size, len(out))
    )


path = pathlib.Path(sys.argv[1], "prices.pdf")
path.write_bytes(pdf())
parser = liteparse.LiteParse(output_format="markdown", ocr_enabled=False, quiet=True)
markdown = parser.parse(str(path)).text
print("liteparse", version("liteparse"))
print(markdown)
first, second = (line for line in markdown.splitlines() if line.startswith("Prices"))
assert first == r"Prices a\*b\*c are free."
assert second == "Prices $a*b*c$ are free."
html = MarkdownIt().render(second)
print(html)
assert "a<em>b</em>c" in html
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder"
