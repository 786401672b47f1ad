"""How the server is reached: by the standard streams of a process, or by HTTP."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final

import uvicorn
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from ilios.core.errors import StartupError
from ilios.local.mcp import server
from ilios.local.mcp.documents import Documents

PATH: Final = "/mcp"
BODY_MAX_BYTES: Final = 32 * 1024 * 1024  #: of a request; a document in base64 is 24 MiB of it
STOP_SECONDS: Final = 5  #: for answers under way, once the server is told to stop
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def by_streams(open_documents: Callable[[], Documents], version: str) -> None:
    """Serve one client until it closes standard input; it may name files of this machine.

    A SystemExit meanwhile ends the process, with everything tidied up.
    """
    documents = open_documents()

    async def serve() -> None:
        async with aclosing(documents):
            built = server.build(documents, version, reads_files=True)
            async with stdio_server() as (reading, writing):
                await built.run(reading, writing, built.create_initialization_options())

    try:
        asyncio.run(serve())
    except SystemExit as stop:
        asyncio.run(documents.aclose())  # if it came before all that
        # A thread of the SDK waits for input, and the end of the interpreter would wait for it.
        os._exit(stop.code if isinstance(stop.code, int) else 1)


def by_http(
    open_documents: Callable[[], Documents],
    version: str,
    host: str,
    port: int,
    names: Sequence[str],
    listening: Callable[[str], None],
) -> None:
    """Serve over streamable HTTP; no path is opened for any client.

    Answers those who know it by a name of the loopback or by one of `names`: a web page must not
    reach it through a name of its own. `listening` is told its URL. Raises StartupError.
    """
    with _listener(host, port) as listener:

        async def serve() -> None:
            async with aclosing(open_documents()) as documents:
                built = server.build(documents, version, reads_files=False)
                app = built.streamable_http_app(
                    streamable_http_path=PATH,
                    max_request_body_size=BODY_MAX_BYTES,
                    transport_security=_known(names),
                )
                config = uvicorn.Config(
                    app,
                    log_config=None,
                    access_log=False,
                    ws="none",
                    timeout_graceful_shutdown=STOP_SECONDS,
                )
                listening(_url(listener))
                await uvicorn.Server(config).serve(sockets=[listener])

        asyncio.run(serve())


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise StartupError(
            f"{host} cannot be listened on at port {port} ({error.strerror}): choose another with "
            "--host and --port."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def _known(names: Sequence[str]) -> TransportSecuritySettings:
    """Return which values of `Host` and `Origin` are answered: these names, at any port."""
    hosts = [shape.format(name) for name in (*LOOPBACK, *names) for shape in ("{}", "{}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins
    )
