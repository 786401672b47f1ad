"""Which call goes wrong, and how that looks on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from pydantic_core import to_json

from tests.mistral_server.behaviour import Fault
from tests.mistral_server.journal import Call
from tests.mistral_server.refusals import Refusal, error, plain_status

SHA_PREFIX_MIN_CHARACTERS = 8
GONE_POLL_SECONDS = 0.01
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  #: struct linger: close() sends a reset

Work = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Target:
    """A call as the rules see it."""

    on: str
    sha256: str | None = None
    name: str | None = None
    custom_id: str | None = None
    text: str = ""

    @property
    def document(self) -> str:
        return self.sha256 or self.name or ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that holds for a call, and what status it has for it."""

    fault: Fault
    status: int

    def refusal(self) -> Refusal:
        fault = self.fault
        refusal = error(fault.error, fault.message) if fault.error else self._by_status()
        if fault.body is not None:
            refusal = Refusal(refusal.status, fault.body)
        if fault.retry_after is not None:
            refusal.headers["Retry-After"] = fault.retry_after
        return refusal

    def _by_status(self) -> Refusal:
        refusal = plain_status(self.status)
        if self.fault.message and isinstance(refusal.body, dict):
            refusal.body["message"] = self.fault.message
        return refusal


class Faults:
    """The rules, and how often each has met each document."""

    def __init__(self, rules: tuple[Fault, ...]) -> None:
        self._rules = rules
        self._tries: Counter[tuple[int, str]] = Counter()
        self._met: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()

    def need_text(self, on: str) -> bool:
        return any(rule.on == on and rule.text is not None for rule in self._rules)

    def strike(self, target: Target) -> Hit | None:
        """Return the first rule that holds for this call; the rules after it do not count it."""
        for number, rule in enumerate(self._rules):
            if not _matches(rule, target):
                continue
            met, tries = self._count(number, target)
            if self._holds(rule, number, met, tries):
                self._struck[number] += 1
                return Hit(rule, _status(rule, tries))
        return None

    def _count(self, number: int, target: Target) -> tuple[int, int]:
        key = (number, target.document)
        self._met[number] += 1
        self._tries[key] += 1
        return self._met[number], self._tries[key]

    def _holds(self, rule: Fault, number: int, met: int, tries: int) -> bool:
        return (
            (rule.first is None or tries <= rule.first)
            and (rule.every is None or met % rule.every == 0)
            and (rule.times is None or self._struck[number] < rule.times)
        )


async def deliver(
    request: web.Request, call: Call, hit: Hit | None, work: Work
) -> web.StreamResponse:
    """Do the work and answer, or go wrong the way the rule says. Raises Refusal."""
    if hit is None:
        return await work()
    fault = hit.fault
    call.fault = fault.kind
    await asyncio.sleep(fault.delay_ms / 1000)
    if fault.kind == "status":
        raise hit.refusal()
    if fault.kind == "reset_before":
        return _reset(request)
    if fault.kind == "hang":
        if fault.billed:
            await work()
        return await _hang(request)
    answer = await work()
    if fault.kind in {"no_pages", "too_few_pages", "odd"}:
        return answer
    if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        raise TypeError("only answers that are in memory can be spoilt")
    return await _spoil(request, fault, answer.body, answer.content_type)


def is_gone(request: web.Request) -> bool:
    """Return whether nobody can get an answer any more: either side closed the connection."""
    return request.transport is None or request.transport.is_closing()


async def _spoil(
    request: web.Request, fault: Fault, body: bytes, content_type: str
) -> web.StreamResponse:
    half = body[: len(body) // 2]
    match fault.kind:
        case "reset_after":
            return _reset(request)
        case "truncate":
            return web.Response(body=half, content_type=content_type)
        case "wrong_json":
            return web.Response(body=to_json({"pages": "soon"}), content_type=content_type)
        case "cut":
            response = await _begin(request, len(body), content_type)
            await response.write(half)
            return _close(request, response)
        case "trickle":
            response = await _begin(request, len(body), content_type)
            return await _trickle(request, response, body, fault.interval_ms / 1000)
        case _:
            raise ValueError(fault.kind)


async def _begin(request: web.Request, length: int, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    response.content_length = length
    await response.prepare(request)
    return response


async def _trickle(
    request: web.Request, response: web.StreamResponse, body: bytes, seconds: float
) -> web.StreamResponse:
    for byte in body:
        if is_gone(request):
            break
        await response.write(bytes([byte]))
        await asyncio.sleep(seconds)
    return response


def _reset(request: web.Request) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    return web.Response()  # nobody is there to get it


def _close(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return response


async def _hang(request: web.Request) -> web.StreamResponse:
    while not is_gone(request):
        await asyncio.sleep(GONE_POLL_SECONDS)
    return web.Response()


def _matches(rule: Fault, target: Target) -> bool:
    if rule.on != target.on or (rule.text is not None and rule.text not in target.text):
        return False
    if rule.match is None:
        return True
    words = (rule.match,) if isinstance(rule.match, str) else rule.match
    return any(_is_named(word, target) for word in words)


def _is_named(word: str, target: Target) -> bool:
    is_sha = len(word) >= SHA_PREFIX_MIN_CHARACTERS and (target.sha256 or "").startswith(word)
    return word == target.custom_id or is_sha or (target.name is not None and word in target.name)


def _status(rule: Fault, tries: int) -> int:
    if isinstance(rule.status, int):
        return rule.status
    return rule.status[(tries - 1) % len(rule.status)]
