"""Base64 that arrives in pieces, decoded into a file."""

from __future__ import annotations

import binascii
from typing import Final

from ilios.core.request_errors import InvalidField
from ilios.documents.uploads import UploadSink

FIELD: Final = "base64"
_UNIT: Final = 4  #: characters that stand for three bytes
_BLANKS: Final = b" \t\r\n"
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


class Base64File:
    """Decode pieces of base64 into a sink; blanks and a missing padding do not matter."""

    def __init__(self, sink: UploadSink) -> None:
        self.sink = sink
        self._rest = b""

    def write(self, piece: bytes) -> None:
        """Decode a piece. Raise InvalidField for what is no base64, and what the sink raises."""
        coded = self._rest + piece.translate(_URL_SAFE, _BLANKS)
        # The last unit waits: if padding ends it, nothing may follow.
        whole = max(0, (len(coded) - 1) // _UNIT * _UNIT)
        self._rest = coded[whole:]
        self._decode(coded[:whole], is_last=False)

    def close(self) -> None:
        """Decode the end."""
        rest = self._rest.rstrip(b"=")
        self._decode(rest + b"=" * (-len(rest) % _UNIT), is_last=True)
        self._rest = b""

    def _decode(self, coded: bytes, *, is_last: bool) -> None:
        if not coded:
            return
        if b"=" in coded and not is_last:
            raise InvalidField(FIELD, "of the body", "base64 that ends at its padding")
        try:
            decoded = binascii.a2b_base64(coded, strict_mode=True)
        except binascii.Error as error:
            raise InvalidField(FIELD, "of the body", "the base64 of a file") from error
        self.sink.write(decoded)
