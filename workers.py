"""Runs the supervisor, which spawns the workers: `python workers.py`."""

from __future__ import annotations

import sys

from ilios import settings, supervisor
from ilios.errors import StartupError

if __name__ == "__main__":
    try:
        sys.exit(supervisor.run(settings.load()))
    except StartupError as error:
        sys.exit(f"ilios: {error.detail}")
