"""Runs the supervisor, which spawns the workers: `python workers.py`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Below the guard, for a spawned worker imports this file too and needs none of it.
    from ilios import logs, settings, supervisor
    from ilios.errors import StartupError

    try:
        sys.exit(supervisor.run(settings.load()))
    except StartupError as error:
        logs.refuse_start("supervisor", error.detail)
