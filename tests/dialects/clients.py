"""A client in a process and an environment of its own; `make dialects-test` installs it."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path

from tests.dialects.drivers.errand import Errand
from tests.support.forking import REPOSITORY

FOLDER = Path(__file__).parent
VENV = REPOSITORY / ".venv-dialects"
PYTHON = VENV / "bin" / "python"
OPEN_WEBUI_LOADERS = VENV / "open-webui"
JAVASCRIPT = "mistralai-js"
START_TIMEOUT_S = 180.0
ERRAND_TIMEOUT_S = 150.0  #: beyond the time-outs of all clients
VARIABLES = {
    "OPEN_WEBUI_LOADERS": str(OPEN_WEBUI_LOADERS),
    "PYTHONPATH": str(REPOSITORY),
    # Nothing goes further than loopback: neither telemetry nor lists of prices, models or packages.
    "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PIP_NO_INDEX": "1",
}


class ClientHung(Exception):
    """No outcome came in time."""


class ClientProcess:
    """Runs errands one after the other; close it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._log_path = folder / f"{name}.log"
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                _command(name),
                cwd=REPOSITORY,
                env={**VARIABLES, **_passed_on(), "HOME": str(folder), "TMPDIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            self._answer(START_TIMEOUT_S)
        except ClientHung:
            self.close()
            raise

    def run(self, errand: Errand) -> dict[str, str]:
        """Return `text` or `error`. Raises ClientHung."""
        assert self._process.stdin is not None
        asked = {
            "url": errand.url,
            "key": errand.key,
            "path": str(errand.path),
            "mime_type": errand.mime_type,
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer(ERRAND_TIMEOUT_S)

    def close(self) -> None:
        self._process.kill()
        with self._process:  # closes the pipes
            self._reader.join()

    def _answer(self, timeout_s: float) -> dict[str, str]:
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            line = ""
        if not line:
            raise ClientHung(f"{self.name} says nothing: {self._log_path.read_text()[-2000:]}")
        outcome: dict[str, str] = json.loads(line)
        return outcome

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")  # it has ended


def missing(name: str) -> str | None:
    """Return why a client cannot run, or None."""
    if name == JAVASCRIPT:
        if shutil.which("node") is None or not (FOLDER / "node_modules").exists():
            return "no @mistralai/mistralai: `make dialects-clients`, which needs node and npm"
        return None
    if not PYTHON.exists():
        return "no clients: `make dialects-clients` installs them"
    if name.startswith("open-webui") and not OPEN_WEBUI_LOADERS.exists():
        return "no loaders of Open WebUI: `make dialects-clients` unpacks them"
    return None


def _command(name: str) -> list[str | Path]:
    if name == JAVASCRIPT:
        return ["node", FOLDER / "drivers" / "mistral_sdk.mjs"]
    return [PYTHON, "-m", "tests.dialects.drivers", name]


def _passed_on() -> dict[str, str]:
    names = ("PATH", "LANG", "PAPERLESS_NGX")
    return {name: os.environ[name] for name in names if name in os.environ}
