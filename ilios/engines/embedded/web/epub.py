"""EPUB books; a page is a file of the spine, usually a chapter."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import Page, Source
from ilios.engines.embedded.archive import Archive, child, children, local_name, resolved
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.text.decoding import decoded
from ilios.engines.embedded.web.html import parsed
from ilios.engines.embedded.web.html_markdown import HtmlWriter

KIND = "EPUB book"
_ENCRYPTED_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def open_document(source: Source, workspace: Path, threads: int) -> EpubDocument:
    del threads
    return EpubDocument(Archive(source.path, KIND), ImageFolder(workspace))


class EpubDocument:
    """A book whose chapters are converted one at a time."""

    def __init__(self, archive: Archive, images: ImageFolder) -> None:
        self._archive = archive
        self._images = images
        self._pictures = 0
        _refuse_if_encrypted(archive)
        self._chapters = _spine(archive)
        if not self._chapters:
            raise document_errors.empty(KIND)

    @property
    def page_count(self) -> int:
        return len(self._chapters)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            text = self._chapter(self._chapters[index])
            blank = () if text else (conversion_warnings.blank_page(index + 1),)
            yield Page(index, text, images=self._images.take(), warnings=blank)

    def close(self) -> None:
        self._archive.close()

    def _chapter(self, name: str) -> str:
        content = self._archive.read(name)
        if not content.strip():
            return ""
        root = parsed(decoded(content))
        body = next((e for e in root.iter() if local_name(e) == "body"), root)
        return HtmlWriter(lambda source: self._keep(posixpath.dirname(name), source)).write(body)

    def _keep(self, folder: str, source: str) -> str | None:
        part = resolved(folder, source)
        if part not in self._archive:
            return None
        self._pictures += 1
        return self._images.add(f"image-{self._pictures}", self._archive.read_or_empty(part))


def _refuse_if_encrypted(archive: Archive) -> None:
    """Raise EncryptedDocument for anything encrypted but fonts: that is copy protection."""
    root = archive.optional_xml("META-INF/encryption.xml")
    methods = [e.get("Algorithm") for e in root.iter() if _is_method(e)] if root is not None else []
    if any(method not in _ENCRYPTED_FONTS_ONLY for method in methods):
        raise document_errors.encrypted(KIND)


def _is_method(element: etree._Element) -> bool:
    return local_name(element) == "EncryptionMethod"


def _spine(archive: Archive) -> list[str]:
    """Return the parts with text, in reading order."""
    rootfile = child(archive.xml("META-INF/container.xml"), "rootfiles", "rootfile")
    package_name = rootfile.get("full-path", "") if rootfile is not None else ""
    package = archive.xml(package_name)
    manifest, spine = child(package, "manifest"), child(package, "spine")
    if manifest is None or spine is None:
        raise document_errors.corrupt(KIND)
    folder = posixpath.dirname(package_name)
    parts = {e.get("id"): resolved(folder, e.get("href", "")) for e in children(manifest, "item")}
    ordered = [parts.get(e.get("idref")) for e in children(spine, "itemref")]
    return [name for name in ordered if name is not None and name in archive]
