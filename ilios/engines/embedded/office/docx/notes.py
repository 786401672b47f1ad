"""Footnotes, endnotes and comments of a Word document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import attribute
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office.docx.parts import Package, Part

COMMENTS: Final = "comments"


class NoteMarks:
    """Gives each reference to a note its mark, in the order of the text."""

    def __init__(self) -> None:
        self._pending: list[tuple[str, str, str]] = []
        self._counts: Counter[bool] = Counter()
        self._names: dict[tuple[str, str], str] = {}

    def mark(self, kind: str, note_id: str) -> Span:
        """Return the mark of a note; comments are counted apart, so that notes keep numbers."""
        name = self._names.get((kind, note_id))
        if name is None:
            is_comment = kind == COMMENTS
            self._counts[is_comment] += 1
            name = f"{'comment-' * is_comment}{self._counts[is_comment]}"
            self._names[kind, note_id] = name
            self._pending.append((name, kind, note_id))
        return Span(f"[^{name}]", raw=True)

    def take(self) -> list[tuple[str, str, str]]:
        """Return name, kind and id of the notes that were referred to since the last call."""
        taken, self._pending = self._pending, []
        return taken


class Notes:
    """The texts of notes, by kind (the part that holds them) and id."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._parts: dict[str, Part | None] = {}
        self._notes: dict[str, dict[str, etree._Element]] = {}
        self._unread: dict[str, etree._Element] = {}

    def find(self, kind: str, note_id: str) -> tuple[Part, etree._Element] | None:
        part = self._part(kind)
        note = self._notes[kind].get(note_id)
        if part is None or note is None:
            return None
        if kind == COMMENTS:
            self._unread.pop(note_id, None)
        return part, note

    def unread_comments(self) -> Iterator[tuple[Part, etree._Element]]:
        """Yield the comments that no reference leads to, which Word shows all the same."""
        part = self._part(COMMENTS)
        if part is not None:
            yield from ((part, comment) for comment in self._unread.values())

    def _part(self, kind: str) -> Part | None:
        if kind not in self._parts:
            part = self._package.related(kind)
            self._parts[kind] = part
            notes = part.root.iterchildren("{*}*") if part is not None else ()
            self._notes[kind] = {attribute(note, "id") or "": note for note in notes}
            if kind == COMMENTS:
                self._unread = dict(self._notes[kind])
        return self._parts[kind]


def author(comment: etree._Element) -> str:
    """Return what introduces a comment: its kind and, if known, who wrote it."""
    name = " ".join((attribute(comment, "author") or "").split())
    return f"Comment by {name.rstrip('.')}: " if name else "Comment: "
