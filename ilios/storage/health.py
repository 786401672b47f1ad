"""Reports of the object store's health, made by the code that uses it."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.core.conversion_errors import ConversionError, DiskFull, StorageUnavailable


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The fault of the store; None when it answers."""

    fault: str | None


def store_report_of(error: ConversionError) -> StoreReport | None:
    """Return what an error reveals of the object store; None when it reveals nothing."""
    if isinstance(error, StorageUnavailable) and not isinstance(error, DiskFull):
        return StoreReport(error.detail)
    return None
