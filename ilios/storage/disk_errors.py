"""Errors of the disk, as the object store raises them."""

from __future__ import annotations

from ilios.core.conversion_errors import DiskFull, ObjectMissing, StorageUnavailable
from ilios.core.disk_space import is_full

MISSING = "The stored object is missing: it was deleted or never stored."


class disk_errors:  # noqa: N801  # used like a function; as a generator it takes thrice as long
    """Turn OSErrors into ObjectMissing, DiskFull or StorageUnavailable."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            raise _meaning(error) from error


def _meaning(error: OSError) -> ObjectMissing | DiskFull | StorageUnavailable:
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return ObjectMissing(MISSING)
    if is_full(error):
        return DiskFull("The disk is full: nothing was stored. Try again later.")
    return StorageUnavailable(
        f"The data folder could not be read or written: {error.strerror}. "
        "Check its free space, its permissions and its disk."
    )
