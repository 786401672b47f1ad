"""Runs the supervisor, which spawns the workers: `python workers.py`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Below the guard, for a spawned worker imports this file too and needs none of it.
    from ilios.core import settings
    from ilios.core.errors import StartupError
    from ilios.core.processes import keep_files_private
    from ilios.core.telemetry import logs
    from ilios.workers import supervisor

    keep_files_private()
    try:
        sys.exit(supervisor.run(settings.load()))
    except StartupError as error:
        logs.refuse_start("supervisor", error.detail)
