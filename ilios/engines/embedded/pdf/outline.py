"""A PDF's outline, which may refer to itself: looked at before it is given to a parser."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import pypdfium2.raw as pdfium_c

MAX_ENTRIES: Final = 5_000
MAX_DEPTH: Final = 32
TITLES_MAX_BYTES: Final = 2 * 1024 * 1024
"""Of all titles together, in UTF-16: entries may share a long one."""


def is_harmless(pdf: Any) -> bool:
    """Return whether each entry is reached by one way, and they are few, short and not too deep."""
    seen: set[int] = set()
    left = TITLES_MAX_BYTES
    waiting = [(_first(pdf, None), 1)]
    while waiting:
        entry, depth = waiting.pop()
        while entry:
            address = ctypes.cast(entry, ctypes.c_void_p).value or 0
            if address in seen or len(seen) >= MAX_ENTRIES or depth > MAX_DEPTH:
                return False
            left -= pdfium_c.FPDFBookmark_GetTitle(entry, None, 0)
            if left < 0:
                return False
            seen.add(address)
            waiting.append((_first(pdf, entry), depth + 1))
            entry = pdfium_c.FPDFBookmark_GetNextSibling(pdf.raw, entry)
    return True


def _first(pdf: Any, parent: Any) -> Any:
    return pdfium_c.FPDFBookmark_GetFirstChild(pdf.raw, parent)
