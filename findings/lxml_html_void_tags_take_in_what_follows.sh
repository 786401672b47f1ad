#!/usr/bin/env bash
# lxml: some HTML elements that have no content take in what follows them.
#
# One would guess: `<embed>`, `<source>`, `<track>` and `<wbr>` are void elements like `<img>` and `<area>`:
# what follows them is their sibling.
#
# What happens: the parser knows the void elements of HTML 4 only. These four came later, so they stay
# open until their parent is closed, and are given end tags when they are written.
#
# Why it matters: a program that removes or hides such an element, or whatever has no text, removes the
# rest of the paragraph or section with it, in silence.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lxml==6.1.3 html5lib==1.1
cat > "$folder/run.py" <<'PYTHON'
import html5lib
from lxml import etree, html

VOID = ("area", "br", "hr", "img", "param", "embed", "source", "track", "wbr")
TAKING_IN = {"embed", "source", "track", "wbr"}

print("lxml", etree.__version__, "libxml2", ".".join(map(str, etree.LIBXML_VERSION)))
for tag in VOID:
    page = f"<body><div><{tag}><p>next</p></div></body>"
    by_lxml = bool(html.document_fromstring(page).xpath(f"//{tag}//p"))
    tree = html5lib.parse(page, treebuilder="lxml", namespaceHTMLElements=False)
    by_html5lib = bool(tree.xpath(f"//{tag}//p"))
    print(f"<{tag}> takes in what follows: lxml {by_lxml}, html5lib {by_html5lib}")
    assert by_lxml == (tag in TAKING_IN)
    assert not by_html5lib
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
