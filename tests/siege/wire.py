"""A connection on which an attacker says anything, and may be silent, deaf or half gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

HOST = "127.0.0.1"
ANSWER_MAX_BYTES = 8 * 1024 * 1024
READ_BYTES = 64 * 1024
SMALL_BUFFER_BYTES = 4096  #: of a client that does not read: the kernel takes nothing for it


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0 when the server closed without any."""

    status: int
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        with contextlib.suppress(ValueError):
            found = json.loads(self.body)
            if isinstance(found, dict):
                return found
        return {}


class Wire:
    """One TCP connection to the service."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()

    async def send(self, content: bytes | str) -> None:
        raw = content.encode() if isinstance(content, str) else content
        await self._loop.sock_sendall(self._socket, raw)

    async def drip(self, content: bytes, seconds: float) -> None:
        """Send a byte at a time, with a pause after each."""
        for place in range(len(content)):
            await self.send(content[place : place + 1])
            await asyncio.sleep(seconds)

    async def read(self) -> Answer:
        """Read until the server closes, or ANSWER_MAX_BYTES have come."""
        blocks = []
        size = 0
        while size < ANSWER_MAX_BYTES:
            block = await self._loop.sock_recv(self._socket, READ_BYTES)
            if not block:
                break
            blocks.append(block)
            size += len(block)
        said, _, body = b"".join(blocks).partition(b"\r\n\r\n")
        words = said.split(b" ", 2)
        is_answer = len(words) > 1 and words[1].isdigit()
        return Answer(int(words[1]) if is_answer else 0, body)

    def end_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)


@asynccontextmanager
async def connected(port: int, *, is_deaf: bool = False) -> AsyncIterator[Wire]:
    """Provide a connection; a deaf one has the smallest buffer for what it does not read."""
    connection = socket.socket()
    try:
        if is_deaf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (HOST, port))
        yield Wire(connection)
    finally:
        connection.close()


def head(method: str, target: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Return the head of a request; what is not ASCII goes as it is in UTF-8."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode()


def form(fields: Mapping[str, str], *files: tuple[str, str, bytes]) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a multipart form; a file is its field, its name and its bytes."""
    limit = "siege-boundary"
    parts = [
        f'--{limit}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for field, name, content in files:
        shown = name.replace('"', "%22")
        said = f'--{limit}\r\nContent-Disposition: form-data; name="{field}"; filename="{shown}"'
        parts.append(f"{said}\r\n\r\n".encode() + content + b"\r\n")
    body = b"".join(parts) + f"--{limit}--\r\n".encode()
    return {
        "Content-Type": f"multipart/form-data; boundary={limit}",
        "Content-Length": str(len(body)),
    }, body
