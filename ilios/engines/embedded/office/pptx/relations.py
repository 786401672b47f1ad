"""Relationships of a presentation's parts, read once for each part."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from lxml import etree

from ilios.engines.embedded.archive import Archive, resolved


@dataclass(frozen=True, slots=True)
class Relations:
    """What a part leads to."""

    targets: dict[str, tuple[str, bool]]
    """Target, and whether it is external, by relationship id."""
    kinds: dict[str, str]
    """The first part of each kind, such as `notesSlide`."""

    def root(self, archive: Archive, kind: str) -> etree._Element | None:
        """Return the root of the part of a kind; None if there is none."""
        part = self.kinds.get(kind)
        return archive.optional_xml(part) if part else None


def relations(archive: Archive, part: str) -> Relations:
    """Read the relationships of a part; `part` is empty for those of the whole package.

    A kind is the end of a relationship's type: before it the two forms of Open XML differ.
    """
    folder, name = posixpath.split(part)
    root = archive.optional_xml(f"{folder}/_rels/{name}.rels".lstrip("/"))
    found = Relations({}, {})
    for relation in root if root is not None else ():
        target, external = relation.get("Target", ""), relation.get("TargetMode") == "External"
        place = target if external else resolved(folder, target)
        found.targets[relation.get("Id", "")] = place, external
        kind = relation.get("Type", "").rpartition("/")[2]
        if not external and place in archive:
            found.kinds.setdefault(kind, place)
    return found
