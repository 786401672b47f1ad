"""`python -m tests.support.run_supervisor ENGINE`: workers.py, but with an engine of the tests."""

from __future__ import annotations

import sys

from ilios import settings, supervisor
from ilios.errors import StartupError
from tests.support.engines import ENGINES

if __name__ == "__main__":
    try:
        sys.exit(supervisor.run(settings.load(), ENGINES[sys.argv[1]]))
    except StartupError as error:
        sys.exit(error.detail)
