"""Errors of the libraries that open documents: their own words mean nothing to users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ilios.core.errors import IliosError
from ilios.engines import document_errors, machine_errors


@contextmanager
def as_corrupt(kind: str) -> Iterator[None]:
    """Report every error of a library as CorruptDocument; `kind` is what the document is called.

    What the machine lacked, memory or room on the disk, is no fault of the file.
    """
    try:
        yield
    except Exception as error:
        machine_errors.raise_as_such(error)
        if isinstance(error, IliosError):
            raise
        raise document_errors.corrupt(kind) from error
