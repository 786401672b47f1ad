"""HTML pages."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import lxml.html
from lxml import etree

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines import document_errors
from ilios.engines.base import ConversionWarning, Source
from ilios.engines.embedded import accounting, markdown
from ilios.engines.embedded.flow import FlowDocument, FlowPage
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.text.decoding import read_limited
from ilios.engines.embedded.web.html import cleaning, formulas, source_words, styles
from ilios.engines.embedded.web.html.decoding import decoded_page
from ilios.engines.embedded.web.html.repair import (
    repaired,
    unnest_readings,
    without_deep_tags,
)
from ilios.engines.embedded.web.html.writer import HtmlWriter, KeepImage

DEPTH_MAX = 200
"""Deeper levels are flattened: the code that walks the tree is recursive."""
_TOO_DEEP = "too-deep"
_TAG = re.compile(r"</?[A-Za-z]")
_DATA_URL = re.compile(r"data:image/[\w.+-]+(;[^,]*)?,", re.IGNORECASE)


def open_document(source: Source, workspace: Path, threads: int) -> FlowDocument:
    del threads
    images = ImageFolder(workspace)
    page = read(decoded_page(read_limited(source.path, "page")), image_keeper(images))
    body = page.body
    if page.title and not re.search(r"^# ", body, re.MULTILINE):
        body = markdown.blocks([markdown.heading(1, markdown.escaped(page.title)), body])
    if not body:
        raise document_errors.empty("page")
    return FlowDocument([FlowPage(body, images.take(), page.warnings)])


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as Markdown, without its title."""

    title: str
    body: str
    warnings: tuple[ConversionWarning, ...]


def read(text: str, keep_image: KeepImage) -> ReadPage:
    """Write the text of a page without what surrounds it. Raises CorruptDocument."""
    writer = HtmlWriter(keep_image)
    root = parsed(text)
    title = cleaning.title(root)
    main, hidden_words = cleaning.main_text(root)
    words = accounting.words(source_words.text(main))
    body = writer.write(main)
    if not body:  # nothing but a menu, or what a script would show: better than nothing
        body, hidden_words = writer.write(cleaning.body_of(parsed(text))), 0
    return ReadPage(title, body, source_words.warnings(words, hidden_words, body))


def parsed(text: str) -> etree._Element:
    """Parse HTML as leniently as browsers do. Raises CorruptDocument when nothing can be parsed."""
    source = repaired(text)
    root, parser = _tree(source)
    if any("depth" in error.message for error in parser.error_log):
        root, parser = _tree(without_deep_tags(source))
    _with_embedded(root)
    unnest_readings(root)
    styles.apply(root, styles.own_sheets(root))
    formulas.restore(root)
    _flatten(root)
    return root


def _tree(source: str) -> tuple[etree._Element, lxml.html.HTMLParser]:
    # huge_tree: else text below 256 levels is lost, which unclosed tags soon reach
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True)
    try:
        return lxml.html.document_fromstring(source.encode("utf-8", "replace"), parser), parser
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise document_errors.corrupt("HTML page") from error


def _with_embedded(root: etree._Element) -> None:
    """Parse what stands as source text in a page: in a frame, or in the stead of frames or scripts.

    Saved pages have the content of `noscript` so: with scripts, browsers do not parse it.
    """
    for element in list(root.iter("iframe", "noframes", "noembed", "noscript")):
        is_frame = element.tag == "iframe"
        source = (element.get("srcdoc") if is_frame else element.text) or ""
        if not source.strip() or not (is_frame or _TAG.search(source)):
            continue
        try:
            inner, _ = _tree(repaired(source))
        except CorruptDocument:
            continue
        element.tag, element.text = "div" if is_frame else element.tag, None
        element.extend(inner.findall("body"))


def _flatten(root: etree._Element) -> None:
    """Merge elements deeper than DEPTH_MAX into their ancestor at that depth."""
    depth = 0
    for event, element in list(etree.iterwalk(root, events=("start", "end"))):
        depth += 1 if event == "start" else -1
        if event == "start" and depth > DEPTH_MAX:
            element.tag, element.text = _TOO_DEEP, f" {element.text or ''}"
    etree.strip_tags(root, _TOO_DEEP)


def image_keeper(images: ImageFolder) -> KeepImage:
    """Return what maps a `src`: inline images to files, web addresses to links, others to None."""
    count = 0

    def keep(source: str) -> str | None:
        nonlocal count
        address = f"https:{source}" if source.startswith("//") else source
        if address.startswith(("http://", "https://")):
            return (
                markdown.address(address) if markdown.is_safe(markdown.address(address)) else None
            )
        count += 1
        content = _inline_image(source)
        return images.add(f"image-{count}", content) if content else None

    return keep


def _inline_image(source: str) -> bytes | None:
    match = _DATA_URL.match(source)
    if match is None:
        return None
    encoded = unquote_to_bytes(source[match.end() :])
    if ";base64" not in (match[1] or "").lower():
        return encoded
    try:
        return base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return None
