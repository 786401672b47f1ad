"""The kinds of nodes. A data folder may be both."""

from __future__ import annotations

from typing import Final

WORKERS: Final = "workers"  #: a supervisor and its workers
WEB: Final = "web"  #: gunicorn
