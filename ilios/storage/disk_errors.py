"""Errors of the disk, as the object store raises them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ilios.core.conversion_errors import DiskFull, ObjectMissing, StorageUnavailable
from ilios.core.disk_space import is_full

MISSING = "The stored object is missing: it was deleted or never stored."


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn OSErrors into ObjectMissing, DiskFull or StorageUnavailable."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise ObjectMissing(MISSING) from error
    except OSError as error:
        if is_full(error):
            raise DiskFull("The disk is full: nothing was stored. Try again later.") from error
        raise StorageUnavailable(
            f"The data folder could not be read or written: {error.strerror}. "
            "Check its free space, its permissions and its disk."
        ) from error
