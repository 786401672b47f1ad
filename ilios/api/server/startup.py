"""How a start that cannot be ends: with one line, and for good."""

from __future__ import annotations

from typing import Final, NoReturn

from ilios.core.telemetry import logs

EXIT_CANNOT_START: Final = 4  #: gunicorn's arbiter ends with it, instead of starting for ever


def end(line: str) -> NoReturn:
    """End the process with a line that names the cause and the remedy."""
    logs.refuse_start("web", line, EXIT_CANNOT_START)
