"""Spans in the Protobuf of OTLP: an ExportTraceServiceRequest, field by field.

OpenTelemetry's encoder makes an object for each attribute and for each value, and takes several
times as long, more than all else that a span costs (ADR 0050). Numbers of fields never change:
https://github.com/open-telemetry/opentelemetry-proto. Tests read the bytes with its own classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Final

from ilios import __version__
from ilios.core.telemetry.spans import ERROR_TYPE, EndedSpan

KEYS_KEPT: Final = 256  #: names of attributes, which are few
HAS_IS_REMOTE: Final = 0x100  #: of a span's flags, beside those of its `traceparent`
IS_REMOTE: Final = 0x200
_INT_MASK: Final = (1 << 64) - 1
_SHORT: Final = tuple(bytes((number,)) for number in range(0x80))
_TIMES: Final = Struct("<BQBQ")  #: fields 7 and 8, of eight bytes each
_FLAGS: Final = Struct("<I")
_DOUBLE: Final = Struct("<d")
_ERROR: Final = b"\x7a\x02\x18\x02"  #: field 15, the status, with the code ERROR

# Tags: the number of a field, times 8, and 2 for what has a length.
_ONE, _TWO, _FIVE, _NINE = b"\x0a", b"\x12", b"\x2a", b"\x4a"


def request(head: bytes, ended: Iterable[EndedSpan]) -> bytes:
    """Return the request with these spans; `head` is that of their process."""
    scope_spans = _SCOPE + b"".join(_field(_TWO, _span(one)) for one in ended)
    return _field(_ONE, head + _field(_TWO, scope_spans))


def head(resource: Mapping[str, object]) -> bytes:
    """Return what the requests of a process begin with: what its spans have in common."""
    attributes = (
        _attribute(_ONE, name, value if isinstance(value, int | float) else str(value))
        for name, value in resource.items()
    )
    return _field(_ONE, b"".join(attributes))


def _span(ended: EndedSpan) -> bytes:
    context, parent = ended.traceparent, ended.parent
    flags = int(context[53:], 16) | HAS_IS_REMOTE
    if ended.is_parent_remote:
        flags |= IS_REMOTE
    return b"".join(
        (
            b"\x0a\x10",
            bytes.fromhex(context[3:35]),
            b"\x12\x08",
            bytes.fromhex(context[36:52]),
            b"\x22\x08" + bytes.fromhex(parent[36:52]) if parent is not None else b"",
            _field(_FIVE, ended.name.encode()),
            b"\x30",
            _SHORT[ended.kind],
            _TIMES.pack(0x39, ended.began_ns, 0x41, ended.ended_ns),
            *[_attribute(_NINE, name, value) for name, value in ended.attributes.items()],
            _ERROR if ERROR_TYPE in ended.attributes else b"",
            b"\x85\x01",
            _FLAGS.pack(flags),
        )
    )


def _attribute(tag: bytes, name: str, value: str | int | float) -> bytes:
    if isinstance(value, str):
        text = value.encode(errors="replace")
        content = _ONE + _varint(len(text)) + text
    elif isinstance(value, int):
        content = b"\x18" + _varint(value & _INT_MASK)
    else:
        content = b"\x21" + _DOUBLE.pack(value)
    pair = _key(name) + _varint(len(content)) + content
    return tag + _varint(len(pair)) + pair


@lru_cache(KEYS_KEPT)
def _key(name: str) -> bytes:
    """Return the name of an attribute, and the tag of its value."""
    return _field(_ONE, name.encode()) + _TWO


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    if number < len(_SHORT):
        return _SHORT[number]
    septets = bytearray()
    while number >= len(_SHORT):
        septets.append(number & 0x7F | 0x80)
        number >>= 7
    septets.append(number)
    return bytes(septets)


def _scope(name: str, version: str) -> bytes:
    return _field(_ONE, _field(_ONE, name.encode()) + _field(_TWO, version.encode()))


_SCOPE: Final = _scope("ilios", __version__)
