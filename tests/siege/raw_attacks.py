"""Attacks below or at the head of HTTP: they need no key, though some do more harm with one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.siege.attacker import Attack, Attacker
from tests.siege.wire import connected, form, head

PROBES = ("/livez", "/readyz", "/health", "/metrics")
READS = ("/api/documents", "/api/usage/summary", "/v1/batch/status/" + "a" * 24)
SLOW_PAGES = ("/openapi.json", "/docs", "/")
BODY_BYTES = 1_000_000  #: that are announced
STALL_S = (2.0, 8.0)
IDLE_S = (10.0, 25.0)
IDLE_AT_ONCE = 150  #: connections of one attack
PIPELINED = 200
REFUSED_MIB = (1, 6)
BLOCK = b"x" * 65_536
DRIP_S = 0.4
DRIPPED_BYTES = 30


async def stalled_probe(attacker: Attacker) -> None:
    """Announce a body to a probe and send none: the 51 bytes that once silenced the probes."""
    async with connected(attacker.port) as wire:
        method = attacker.draw.choice(["GET", "GET", "POST", "HEAD"])
        await wire.send(head(method, attacker.draw.choice(PROBES), {"Content-Length": "9"}))
        await attacker.pause(*STALL_S)


async def stalled_body(attacker: Attacker) -> None:
    headers = {**attacker.headers, "Content-Length": str(BODY_BYTES)}
    if attacker.draw.random() < 0.3:
        headers["Expect"] = "100-continue"
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    async with connected(attacker.port) as wire:
        target = attacker.draw.choice(["/api/documents/submit", "/v1/convert", "/v1/estimate", "/"])
        await wire.send(head("POST", target, headers))
        await attacker.pause(*STALL_S)


async def slow_body(attacker: Attacker) -> None:
    headers, body = form({"format": "markdown"}, ("file", "slow.txt", b"s" * 10_000))
    async with connected(attacker.port) as wire:
        await wire.send(head("POST", "/v1/convert", {**headers, **attacker.headers}))
        await wire.drip(body[:DRIPPED_BYTES], DRIP_S)


async def slow_head(attacker: Attacker) -> None:
    target = attacker.draw.choice((*PROBES, *READS))
    async with connected(attacker.port) as wire:
        await wire.drip(head("GET", target)[:DRIPPED_BYTES], DRIP_S)


async def deaf_to_refusals(attacker: Attacker) -> None:
    """Ask for very many answers on one connection, and read none."""
    request = head("GET", attacker.draw.choice(READS))
    async with connected(attacker.port, is_deaf=True) as wire:
        await attacker.patient(wire.send(request * PIPELINED), STALL_S[1])
        await attacker.pause(*STALL_S)


async def slow_behind_fast(attacker: Attacker) -> None:
    """Pipeline large answers and stalled requests behind a probe."""
    behind = [head("GET", attacker.draw.choice(SLOW_PAGES)) for _ in range(6)]
    behind.append(head("POST", "/v1/convert", {"Content-Length": "1000"}))
    first = head("GET", attacker.draw.choice(PROBES))
    async with connected(attacker.port, is_deaf=True) as wire:
        await attacker.patient(wire.send(first + b"".join(behind)), STALL_S[1])
        await attacker.pause(*STALL_S)


async def half_closed(attacker: Attacker) -> None:
    """End our side after a part of a request, or after a whole one, and wait."""
    request = attacker.draw.choice(
        [
            b"",
            b"GET /livez HT",
            head("GET", attacker.draw.choice(PROBES)),
            head("POST", "/v1/convert", {**attacker.headers, "Content-Length": "500"}) + b"part",
            head("GET", attacker.draw.choice(READS), attacker.headers),
        ]
    )
    async with connected(attacker.port) as wire:
        await wire.send(request)
        wire.end_sending()
        await attacker.patient(wire.read(), STALL_S[1])


async def idle_connections(attacker: Attacker) -> None:
    """Hold connections on which nothing, or the beginning of a request, is ever said."""
    async with asyncio.TaskGroup() as together:
        for _ in range(IDLE_AT_ONCE):
            together.create_task(_idle(attacker))


async def refused_upload(attacker: Attacker) -> None:
    """Send megabytes that are refused at their first byte, by a wrong key or a wrong path."""
    size = attacker.draw.randint(*REFUSED_MIB) * 1024 * 1024
    headers = {"Content-Length": str(size), "Authorization": "Bearer made-up"}
    if attacker.draw.random() < 0.5:
        del headers["Authorization"]
    target = attacker.draw.choice(["/api/documents/submit", "/v1/convert", "/nowhere", "/livez"])
    async with connected(attacker.port) as wire:
        await wire.send(head("POST", target, headers))
        for _ in range(size // len(BLOCK)):
            await attacker.patient(wire.send(BLOCK), STALL_S[0])
            await asyncio.sleep(0.01)
        await attacker.patient(wire.read(), STALL_S[0])


async def oversized_head(attacker: Attacker) -> None:
    many = {f"X-{n}": "y" * 40 for n in range(attacker.draw.choice([90, 500]))}
    request = attacker.draw.choice(
        [
            head("GET", "/livez", many),
            head("GET", "/livez", {"X-Long": "z" * 60_000}),
            head("GET", "/api/documents?q=" + "%CC%81" * 15_000, attacker.headers),
            b"GET /" + b"a" * 100_000,
            head("GET", "/livez", {"Cookie": "c" * 8_000, "X-Request-ID": "i" * 5_000}),
        ]
    )
    await _say(attacker, request)


async def odd_request(attacker: Attacker) -> None:
    requests = (
        head("BREW", "/livez"),
        head("TRACE", "/api/documents"),
        head("OPTIONS", "*"),
        head("GET", "http://elsewhere.example/api/documents"),
        head("GET", "//elsewhere.example/%2e%2e/%2e%2e/etc/passwd"),
        head("GET", "/objects/..%2f..%2filios.db"),
        head("GET", "/api/documents/%00%ff?q=%00", attacker.headers),
        head("GET", "/api/documents?limit=-1&cursor=%7b%7d&q=" + "%F0%9F%92%A9" * 300),
        head("CONNECT", "localhost:22"),
        b"GET /livez\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
        b"\r\n" * 2_000,
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    )
    await _say(attacker, attacker.draw.choice(requests))


async def odd_framing(attacker: Attacker) -> None:
    """Contradict oneself about where a request ends."""
    chunked: Mapping[str, str] = {**attacker.headers, "Transfer-Encoding": "chunked"}
    requests = (
        head("POST", "/v1/convert", {**chunked, "Content-Length": "4"}) + b"0\r\n\r\n",
        head("POST", "/v1/convert", chunked) + b"ffffffffff\r\n",
        head("POST", "/v1/convert", chunked) + b"zz\r\nabc\r\n0\r\n\r\n",
        head("POST", "/v1/convert", {**chunked, "Transfer-Encoding": "gzip, chunked"}),
        head("POST", "/v1/convert", {"Content-Length": "+5"}) + b"hello",
        head("POST", "/v1/convert", {"Content-Length": "9" * 30}),
        b"POST /v1/convert HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc",
        head("POST", "/livez", chunked) + b"5\r\nhello\r\n" + b"1\r\nx\r\n" * 500,
    )
    await _say(attacker, attacker.draw.choice(requests))


ATTACKS: Mapping[Attack, int] = {
    stalled_probe: 6,
    stalled_body: 4,
    slow_body: 2,
    slow_head: 2,
    deaf_to_refusals: 3,
    slow_behind_fast: 3,
    half_closed: 3,
    idle_connections: 1,
    refused_upload: 3,
    oversized_head: 2,
    odd_request: 3,
    odd_framing: 2,
}
"""How often each is made, in comparison."""


async def _idle(attacker: Attacker) -> None:
    async with attacker.idle, connected(attacker.port) as wire:
        if attacker.draw.random() < 0.3:
            await wire.send(b"GET /livez HTTP/1.1\r\n")
        await attacker.pause(*IDLE_S)


async def _say(attacker: Attacker, request: bytes) -> None:
    async with connected(attacker.port) as wire:
        await wire.send(request)
        await attacker.patient(wire.read(), STALL_S[0])
