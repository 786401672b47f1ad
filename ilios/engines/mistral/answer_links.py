"""The links of a page of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ilios.engines import markdown_structure, unicode
from ilios.engines.mistral import answer_fields
from ilios.engines.page_structure import Link


def links(page: dict[str, Any], markdown: str) -> Iterator[Link]:
    """Yield the links of the text, then those of which the provider tells the address alone."""
    known: set[str] = set()
    for link in markdown_structure.links(markdown):
        known.add(link.url)
        yield link
    for listed in answer_fields.items(page, "hyperlinks"):
        address = unicode.storable(listed).strip() if isinstance(listed, str) else ""
        if address and address not in known:
            known.add(address)
            yield Link(None, address)
