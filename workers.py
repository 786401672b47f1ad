"""Runs the supervisor and its workers alone: `python workers.py`."""

from __future__ import annotations

if __name__ == "__main__":
    # Below the guard, for a parser imports this file too and needs none of it.
    from ilios.core.processes import keep_files_private
    from ilios.workers import supervisor

    keep_files_private()
    supervisor.main()
