"""What a library's error says of the machine: no memory, or a full disk, whatever its class is."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ilios.core.conversion_errors import DiskFull
from ilios.core.disk_space import is_full

_NO_MEMORY: Final = (
    "bad_alloc",  # C++, as onnxruntime passes it on
    "Failed to allocate memory",  # onnxruntime
    "Insufficient memory",  # OpenCV
    "Memory allocation failed",  # libxml2
    "can't start new thread",  # Python: its stack did not fit
)
"""Libraries have an error class for everything: only their words tell that memory was lacking."""
_LIBXML_NO_MEMORY: Final = 2  #: XML_ERR_NO_MEMORY
_CAUSES_MAX: Final = 10  #: that are looked at behind an error


def raise_as_such(error: BaseException) -> None:
    """Raise MemoryError or DiskFull if that is what an error, or a cause of it, comes from."""
    for cause in _causes(error):
        if _is_memory(cause):
            raise MemoryError from error
        if isinstance(cause, OSError) and is_full(cause):
            raise _disk_full() from error


@contextmanager
def full_disk_as_such() -> Iterator[None]:
    """Turn the OSErrors of a full disk into DiskFull: the document waits until there is room."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise _disk_full() from error
        raise


def _disk_full() -> DiskFull:
    return DiskFull("The disk became full during the conversion. It goes on when there is room.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it comes from, the nearest first."""
    cause: BaseException | None = error
    for _ in range(_CAUSES_MAX):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if type(error).__module__ == "lxml.etree" and getattr(error, "code", None) == _LIBXML_NO_MEMORY:
        return True  # "unknown error"
    return not isinstance(error, UnicodeError) and any(sign in str(error) for sign in _NO_MEMORY)
