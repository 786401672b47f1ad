#!/usr/bin/env bash
# lxml: an HTML page with very many open tags ends at one of them, in silence, even with huge_tree.
#
# One would guess: HTML allows end tags to be missing, browsers show such pages whole, and
# `HTMLParser(huge_tree=True)`, documented as support for very deep trees, reads them whole.
#
# What happens: libxml2 stops reading at 256 open elements, with the option at 2,048, and lxml
# returns the tree that it has so far. No exception is raised, and nothing seems lost; only
# `parser.error_log` says that the depth was excessive, and advises the very option that was given.
# The rest of the page, closed and shallow or not, is missing.
#
# Why it matters: mails and pages of old editors open a <font> for each reply or line and close none.
# Whoever turns such pages into text gives their first part as the whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lxml==6.1.3
cat > "$folder/run.py" <<'PYTHON'
from lxml import etree, html

print("lxml", etree.__version__, "libxml2", ".".join(map(str, etree.LIBXML_VERSION)))


def last_words(open_tags, huge_tree):
    parser = html.HTMLParser(huge_tree=huge_tree)
    page = "<html><body>" + "<font>line " * open_tags + "<p>the end</p></body></html>"
    root = html.fromstring(page, parser=parser)
    said = [entry.message for entry in parser.error_log if "depth" in entry.message.lower()]
    return "the end" in root.text_content(), bool(said)


KEPT = {(200, False): True, (300, False): False, (300, True): True, (2100, True): False}
for (tags, huge), is_kept in KEPT.items():
    has_end, is_told = last_words(tags, huge)
    print(f"{tags} open tags, huge_tree={huge}: end kept {has_end}, told in error_log {is_told}")
    assert (has_end, is_told) == (is_kept, not is_kept)
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
