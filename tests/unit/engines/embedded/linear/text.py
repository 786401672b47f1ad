"""Text and tables of values that grow."""

from __future__ import annotations

from typing import Final

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.linear.growth import Case, lines


def plain(n: int) -> bytes:
    return "\n".join(lines(n)).encode()


def short_paragraphs(n: int) -> bytes:
    return b"a\n\n" * n + b"1. b\n" * n + b"\n \t\n" * n


def legacy_bytes(n: int) -> bytes:
    return ("größe und maß \n" * n).encode("utf-8") + b"\xfc\xe4 \xff" * (n // 4) + "ä".encode() * n


def table_of_quotes(n: int) -> bytes:
    return b'"' * n + b"\n" + b'a,"b\n' * n + b",;\t|" * n + b"\n"


CASES: Final = (
    Case("plain", media_types.PLAIN, plain, 2_000),
    Case("short-paragraphs", media_types.PLAIN, short_paragraphs, 2_000),
    Case("legacy-bytes", media_types.PLAIN, legacy_bytes, 8_000),
    Case("quotes", media_types.CSV, table_of_quotes, 4_000),
    Case("table-signs", media_types.CSV, plain, 2_000),
)
