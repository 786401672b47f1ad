"""What a library says of a document is reported in our words; what the machine lacks is not."""

from __future__ import annotations

import errno

import pytest

from ilios.core.conversion_errors import CorruptDocument, DiskFull, EmptyDocument
from ilios.engines import document_errors
from ilios.engines.embedded import library_errors


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyError("x"), CorruptDocument),
        (RecursionError(), CorruptDocument),
        (MemoryError(), MemoryError),
        (OSError(errno.ENOSPC, "full"), DiskFull),
        (document_errors.empty("book"), EmptyDocument),
    ],
)
def test_an_error_is_the_documents_or_the_machines(
    raised: Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected), library_errors.as_corrupt("book"):
        raise raised
