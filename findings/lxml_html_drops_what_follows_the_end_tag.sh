#!/usr/bin/env bash
# lxml: HTML that goes on behind </html> is dropped, where browsers show it.
#
# One would guess: the parser recovers as browsers do (the HTML standard appends what follows to the
# body), since lxml keeps all kinds of misplaced tags, and keeps text behind </body> alone too.
#
# What happens: behind `</body></html>` nothing is read any more, without an exception. BeautifulSoup's
# own parser and html5lib keep the text.
#
# Why it matters: pages that a server or a mail gateway joins from parts (a footer, a disclaimer, the
# next message of a thread) have several such ends; only the first part comes out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lxml==6.1.3 html5lib==1.1
cat > "$folder/run.py" <<'PYTHON'
import html5lib
from lxml import etree, html

PAGES = {
    "behind </body>": "<html><body><p>first</p></body><p>second</p></html>",
    "behind </body></html>": "<html><body><p>first</p></body></html><p>second</p>",
    "a page joined to a page": "<html><body>first</body></html><html><body>second</body></html>",
}
print("lxml", etree.__version__, "libxml2", ".".join(map(str, etree.LIBXML_VERSION)))
seen = {}
for name, page in PAGES.items():
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    seen[name] = (
        "second" in html.fromstring(page).text_content(),
        "second" in "".join(tree.itertext()),
    )
    print(f"{name}: lxml keeps it {seen[name][0]}, html5lib {seen[name][1]}")
assert all(by_html5lib for _, by_html5lib in seen.values())
assert [by_lxml for by_lxml, _ in seen.values()] == [True, False, False]
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
