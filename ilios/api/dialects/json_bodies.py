"""JSON bodies with files in base64: these go to the data volume, and all else is small.

A JSON parser would hold a body several times. Here long strings are taken out of it as it arrives:
their content is decoded into files, and a name of our own stands in their place in what is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ilios.api.dialects.base64_files import FIELD, Base64File
from ilios.api.requests import json_objects
from ilios.core import ids
from ilios.core.request_errors import FileTooLarge, InvalidField, MalformedRequest, TooManyFiles
from ilios.documents.uploads import Received, UploadSink

REST_MAX_BYTES: Final = 1024 * 1024  #: of a body, without the content of its long strings
SHORT_MAX_BYTES: Final = 64 * 1024  #: of a string that is kept in memory as it is
FILES_MAX: Final = 100
PREFIX_MAX_CHARACTERS: Final = 1024  #: of a data URL, before its content
ESCAPE_MAX_BYTES: Final = 6  #: `\u002b`
NAME_CHARACTERS: Final = 16 * 1024
"""Of the name of a long string: no option takes a text of that length, as none takes the string."""

_QUOTE: Final = b'"'
_BACKSLASH: Final = ord("\\")
_BASE64: Final = ";base64"
_DATA_URL: Final = re.compile(r"data:([^,;]*)((?:;[^,]*)?),", re.IGNORECASE)

NewSink = Callable[[], UploadSink]


@dataclass(frozen=True, slots=True)
class LongString:
    """A string that was taken out of a body: what its data URL began with, and its file."""

    sink: UploadSink
    media_type: str | None


@dataclass(slots=True)
class JsonBody:
    """What a body says; `file` gives the files in it."""

    value: dict[str, Any]
    new_sink: NewSink
    long_strings: dict[str, LongString] = field(default_factory=dict)

    def is_file(self, value: object) -> bool:
        """Return whether a value is a long string, or a data URL: no other kind of URL."""
        if not isinstance(value, str):
            return False
        return value in self.long_strings or _DATA_URL.match(value) is not None

    def media_type(self, value: str) -> str | None:
        """Return the media type that a data URL names; None where it names none."""
        if value in self.long_strings:
            return self.long_strings[value].media_type
        found = _DATA_URL.match(value)
        return (found[1].lower() or None) if found else None

    def hash_of(self, value: str) -> str | None:
        """Return the hash of the file that a long string stands for, and its type; None for others.

        The same string has the same, sent again.
        """
        found = self.long_strings.get(value)
        return None if found is None else f"{found.media_type} {found.sink.sha256}"

    def file(self, value: object, file_name: str, name: str = FIELD) -> Received:
        """Return the file that stands in a string as base64, or as a data URL of that.

        Raises InvalidField, with the `name` of the field, for any other value.
        """
        if not isinstance(value, str):
            raise InvalidField(name, value, "the base64 of a file")
        if value in self.long_strings:
            return self.long_strings[value].sink.received(file_name)
        content = _content(value, name)
        decoder = Base64File(self.new_sink())
        try:
            decoder.write(content.encode("ascii"))
            decoder.close()
        except (UnicodeEncodeError, InvalidField) as error:
            raise InvalidField(name, value, "the base64 of a file") from error
        return decoder.sink.received(file_name)


def read(blocks: Iterable[bytes], new_sink: NewSink) -> JsonBody:
    """Read a JSON object with files in it.

    Raises MalformedRequest, InvalidField for a long string that is no base64, FileTooLarge,
    TooManyFiles, and what the sinks raise.
    """
    scanner = _Scanner(new_sink)
    for block in blocks:
        scanner.feed(block)
    return JsonBody(json_objects.parsed(scanner.end(), "{}"), new_sink, scanner.long_strings)


class _Scanner:
    """Copies a body, but for the content of its long strings; it knows only where strings end."""

    def __init__(self, new_sink: NewSink) -> None:
        self.long_strings: dict[str, LongString] = {}
        self._new_sink = new_sink
        self._rest = bytearray()
        self._is_inside = False  #: within a string
        self._is_escaped = False  #: the next byte of the string, for a backslash stands before it
        self._held = bytearray()  #: of the string, as it is written in JSON
        self._file: Base64File | None = None  #: of a long string
        self._name_bytes = 0  #: of what is kept, that a client has not sent
        self._secret = ids.new_id()  #: begins the names that stand for long strings

    def feed(self, block: bytes) -> None:
        place = 0
        while place < len(block):
            find = self._end_of_string if self._is_inside else _quote
            end = find(block, place)
            piece = block[place:] if end < 0 else block[place:end]
            place += len(piece) + 1
            if not self._is_inside:
                self._keep(piece)
            else:
                self._hold(piece)
            if end >= 0:
                self._turn()

    def end(self) -> bytes:
        if self._is_inside:
            raise MalformedRequest("The body is not JSON: it ends within a string.")
        return bytes(self._rest)

    def _end_of_string(self, block: bytes, start: int) -> int:
        """Return the place of the quote that ends the string; -1 if it goes on after the block."""
        place = start
        while (quote := block.find(_QUOTE, place)) >= 0:
            first = _run_of_backslashes(block, start, quote)
            is_escaped = (quote - first) % 2 == 1
            if first == start and self._is_escaped:
                is_escaped = not is_escaped
            if not is_escaped:
                self._is_escaped = False
                return quote
            place = quote + 1
        first = _run_of_backslashes(block, start, len(block))
        is_odd = (len(block) - first) % 2 == 1
        self._is_escaped = is_odd != (first == start and self._is_escaped)
        return -1

    def _turn(self) -> None:
        """Go into a string, or out of it, at its quote."""
        if self._is_inside and self._file is not None:
            self._file.write(_unescaped(self._held))
            self._file.close()
            self._file = None
        else:
            self._keep(self._held)
        self._held.clear()
        self._keep(_QUOTE)
        self._is_inside = not self._is_inside

    def _keep(self, piece: bytes | bytearray) -> None:
        self._rest += piece
        if len(self._rest) - self._name_bytes > REST_MAX_BYTES:
            raise FileTooLarge(
                f"The body has more than {REST_MAX_BYTES} bytes beside the files in it."
            )

    def _hold(self, piece: bytes) -> None:
        """Gather a string, of which no more than its first part is in memory."""
        self._held += piece
        if self._file is None:
            if len(self._held) <= SHORT_MAX_BYTES:
                return
            self._file = self._begin_file()
        escape = self._held.rfind(b"\\", max(0, len(self._held) - ESCAPE_MAX_BYTES))
        whole = len(self._held) if escape < 0 else escape
        self._file.write(_unescaped(self._held[:whole]))
        del self._held[:whole]

    def _begin_file(self) -> Base64File:
        """Make a file of the long string, and put a name in its place."""
        if len(self.long_strings) == FILES_MAX:
            raise TooManyFiles(f"A request may carry {FILES_MAX} files. Send several of them.")
        media_type = self._taken_media_type()
        sink = self._new_sink()
        name = f"{self._secret}-{len(self.long_strings)}".ljust(NAME_CHARACTERS, ".")
        self.long_strings[name] = LongString(sink, media_type)
        self._rest += name.encode()
        self._name_bytes += NAME_CHARACTERS
        return Base64File(sink)

    def _taken_media_type(self) -> str | None:
        """Take the beginning of a data URL off the string, and return the type that it names."""
        start = bytes(self._held[:PREFIX_MAX_CHARACTERS])
        if not start.lower().startswith(b"data:"):
            return None
        prefix, comma, _ = start.partition(b",")
        head = _unescaped(prefix + comma).decode("ascii", "replace")
        found = _DATA_URL.fullmatch(head)
        if found is None or not found[2].lower().endswith(_BASE64):
            raise InvalidField(FIELD, f"{head:.60}", "a data URL in base64")
        del self._held[: len(prefix) + 1]
        return found[1].lower() or None


def _quote(block: bytes, start: int) -> int:
    return block.find(_QUOTE, start)


def _run_of_backslashes(block: bytes, start: int, end: int) -> int:
    """Return where the backslashes begin that stand before `end`, but not before `start`."""
    first = end
    while first > start and block[first - 1] == _BACKSLASH:
        first -= 1
    return first


def _unescaped(piece: bytes | bytearray) -> bytes:
    """Return what a part of a JSON string stands for. Raise InvalidField for what is not ASCII."""
    if b"\\" not in piece:
        return bytes(piece)
    try:
        text: str = json.loads(b'"%s"' % piece, strict=False)
        return text.encode("ascii")
    except ValueError as error:  # also one of UTF-8 and of ASCII
        raise InvalidField(FIELD, "of the body", "the base64 of a file") from error


def _content(value: str, name: str) -> str:
    """Return what a short string has in base64. Raise InvalidField for another kind of data URL."""
    found = _DATA_URL.match(value)
    if found is None:
        return value
    if not found[2].lower().endswith(_BASE64):
        raise InvalidField(name, value, "a data URL in base64")
    return value[found.end() :]
