"""A whole service, started by start.sh, for tests of what stands outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ilios.core import data_folder
from ilios.core.settings import Settings
from tests.support.api_server import free_port
from tests.support.start_script import StartScript


@contextmanager
def live_service(folder: Path, **changes: Any) -> Iterator[Settings]:
    """Provide the settings of a service that serves, with the embedded engine unless changed."""
    alone = {"port": free_port(), "ocr_engine": "embedded", "web_concurrency": 1, "worker_count": 1}
    settings = Settings(data_dir=folder / "data").model_copy(update={**alone, **changes})
    data_folder.prepare(settings)
    script = StartScript(settings, folder / "service.log")
    with closing(script):
        script.wait_until_ready()
        yield settings


def url_of(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port}"
