"""The properties of an Outlook message: of the mail, of each recipient and of each attachment.

Each lies in a stream of its storage, or in the list of all short ones. What is damaged is absent.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ilios.engines.embedded.compound_file import CompoundFile, entries_of
from ilios.engines.embedded.mail import limits
from ilios.engines.embedded.mail.header_texts import text_of

TEXT, TEXT_8, BINARY, STORAGE = 0x001F, 0x001E, 0x0102, 0x000D
_LONG, _TIME = 0x0003, 0x0040
_LIST: Final = "__properties_version1.0"
_ENTRY_BYTES: Final = 16
_CODE_PAGES: Final = {65001: "utf-8", 20127: "ascii", 28591: "iso-8859-1", 50220: "iso-2022-jp"}
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_MESSAGE_CODE_PAGE, _BODY_CODE_PAGE = 0x3FFD, 0x3FDE


class Storage:
    """A storage of a message, with its properties."""

    def __init__(self, file: CompoundFile, entry: Any, head_bytes: int) -> None:
        self._file = file
        self._entries = entries_of(entry)
        self._short = self._list_of(head_bytes)
        self.code_page = ""

    @property
    def has_properties(self) -> bool:
        return _LIST in self._entries

    def storages(self, prefix: str) -> list[Any]:
        """Return the entries of storages whose names begin so."""
        return [entry for name, entry in self._entries.items() if name.startswith(prefix)]

    def stream_bytes(self, tag: int) -> int:
        """Return how large a property is that lies in a stream; 0 if it is absent."""
        entry = self._stream(tag, BINARY)
        return int(entry.size) if entry is not None else 0

    def binary(self, tag: int, most_bytes: int = limits.ATTACHMENT_MAX_BYTES) -> bytes:
        return self._content(tag, BINARY, most_bytes)

    def inner(self, tag: int) -> Any | None:
        """Return the entry of the storage that a property is."""
        return self._stream(tag, STORAGE)

    def text(self, tag: int) -> str:
        wide = self._content(tag, TEXT, limits.ATTACHMENT_MAX_BYTES)
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._content(tag, TEXT_8, limits.ATTACHMENT_MAX_BYTES)
        return text_of(narrow, self.code_page).rstrip("\0")

    def number(self, tag: int) -> int:
        raw = self._short.get((tag, _LONG), b"")
        return int.from_bytes(raw[:4], "little", signed=True)

    def moment(self, tag: int) -> datetime | None:
        ticks = int.from_bytes(self._short.get((tag, _TIME), b""), "little")
        try:
            return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

    def charset(self, tag: int) -> str:
        """Return the name of the encoding whose number a property is; empty if there is none."""
        number = self.number(tag)
        return _CODE_PAGES.get(number, f"cp{number}") if number > 0 else ""

    def _list_of(self, head_bytes: int) -> Mapping[tuple[int, int], bytes]:
        entry = self._entries.get(_LIST)
        most_bytes = head_bytes + limits.PROPERTIES_MAX * _ENTRY_BYTES
        raw = self._file.content(entry, most_bytes) if entry is not None else b""
        found: dict[tuple[int, int], bytes] = {}
        for place in range(head_bytes, len(raw) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            kind, tag = struct.unpack_from("<HH", raw, place)
            found[tag, kind] = raw[place + 8 : place + 16]
        return found

    def _stream(self, tag: int, kind: int) -> Any | None:
        return self._entries.get(f"__substg1.0_{tag:04x}{kind:04x}")

    def _content(self, tag: int, kind: int, most_bytes: int) -> bytes:
        entry = self._stream(tag, kind)
        return self._file.content(entry, most_bytes) if entry is not None else b""


def message_storage(file: CompoundFile, entry: Any, head_bytes: int) -> Storage:
    """Return the storage of a mail, which knows the encoding of its own short texts."""
    storage = Storage(file, entry, head_bytes)
    storage.code_page = storage.charset(_MESSAGE_CODE_PAGE) or storage.charset(_BODY_CODE_PAGE)
    return storage


def body_charset(storage: Storage) -> str:
    return storage.charset(_BODY_CODE_PAGE)
