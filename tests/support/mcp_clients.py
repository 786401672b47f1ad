"""The SDK's own client of the Model Context Protocol, and `ilios mcp` as a process.

Functions import the SDK, which takes longer than the tests of other things are to wait for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.support.forking import REPOSITORY

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

Era = Literal["auto", "legacy"]
COMMAND = (sys.executable, "-m", "ilios", "mcp")
END_TIMEOUT_S = 60.0
Told = list[tuple[float, float | None]]


@contextmanager
def environment(folder: Path, **variables: str) -> Iterator[dict[str, str]]:
    """Provide what the command needs of an environment; no temporary file may be left."""
    path = os.pathsep.join([str(REPOSITORY), *sys.path])
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=folder) as temporary:
        yield {"PATH": os.environ["PATH"], "PYTHONPATH": path, "TMPDIR": temporary, **variables}
        assert list(Path(temporary).iterdir()) == []


@asynccontextmanager
async def by_streams(folder: Path, era: Era = "auto", **variables: str) -> AsyncIterator[Client]:
    """Connect a client to a command that it starts in a folder. It may complain of nothing."""
    from mcp import Client, StdioServerParameters, stdio_client
    from mcp.client import stdio

    stdio.PROCESS_TERMINATION_TIMEOUT = END_TIMEOUT_S  # a busy machine takes longer than 2 s
    with environment(folder, **variables) as given, tempfile.TemporaryFile("w+") as stderr:
        parameters = StdioServerParameters(
            command=COMMAND[0], args=list(COMMAND[1:]), env=given, cwd=folder
        )
        async with Client(stdio_client(parameters, errlog=stderr), mode=era) as client:
            yield client
        stderr.seek(0)
        assert stderr.read() == ""


@asynccontextmanager
async def connected(url: str, era: Era = "auto") -> AsyncIterator[Client]:
    """Connect a client over HTTP."""
    from mcp import Client

    async with Client(url, mode=era) as client:
        yield client


@contextmanager
def by_http(folder: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Run the command with --http; provide its URL. It has to end as it is told to."""
    command = [*COMMAND, "--http", "--port", "0", *arguments]
    with (
        environment(folder, **variables) as given,
        subprocess.Popen(
            command, env=given, cwd=folder, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert line.startswith("ilios mcp listens on http://127.0.0.1:"), line
            yield line.split()[-1]
            process.send_signal(signal.SIGTERM)
            assert process.wait(END_TIMEOUT_S) == 128 + signal.SIGTERM
            assert process.stderr.read() == ""
        finally:
            process.kill()


@dataclass
class Answered:
    """What a call of a tool came to."""

    result: CallToolResult
    progress: Told = field(default_factory=list)

    @property
    def found(self) -> dict[str, Any]:
        """Return what programs read."""
        assert not self.result.is_error, self.texts
        assert isinstance(self.result.structured_content, dict)
        return self.result.structured_content

    @property
    def error(self) -> dict[str, str]:
        """Return what programs read of an error."""
        assert self.result.is_error
        assert self.result.structured_content is None
        error: dict[str, str] = (self.result.meta or {})["ilios/error"]
        (said,) = self.texts
        assert said == f"{error['code']}: {error['detail']}\n{error['remedy']}"
        assert "Traceback" not in said
        return error

    @property
    def texts(self) -> list[str]:
        """Return what a model reads."""
        assert {block.type for block in self.result.content} == {"text"}
        return [block.text for block in self.result.content if block.type == "text"]


async def call(client: Client, tool: str, **arguments: Any) -> Answered:
    """Call a tool; note what it tells of its progress."""
    told: Told = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    result = await client.call_tool(tool, arguments, progress_callback=note)
    return Answered(result, told)
