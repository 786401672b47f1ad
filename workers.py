"""Runs the supervisor and its workers alone: `python workers.py` is `ilios workers`."""

from __future__ import annotations

if __name__ == "__main__":
    from ilios.cli.main import main

    main(["workers"], prog_name="ilios")
