"""`python -m ilios`: the `ilios` command."""

from __future__ import annotations

from ilios.cli.main import main

if __name__ == "__main__":
    main(prog_name="ilios")
