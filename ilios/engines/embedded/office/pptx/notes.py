"""What belongs to a slide without standing on it: speaker notes and comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.archive import Archive, attribute, child
from ilios.engines.embedded.office.pptx.layouts import placeholder
from ilios.engines.embedded.office.pptx.relations import Relations
from ilios.engines.embedded.office.pptx.text import paragraphs


def notes(archive: Archive, slide: Relations) -> list[str]:
    """Return the paragraphs of the speaker notes, also those in text boxes beside them."""
    tree = child(slide.root(archive, "notesSlide"), "cSld", "spTree")
    return [
        text
        for shape in (tree.iter("{*}sp") if tree is not None else ())
        if _holds_notes(shape)
        for text in paragraphs(child(shape, "txBody"), {}, bulleted=False)
    ]


def _holds_notes(shape: etree._Element) -> bool:
    """Return whether a shape has notes, and not the number of the page in a box of its own."""
    kind, _ = placeholder(shape)
    return kind == "body" or (not kind and next(shape.iter("{*}fld"), None) is None)


def authors(archive: Archive, presentation: Relations) -> dict[str, str]:
    """Return the names of those who commented, by their ids."""
    names: dict[str, str] = {}
    for kind in ("commentAuthors", "authors"):
        root = presentation.root(archive, kind)
        for author in root if root is not None else ():
            name = (attribute(author, "name") or "")[: limits.NAME_MAX_CHARACTERS]
            names[attribute(author, "id") or ""] = name
    return names


def comments(archive: Archive, slide: Relations, names: Mapping[str, str]) -> Iterator[str]:
    """Yield the comments on a slide, also answers, each with its author."""
    root = slide.root(archive, "comments")
    for comment in root.iter("{*}cm", "{*}reply") if root is not None else ():
        text = " ".join(_comment_text(comment))
        author = names.get(attribute(comment, "authorId") or "", "")
        if text:
            shown = f"{markdown.escaped(author)}: {text}" if author else text
            yield markdown.escaped_start(shown)


def _comment_text(comment: etree._Element) -> Iterator[str]:
    old = child(comment, "text")
    if old is not None:
        yield markdown.escaped_line(" ".join((old.text or "").split()))
    yield from paragraphs(child(comment, "txBody"), {}, bulleted=False, styled=False)
