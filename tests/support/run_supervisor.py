"""`python -m tests.support.run_supervisor ENGINE`: workers.py, but with an engine of the tests."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Below the guard, for a spawned process imports this file too, and a parser needs none of it.
    import ilios.operations.heartbeat
    from ilios.core import settings
    from ilios.core.errors import StartupError
    from ilios.operations.heartbeat import Heartbeat
    from ilios.workers import supervisor
    from tests.support.impatience import Opening

    real_write = ilios.operations.heartbeat.write

    def beat_or_break(path: Path, heartbeat: Heartbeat) -> None:
        """Raise in the supervisor's loop as soon as a file `break` is beside its heartbeat."""
        if path.with_name("break").exists():
            raise RuntimeError("a bug")
        real_write(path, heartbeat)

    ilios.operations.heartbeat.write = beat_or_break
    try:
        sys.exit(supervisor.run(settings.load(), Opening(sys.argv[1])))
    except StartupError as error:
        sys.exit(error.detail)
