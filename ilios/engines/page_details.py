"""What is known of a page beside its Markdown and its blocks, as one JSON text of bounded size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ilios.engines import conversion_warnings
from ilios.engines.base import ImageFile, Page
from ilios.engines.page_layout import dumped, encoded_box, short_list
from ilios.engines.page_structure import Link, Table

TEXT_MAX_CHARACTERS: Final = 1024 * 1024
"""Of the details of a page; see `bounded` for what is left out of more."""


@dataclass(frozen=True, slots=True)
class ImageDetails:
    """What is told of an image: its caption, and an annotation as JSON."""

    caption: str | None = None
    annotation: str | None = None


@dataclass(frozen=True, slots=True)
class PageDetails:
    """The details of a page; `images` are those of which anything is told, by name."""

    header: str | None = None
    footer: str | None = None
    links: tuple[Link, ...] = ()
    tables: tuple[Table, ...] = ()
    images: Mapping[str, ImageDetails] = field(default_factory=dict)
    turns: int = 0


def encode(page: Page) -> str | None:
    """Return the details of a page as they are stored; None without any."""
    if not _has_details(page):
        return None
    found = {
        "header": page.header,
        "footer": page.footer,
        "links": [[link.text, link.url] for link in page.links],
        "tables": [_encoded_table(table) for table in page.tables],
        "images": {
            image.name: short_list([image.caption, image.annotation])
            for image in filter(_is_told_of, page.images)
        },
        "turns": page.turns,
    }
    return dumped({name: value for name, value in found.items() if value or value == ""})


def decode(text: str | None) -> PageDetails:
    """Return what `encode` was given."""
    if text is None:
        return PageDetails()
    found = json.loads(text)
    images = found.get("images", {})
    return PageDetails(
        header=found.get("header"),
        footer=found.get("footer"),
        links=tuple(Link(*item) for item in found.get("links", ())),
        tables=tuple(_table(item) for item in found.get("tables", ())),
        images={name: ImageDetails(*values) for name, values in images.items()},
        turns=found.get("turns", 0),
    )


def bounded(page: Page) -> Page:
    """Return a page with its details as they are stored, of at most TEXT_MAX_CHARACTERS.

    A warning says that some are left out, or blocks.

    First go the annotations of its images, then links, tables, captions, header and footer.
    """
    kept, details = page, encode(page)
    for without in (_no_annotations, _no_links, _no_tables, _no_captions, _no_margins):
        if details is None or len(details) <= TEXT_MAX_CHARACTERS:
            break
        kept = without(kept)
        details = encode(kept)
    is_layout_cut = page.layout is not None and page.layout.is_cut
    if kept is page and not is_layout_cut:
        return page if details is None else replace(page, details=details)
    warning = conversion_warnings.structure_cut(page.index + 1)
    return replace(kept, details=details, warnings=(*kept.warnings, warning))


def _has_details(page: Page) -> bool:
    return bool(
        page.links
        or page.tables
        or page.turns
        or page.header is not None
        or page.footer is not None
        or any(map(_is_told_of, page.images))
    )


def _is_told_of(image: ImageFile) -> bool:
    return image.caption is not None or image.annotation is not None


def _no_annotations(page: Page) -> Page:
    return replace(page, images=tuple(replace(image, annotation=None) for image in page.images))


def _no_links(page: Page) -> Page:
    return replace(page, links=())


def _no_tables(page: Page) -> Page:
    return replace(page, tables=())


def _no_captions(page: Page) -> Page:
    return replace(page, images=tuple(replace(image, caption=None) for image in page.images))


def _no_margins(page: Page) -> Page:
    return replace(page, header=None, footer=None)


def _encoded_table(table: Table) -> list[Any]:
    return short_list(
        [table.id, table.start, table.end, table.format, encoded_box(table.box), table.text]
    )


def _table(item: list[Any]) -> Table:
    id_, start, end, format_, box, text = item + [None] * (6 - len(item))
    return Table(id_, start, end, format_, box=box and tuple(box), text=text)
