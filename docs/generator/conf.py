"""How Sphinx makes the site: `make docs` builds it into build/site, without any warning.

The sources are the Markdown pages of the repository as they stand: a code host shows the same
pages with the same links. The theme brings its styles and scripts along: a page asks no other host
for anything, and can be opened from a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path[:0] = [str(HERE), str(REPOSITORY)]

import ilios  # noqa: E402  # found by the lines above

project = "Ilios"
author = "the Ilios contributors"
version = release = ilios.__version__
language = "en"

root_doc = "docs/README"
include_patterns = ["*.md", "docs/*.md", "docs/adr/*.md", "docs/recipes/*.md"]
exclude_patterns = [".*", "node_modules", "**/node_modules", "build", "data"]
extensions = ["myst_parser", "navigation", "reference"]
suppress_warnings = ["misc.highlighting_failure"]  # … in JSON, and diagrams, which stay as text
myst_heading_anchors = 4
nitpicky = True

html_theme = "furo"
html_title = f"Ilios {release}"
html_additional_pages = {"index": "index.html"}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
