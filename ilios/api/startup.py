"""How a start that cannot be ends: with one line, and for good."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

EXIT_CANNOT_START: Final = 4  #: gunicorn's arbiter ends with it, instead of starting for ever


def end(line: str) -> NoReturn:
    """End the process with a line that names the cause and the remedy."""
    print(f"ilios: {line}", file=sys.stderr)  # noqa: T201  # the one line
    sys.exit(EXIT_CANNOT_START)
