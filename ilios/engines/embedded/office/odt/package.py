"""The parts of an OpenDocument file: a ZIP archive of them, or one flat XML file."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.core.conversion_errors import CorruptDocument
from ilios.engines import document_errors
from ilios.engines.embedded.archive import Archive, attribute, child, local_name, resolved
from ilios.engines.embedded.text.decoding import read_limited

KIND = "OpenDocument text"
_FLAT_STARTS: Final = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MANIFEST: Final = "META-INF/manifest.xml"
_HEAD_BYTES: Final = 64
DEPTH_MAX: Final = 256


class OdtPackage:
    """The XML and the pictures of a document, however they are packed.

    Raises ConversionError when the content cannot be read. What else is damaged counts as absent.
    """

    def __init__(self, path: Path, kind: str = KIND) -> None:
        self._kind = kind  #: what the document is called in errors
        self._archive = None if _is_flat(path) else Archive(path, kind)
        try:
            self.styles: etree._Element | None
            if self._archive is None:
                self.content = _flat_root(path, kind)
                self.styles = self.content
            else:
                self._refuse_if_encrypted()
                self.content = self._archive.xml("content.xml")
                self.styles = self._optional_xml("styles.xml")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()

    @property
    def damaged(self) -> set[str]:
        """The parts with text of which only what could be read has come."""
        return self._archive.damaged - {_MANIFEST} if self._archive is not None else set()

    def picture(self, image: etree._Element) -> tuple[str, bytes]:
        """Return the name of a picture's part, and its bytes; empty if absent or damaged."""
        inside = child(image, "binary-data")
        if inside is not None:
            return "picture", _from_base64(inside.text or "")
        part = resolved("", attribute(image, "href") or "")
        if self._archive is None or part not in self._archive:
            return part, b""
        return part, self._archive.read_or_empty(part)

    def embedded(self, element: etree._Element) -> etree._Element | None:
        """Return the root of an embedded object, which is in its frame or in a part of its own."""
        for part in element:
            if local_name(part) in ("math", "document"):
                return part
        href = attribute(element, "href")
        return self._optional_xml(resolved("", f"{href}/content.xml")) if href else None

    def _optional_xml(self, name: str) -> etree._Element | None:
        try:
            return self._archive.optional_xml(name) if self._archive is not None else None
        except CorruptDocument:
            return None

    def _refuse_if_encrypted(self) -> None:
        if self._archive is None or b"encryption-data" not in self._archive.read_or_empty(
            _MANIFEST
        ):
            return  # nearly always: without parsing it
        manifest = self._optional_xml(_MANIFEST)
        if manifest is None:
            return
        if any(local_name(element) == "encryption-data" for element in manifest.iter()):
            raise document_errors.encrypted(self._kind)


def _is_flat(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES).lstrip().startswith(_FLAT_STARTS)


def _flat_root(path: Path, kind: str) -> etree._Element:
    content = read_limited(path, kind)
    try:
        return _parsed(content, huge=False)
    except (etree.XMLSyntaxError, ValueError):
        pass  # perhaps a picture of over 10 MB, which stands in the file as text
    try:
        root = _parsed(content, huge=True)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise document_errors.corrupt(kind) from error
    if _is_deep(root):
        raise document_errors.corrupt(kind)
    return root


def _parsed(content: bytes, *, huge: bool) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=huge, recover=False
    )
    return etree.fromstring(content, parser)


def _is_deep(root: etree._Element) -> bool:
    """Return whether elements stand deeper than the parser allows in other documents."""
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > DEPTH_MAX:
            return True
    return False


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
