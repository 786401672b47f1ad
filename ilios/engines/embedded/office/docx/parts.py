"""The parts of a Word package that hold text: the body, notes, comments, headers, footers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from ilios.engines.embedded.archive import Archive, related, relationships
from ilios.engines.embedded.office.docx import fields
from ilios.engines.embedded.office.docx.fields import Fields


@dataclass(frozen=True, slots=True)
class Part:
    """A part, with what its references lead to and what its fields do."""

    name: str
    root: etree._Element
    targets: Mapping[str, tuple[str, bool]]
    fields: Fields


class Package:
    """A Word document's archive, read by parts."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._main_name = _main_name(archive)
        self._folder = self._main_name.rpartition("/")[0]
        self._related = related(archive, self._main_name)
        self.main = self._part(self._main_name, archive.xml(self._main_name))

    def part(self, name: str) -> Part | None:
        root = self.archive.optional_xml(name)
        return self._part(name, root) if root is not None else None

    def related(self, kind: str) -> Part | None:
        """Return the part of a kind, such as `comments`, that belongs to the body."""
        name = self._related_name(kind)
        return self.part(name) if name else None

    def related_xml(self, kind: str) -> etree._Element | None:
        name = self._related_name(kind)
        return self.archive.optional_xml(name) if name else None

    def _related_name(self, kind: str) -> str | None:
        name = self._related.get(kind) or f"{self._folder}/{kind}.xml"
        return name if name in self.archive else None

    def _part(self, name: str, root: etree._Element) -> Part:
        return Part(name, root, relationships(self.archive, name), fields.of(root))


def _main_name(archive: Archive) -> str:
    named = related(archive, "").get("officeDocument")
    if named is not None:
        return named
    for target, external in relationships(archive, "").values():
        if not external and target.endswith(".xml") and "document" in target:
            return target
    return "word/document.xml"
