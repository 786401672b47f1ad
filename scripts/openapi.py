"""Prints the OpenAPI document of this checkout: `python -m scripts.openapi`. Needs no service."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout


def main() -> None:
    """Ask the application for it, over an empty database and with the settings' defaults."""
    with tempfile.TemporaryDirectory(prefix="openapi-") as folder:
        os.environ["DATA_DIR"] = folder
        migration = [sys.executable, "-m", "ilios", "migrate"]
        subprocess.run(migration, check=True, stdout=subprocess.DEVNULL)
        from ilios.api.app import create_app  # reads the environment

        with redirect_stdout(sys.stderr):  # what is logged
            answer = create_app().test_client().get("/openapi.json")
        sys.stdout.buffer.write(answer.get_data())


if __name__ == "__main__":
    main()
