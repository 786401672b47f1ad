"""What somebody who used the object store has to say of it."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.core.conversion_errors import ConversionError, DiskFull, StorageUnavailable


@dataclass(frozen=True, slots=True)
class StoreReport:
    """`fault` is what is the matter with the store; None when it answers."""

    fault: str | None


def seen_in(error: ConversionError) -> StoreReport | None:
    """What an error says of the object store; None when it says nothing."""
    if isinstance(error, StorageUnavailable) and not isinstance(error, DiskFull):
        return StoreReport(error.detail)
    return None
