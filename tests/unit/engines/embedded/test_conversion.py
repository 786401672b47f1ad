"""The entry point of the embedded engine."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import (
    UnsupportedDocument,
)
from tests.unit.engines.embedded.conftest import Convert


def test_an_unknown_type_is_refused(convert: Convert) -> None:
    with pytest.raises(UnsupportedDocument, match="audio/mpeg"):
        convert(b"x", "audio/mpeg")
