"""A TCP proxy that can be told to go wrong, in front of a provider, a bucket or a database."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum, auto

BLOCK_BYTES = 64 * 1024
LATENCY_SECONDS = 0.3  #: for each block, in both directions
CUT_AFTER_BYTES = 100 * 1024
TRICKLE_SECONDS = 0.05  #: for each byte of an answer
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  #: struct linger: close() sends a reset
START_TIMEOUT_S = 60.0


class Way(Enum):
    """How connections fare. A change reaches those that are open too."""

    OPEN = auto()
    SLOW = auto()  #: every block is late
    TRICKLE = auto()  #: answers come byte by byte
    RESET = auto()  #: the request arrives; in place of its answer comes a reset
    HALF_CLOSE = auto()  #: half of the answer's first block, then the end of the stream
    CUT = auto()  #: a reset in the middle of a request that is large enough to have one
    BLACK_HOLE = auto()  #: connections are taken, and whatever is sent is swallowed
    REFUSE = auto()  #: a new connection is reset at once, an open one with its next block


class FaultyProxy:
    """Listens on loopback while the context lasts."""

    def __init__(self, target_port: int) -> None:
        self.way = Way.OPEN
        self.spoilt = 0  #: connections and blocks that did not pass as they were
        self.port = 0
        self.hears: Callable[[bytes], object] | None = None  #: what clients send, as it comes
        self._target_port = target_port
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._connections: set[asyncio.Task[None] | None] = set()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        if not self._listening.wait(START_TIMEOUT_S):
            raise RuntimeError("the proxy does not listen")
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._closed.wait()
        server.close()

    async def _connect(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        self._connections.add(task := asyncio.current_task())  # asyncio itself may forget a task
        try:
            await self._relay(client, answer)
        finally:
            self._connections.discard(task)

    async def _relay(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Relay one connection, from its first byte to its last."""
        try:
            if self.way is Way.REFUSE:
                self.spoilt += 1
                raise ConnectionResetError
            target, request = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            _reset(answer)
            return
        pumps = asyncio.gather(
            self._pump(client, request, is_answer=False),
            self._pump(target, answer, is_answer=True),
        )
        try:
            await pumps
        except (OSError, asyncio.CancelledError):  # the latter at the proxy's end
            _reset(answer)
        finally:
            pumps.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await pumps
            request.close()
            answer.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        """Raise OSError when the connection is to be reset."""
        passed_bytes = 0
        while block := await source.read(BLOCK_BYTES):
            passed_bytes += len(block)
            if self.hears is not None and not is_answer:
                self.hears(block)
            way = self.way
            if _spoils(way, passed_bytes, is_answer=is_answer):
                self.spoilt += 1
                match way:
                    case Way.BLACK_HOLE:
                        continue
                    case Way.REFUSE | Way.RESET | Way.CUT:
                        raise ConnectionResetError
                    case Way.HALF_CLOSE:
                        sink.write(block[: len(block) // 2])
                        break
                    case Way.SLOW:
                        await asyncio.sleep(LATENCY_SECONDS)
                    case Way.TRICKLE:
                        block = await self._trickle(block, sink)
            sink.write(block)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()

    async def _trickle(self, block: bytes, sink: asyncio.StreamWriter) -> bytes:
        """Send bytes one by one, as long as it has to be; returns the rest."""
        while block and self.way is Way.TRICKLE:
            sink.write(block[:1])
            await sink.drain()
            await asyncio.sleep(TRICKLE_SECONDS)
            block = block[1:]
        return block


def _spoils(way: Way, passed_bytes: int, *, is_answer: bool) -> bool:
    """Return whether the way is one that a block does not pass as it is."""
    match way:
        case Way.OPEN:
            return False
        case Way.CUT:
            return passed_bytes > CUT_AFTER_BYTES and not is_answer
        case Way.RESET | Way.HALF_CLOSE | Way.TRICKLE:
            return is_answer
        case Way.SLOW | Way.BLACK_HOLE | Way.REFUSE:
            return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset in place of a proper end."""
    opened: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
