"""Which documents a target has, and which are being converted: none is taken twice."""

from __future__ import annotations

from collections.abc import Iterable

from ilios.local.bulk.messages import Entry, Item, Seen
from ilios.local.bulk.sources import mark_of


class Known:
    """Ids and marks in as few bytes as they have: a million of both take 200 MB."""

    def __init__(self) -> None:
        self._ids: dict[bytes, bytes] = {}  #: each as itself, so that marks hold the same object
        self._marks: dict[bytes, bytes] = {}  #: ids of documents, by mark; they need not be there
        self._claims: set[str] = set()  #: ids of documents that are being converted

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, entries: Iterable[Entry]) -> None:
        """Take note of what parts have, and of documents that are the same as others."""
        for entry in entries:
            id_ = bytes.fromhex(entry.id)
            id_ = self._ids.get(id_, id_) if entry.is_same else self._ids.setdefault(id_, id_)
            if entry.mark:
                self._marks[bytes.fromhex(entry.mark)] = id_

    def has(self, id_: str) -> bool:
        """Return whether a document of this id has its result, or is known to have none."""
        return bytes.fromhex(id_) in self._ids

    def has_unchanged(self, item: Item) -> bool:
        """Return whether a document was seen at this place, is as it was, and is there."""
        mark = mark_of(item)
        return bool(mark) and self._marks.get(bytes.fromhex(mark)) in self._ids

    def claim(self, seen: Seen) -> bool:
        """Take a document on; return False for one that is there, or taken on."""
        if self.has(seen.id) or seen.id in self._claims:
            return False
        self._claims.add(seen.id)
        return True

    def settle(self, seen: Seen) -> None:
        """Take note that a document that was claimed is there."""
        self._claims.discard(seen.id)
        id_ = bytes.fromhex(seen.id)
        self._ids.setdefault(id_, id_)

    def release(self, seen: Seen) -> None:
        """Take note that a document is not there after all."""
        self._claims.discard(seen.id)
        self._ids.pop(bytes.fromhex(seen.id), None)
