"""A result as one page of HTML, with a section for each page of the document."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from html import escape, unescape
from typing import Any, Final

from ilios.api.responses.clean_html import html_of
from ilios.api.responses.image_links import folder_of
from ilios.api.responses.presentation import Presentation
from ilios.api.responses.streaming import in_base64, opened_image
from ilios.api.services import services
from ilios.documents.queries import Result
from ilios.documents.result_pages import ResultPage
from ilios.engines import json_pieces
from ilios.engines.base import DocumentInfo
from ilios.engines.markdown_parts import PART_MAX_CHARACTERS, Part, parts
from ilios.storage.base import ObjectStore

CONTENT_POLICY: Final = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "sandbox"
)
"""Nothing runs and nothing is loaded, but images of the result."""
_STYLE: Final = (
    "body{max-width:50rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 sans-serif}"
    "section+section{border-top:1px solid #bbb;margin-top:2rem;padding-top:1rem}"
    "img{max-width:100%}pre{overflow:auto}table{border-collapse:collapse}"
    "p,li,td,th,h1,h2,h3,h4,h5,h6{unicode-bidi:plaintext}"  # each runs the way that its script does
    "td,th{border:1px solid #bbb;padding:.2rem .5rem;vertical-align:top}"
)
_TABLE: Final = re.compile(
    r"\s*+(?P<begin><table>\s*<thead>.*?</thead>\s*<tbody>)(?P<rows>.*)</tbody>\s*</table>\s*+",
    re.DOTALL,
)
_TABLE_END: Final = "</tbody></table>\n"
_STYLED_CELL: Final = re.compile(
    r"(<t[dh](?: (?:col|row)span=\"[0-9]+\")*) style=\"text-align: ?(left|right|center);?\""
)
_IMAGE: Final = re.compile(r"<img(?>(?: [a-z]+=\"[^\"]*+\")*)>")
_SRC: Final = re.compile(r" src=\"([^\"]*+)\"")
_ALT: Final = re.compile(r" alt=\"([^\"]*+)\"")


def document(found: Result, presentation: Presentation) -> Generator[str]:
    """Yield a result; its images are links, or stand in it."""
    store = services().store if presentation.embed_images else None
    return json_pieces.gathered(_document(found, store))


def _document(found: Result, store: ObjectStore | None) -> Iterator[str]:
    info = found.source().info or DocumentInfo()
    language = f' lang="{escape(info.language)}"' if info.language else ""
    yield (
        f'<!doctype html>\n<html{language}>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(info.title or found.document.file_name)}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    for page in found.pages():
        images = _Images(page, folder_of(found.document.id), store)
        yield f'<section id="page-{page.number}" data-page="{page.number}" dir="auto">\n'
        for text in html_pieces(page.pieces()):
            yield from images.shown(text)
        yield "</section>\n"
    yield "</body>\n</html>\n"


def block_html(page: ResultPage, pieces: Iterable[str], folder: str) -> Iterator[str]:
    """Yield the HTML of a block for a page that allows no styles, with links to images."""
    images = _Images(page, folder, None)
    for text in pieces:
        for shown in images.shown(text):
            yield _STYLED_CELL.sub(r'\1 align="\2"', shown)


def html_pieces(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the HTML of Markdown; a long table comes in parts, and images have names alone."""
    is_table_open = False
    for some in _together(parts(pieces)):
        text = _html_of(some)
        table = None if some[0].is_whole else _TABLE.fullmatch(text)
        if is_table_open and not (table and some[0].opening):
            yield _TABLE_END
            is_table_open = False
        if table is None or text.count("<table") > 1:
            yield text
            continue
        yield table["rows"] if is_table_open else table["begin"] + table["rows"]
        is_table_open = True
    if is_table_open:
        yield _TABLE_END


def _together(found: Iterator[Part]) -> Iterator[list[Part]]:
    """Yield parts that are rendered at once: whole blocks, or a part of a long one."""
    held: list[Part] = []
    for part in found:
        size = sum(len(one.text) for one in held)
        is_apart = not part.is_whole or (held and not held[-1].is_whole)
        if held and (is_apart or size + len(part.text) > PART_MAX_CHARACTERS):
            yield held
            held = []
        held.append(part)
    if held:
        yield held


def _html_of(some: list[Part]) -> str:
    if not some:
        return ""
    first = some[0]
    if first.type == "code" and first.start == 0 and first.text.startswith("---"):
        front = f"<pre><code>{escape(first.text.strip())}</code></pre>\n"
        return front + _html_of(some[1:])
    text = "".join(part.text for part in some)
    return html_of(first.opening + text.rstrip("\n") + some[-1].closing)


class _Images:
    """The images of a page: each is put into its HTML as a link, or whole where it comes first."""

    def __init__(self, page: ResultPage, folder: str, store: ObjectStore | None) -> None:
        self._images = {image["name"]: image for image in page.images}
        self._folder = folder
        self._store = store
        self._embedded: set[str] = set()

    def shown(self, text: str) -> Iterator[str]:
        """Yield HTML with the images that belong to it; of others no more than what they show."""
        place = 0
        for tag in _IMAGE.finditer(text):
            yield text[place : tag.start()]
            yield from self._image(tag[0])
            place = tag.end()
        yield text[place:]

    def _image(self, tag: str) -> Iterator[str]:
        src, alt = _SRC.search(tag), _ALT.search(tag)
        words = escape(unescape(alt[1])) if alt else ""  # may stand outside of an attribute now
        image = self._images.get(src[1]) if src else None
        if image is None:
            yield words
        elif self._store is None or image["name"] in self._embedded:
            yield f'<img src="{self._folder}{image["name"]}" alt="{words}">'
        else:
            self._embedded.add(image["name"])
            yield from _embedded(self._store, image, words)


def _embedded(store: ObjectStore, image: dict[str, Any], words: str) -> Iterator[str]:
    """Yield an image whose bytes stand in its address; of one that is lost, its description."""
    with opened_image(store, image["key"]) as file:
        if file is None:
            yield words
            return
        yield f'<img alt="{words}" src="data:{escape(image["mediaType"])};base64,'
        yield from in_base64(file)
        yield '">'
