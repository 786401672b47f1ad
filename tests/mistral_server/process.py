"""The server as a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json

from tests.mistral_server.journal import Report, Stats

REPOSITORY = Path(__file__).parents[2]
ANSWER_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
REPORT = TypeAdapter(Report)
STATS = TypeAdapter(Stats)

Result = TypeVar("Result")


class MistralServer:
    """Listens on loopback while the context lasts; options are the fields of `Behaviour`."""

    def __init__(
        self, *, address: str = "127.0.0.1", prefix: Sequence[str] = (), **behaviour: Any
    ) -> None:
        """Start it; `prefix` makes a command one of the host that has another address."""
        arguments = ["--address", address, "--port", "0", "--control", to_json(behaviour).decode()]
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.mistral_server", *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._first_line()

    def __enter__(self) -> MistralServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def control(self, **changes: Any) -> None:
        """Replace fields of `Behaviour`; the others stay. Raises ValueError for what is unknown."""
        self._ask("POST", "/__control", to_json(changes))

    def reset(self) -> None:
        """Make it as it was started: no calls, no files, no jobs."""
        self._ask("POST", "/__reset")

    def journal(self) -> Report:
        return REPORT.validate_json(self._ask("GET", "/__journal"))

    def stats(self) -> Stats:
        return STATS.validate_json(self._ask("GET", "/__stats"))

    def close(self) -> None:
        """Send SIGTERM, then SIGKILL."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _first_line(self) -> str:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError(f"the server did not start: exit code {self.process.wait()}")
        return line.strip()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.loads(error.read())["detail"]) from None
