"""The end of a start that fails: one line, and an exit code that is not tried again."""

from __future__ import annotations

from typing import Final, NoReturn

from ilios.core.telemetry import logs

EXIT_CANNOT_START: Final = (
    4  #: gunicorn's arbiter ends with it too, instead of starting workers for ever
)


def end(line: str) -> NoReturn:
    """End the process with a line that names the cause and the remedy."""
    logs.refuse_start("web", line, EXIT_CANNOT_START)
