"""Which documents a target has, and which are being converted: none is taken twice."""

from __future__ import annotations

from collections.abc import Iterable

from ilios.local.bulk.messages import Entry, Item, Seen
from ilios.local.bulk.sources import mark_of


class Known:
    """Ids and marks in as few bytes as they have: a million of both take 200 MB."""

    def __init__(self) -> None:
        self._ids: set[bytes] = set()
        self._marks: set[bytes] = set()
        self._claims: set[str] = set()  #: ids of documents that are being converted

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, entries: Iterable[Entry]) -> None:
        """Take note of what parts have. Documents that are the same as others come after those."""
        for entry in entries:
            id_ = bytes.fromhex(entry.id)
            if not entry.is_same:
                self._ids.add(id_)
            if entry.mark and id_ in self._ids:
                self._marks.add(bytes.fromhex(entry.mark))

    def has(self, id_: str) -> bool:
        """Return whether a document of this id has its result, or is known to have none."""
        return bytes.fromhex(id_) in self._ids

    def has_unchanged(self, item: Item) -> bool:
        """Return whether a document was seen at this place, and is as it was."""
        mark = mark_of(item)
        return bool(mark) and bytes.fromhex(mark) in self._marks

    def claim(self, seen: Seen) -> bool:
        """Take a document on; return False for one that is there, or taken on."""
        if self.has(seen.id) or seen.id in self._claims:
            return False
        self._claims.add(seen.id)
        return True

    def settle(self, seen: Seen) -> None:
        """Take note that a document that was claimed is there."""
        self._claims.discard(seen.id)
        self._ids.add(bytes.fromhex(seen.id))

    def release(self, seen: Seen) -> None:
        """Take note that a document is not there after all."""
        self._claims.discard(seen.id)
        self._ids.discard(bytes.fromhex(seen.id))
