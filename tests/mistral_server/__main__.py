"""`python -m tests.mistral_server --port 0 --latency-ms 200`: prints its URL, ends on SIGTERM.

It also ends when the process that started it does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
from pathlib import Path

from aiohttp import web
from pydantic_core import from_json

from tests.mistral_server import app
from tests.mistral_server.behaviour import Behaviour
from tests.mistral_server.provider import Provider

ORPHAN_POLL_SECONDS = 0.5
READ_BUFFER_BYTES = 1024 * 1024  #: an inline document of usual size arrives without a pause
BACKLOG = 1024
SHUTDOWN_SECONDS = 1.0


def main() -> None:
    arguments = _parser().parse_args()
    changes = from_json(arguments.control)
    for name in ("latency_ms", "lenient"):
        if getattr(arguments, name) is not None:
            changes[name] = getattr(arguments, name)
    behaviour = Behaviour().changed(changes)
    with tempfile.TemporaryDirectory(prefix="mistral-server-") as folder:
        asyncio.run(_serve(arguments.address, arguments.port, Provider(behaviour, Path(folder))))


async def _serve(address: str, port: int, provider: Provider) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(
        app.build(provider),
        access_log=None,
        read_bufsize=READ_BUFFER_BYTES,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    await web.TCPSite(runner, address, port, backlog=BACKLOG).start()
    provider.url = f"http://{address}:{runner.addresses[0][1]}"
    print(provider.url, flush=True)
    await _until(stopped, os.getppid())
    await runner.cleanup()


async def _until(stopped: asyncio.Event, parent_pid: int) -> None:
    """Wait for the signal, or until another process is our parent.

    The parent is looked at, not asked of the kernel (`die_with_parent`): that would kill us with
    the thread that started us, and leave the uploaded files behind.
    """
    while not stopped.is_set() and os.getppid() == parent_pid:
        try:
            await asyncio.wait_for(stopped.wait(), ORPHAN_POLL_SECONDS)
        except TimeoutError:
            continue


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.mistral_server", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, help="of each ocr call")
    parser.add_argument("--lenient", action="store_true", default=None)
    parser.add_argument("--control", default="{}", help="JSON: any field of behaviour.Behaviour")
    return parser


if __name__ == "__main__":
    main()
