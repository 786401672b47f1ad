"""Runs the service on a data folder that is ready: `python serve.py`; start.sh calls it."""

from __future__ import annotations

if __name__ == "__main__":
    # Below the guard, for a parser imports this file too and needs none of it.
    from ilios import launch

    launch.main()
