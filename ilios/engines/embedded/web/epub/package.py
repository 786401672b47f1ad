"""The package of an EPUB book: which files are its pages, and what may stand in for them."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines import document_errors
from ilios.engines.embedded.archive import Archive, children, local_name, resolved

KIND = "EPUB book"
FALLBACKS_MAX: Final = 10
"""Files may stand in for each other in a chain, some in a circle."""
_BARE_AMPERSAND = re.compile(rb"&(?!#?\w{1,30};)")
_ENCRYPTED_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass(frozen=True, slots=True)
class SpineItem:
    """A page of the book: the parts that hold it, the best first; none if it is missing."""

    name: str  #: as the package calls it
    parts: tuple[str, ...]


def spine(archive: Archive) -> list[SpineItem]:
    """Return the pages in reading order, each once, however often the order names it.

    Books name each file once; a small one that names a chapter a million times has no end. Raises
    CorruptDocument.
    """
    package_name = _package_name(archive)
    package = _lenient(archive, package_name)
    manifest, order = _first(package, "manifest"), _first(package, "spine")
    if manifest is None or order is None:
        raise document_errors.corrupt(KIND)
    folder = posixpath.dirname(package_name)
    items = {item.get("id"): item for item in children(manifest, "item")}
    found = (_item(archive, folder, items, ref.get("idref")) for ref in children(order, "itemref"))
    return list({item.parts[0] if item.parts else item.name: item for item in found}.values())


def refuse_if_encrypted(archive: Archive) -> None:
    """Raise EncryptedDocument for anything encrypted but fonts: that is copy protection."""
    root = archive.optional_xml("META-INF/encryption.xml")
    methods = [e.get("Algorithm") for e in root.iter() if _is_method(e)] if root is not None else []
    if any(method not in _ENCRYPTED_FONTS_ONLY for method in methods):
        raise document_errors.encrypted(KIND)


def _is_method(element: etree._Element) -> bool:
    return local_name(element) == "EncryptionMethod"


def _item(
    archive: Archive, folder: str, items: dict[str | None, etree._Element], idref: str | None
) -> SpineItem:
    name = idref or ""
    parts: list[str] = []
    for step in range(FALLBACKS_MAX):
        item = items.get(idref)
        if item is None:
            break
        part = resolved(folder, item.get("href", ""))
        name = name if step else part
        if part in archive and part not in parts:
            parts.append(part)
        idref = item.get("fallback")
    return SpineItem(name, tuple(parts))


def _package_name(archive: Archive) -> str:
    container = _lenient(archive, "META-INF/container.xml")
    named = [e.get("full-path", "") for e in container.iter() if local_name(e) == "rootfile"]
    found = next((name for name in named if name in archive), None)
    if found is not None:
        return found
    packages = [name for name in archive.names() if name.lower().endswith(".opf")]
    return packages[0] if len(packages) == 1 else (named or [""])[0]


def _lenient(archive: Archive, name: str) -> etree._Element:
    """Return the root of a part; of one that is not well-formed, what can be read."""
    try:
        return archive.xml(name)
    except CorruptDocument:
        content = archive.read(name)
    if b"\0" not in content:
        content = _BARE_AMPERSAND.sub(b"&amp;", content)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root: etree._Element | None = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise document_errors.corrupt(KIND)
    return root


def _first(package: etree._Element, name: str) -> etree._Element | None:
    return next((element for element in package.iter() if local_name(element) == name), None)
