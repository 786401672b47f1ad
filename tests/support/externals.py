"""Parts that a tier needs and that no lock file brings."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """Skip the test; where `CI=true` promises that everything is there, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true promises it)", pytrace=False)
    pytest.skip(reason)
