"""Pictures that are the value of a cell: Excel stores them by way of five parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from lxml import etree

from ilios.engines.embedded.archive import (
    Archive,
    attribute,
    child,
    children,
    local_name,
    related,
    relationships,
)
from ilios.engines.embedded.office.xlsx.extras import Picture

RICH_VALUE = "XLRICHVALUE"
_Item = TypeVar("_Item")
_IMAGE = "_rvRel:LocalImageIdentifier"


def by_number(archive: Archive, main: str) -> dict[int, Picture]:
    """Return the pictures by the number that cells have as their value's metadata."""
    pictures = _by_rich_value(archive, main)
    metadata = _root(archive, main, "sheetMetadata")
    if not pictures or metadata is None:
        return {}
    values = [
        _number(attribute(each, "i"))
        for future in children(metadata, "futureMetadata")
        if future.get("name") == RICH_VALUE
        for each in future.iter("{*}rvb")
    ]
    entries = child(metadata, "valueMetadata")
    found = {}
    for number, entry in enumerate(children(entries, "bk") if entries is not None else (), start=1):
        value = _at(values, _number(attribute(child(entry, "rc"), "v")))
        if value in pictures:
            found[number] = pictures[value]
    return found


def _by_rich_value(archive: Archive, main: str) -> dict[int | None, Picture]:
    parts = list(_parts(archive, main))
    structures = list(_elements(_root(archive, main, "rdRichValueStructure"), "s"))
    keys = [[key.get("n", "") for key in children(each, "k")] for each in structures]
    found: dict[int | None, Picture] = {}
    for index, value in enumerate(_elements(_root(archive, main, "rdRichValue"), "rv")):
        names = _at(keys, _number(value.get("s"))) or []
        stored = dict(zip(names, (v.text or "" for v in children(value, "v")), strict=False))
        part = _at(parts, _number(stored.get(_IMAGE)))
        if part:
            found[index] = Picture(part, stored.get("Text", ""))
    return found


def _parts(archive: Archive, main: str) -> Iterator[str]:
    listing = related(archive, main).get("richValueRel")
    targets = relationships(archive, listing) if listing else {}
    for link in _elements(_root(archive, main, "richValueRel"), "rel"):
        target, is_external = targets.get(attribute(link, "id") or "", ("", True))
        yield "" if is_external else target


def _root(archive: Archive, main: str, kind: str) -> etree._Element | None:
    part = related(archive, main).get(kind)
    return archive.optional_xml(part) if part else None


def _elements(root: etree._Element | None, name: str) -> Iterator[etree._Element]:
    return (each for each in root if local_name(each) == name) if root is not None else iter(())


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) <= 9 else None


def _at(values: Sequence[_Item], index: int | None) -> _Item | None:
    return values[index] if index is not None and index < len(values) else None
