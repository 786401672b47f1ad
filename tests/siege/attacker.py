"""One attacker: a process with an event loop that draws its attacks from a seed.

It is hostile in kind, not in volume: it starts a few attacks a second, holds a bounded number of
connections, and runs at the lowest priority that leaves it alive beside the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.siege.wire import Answer, connected, form, head

NICENESS = 10
AT_ONCE = 24  #: attacks of one attacker
PAUSE_S = (0.1, 0.5)  #: between the starts of two
ATTACK_MAX_S = 40.0
IDLE_CONNECTIONS = 375  #: of one attacker
ANSWER_TIMEOUT_S = 30.0
DOCUMENTS_MAX = 3_000  #: that one attacker leaves with the service

Attack = Callable[["Attacker"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Orders:
    """What an attacker is to do, as its process is told."""

    name: str
    port: int
    seed: str
    ends_at: float  #: by time.monotonic(), which processes share
    stop_file: Path  #: ends it early
    key: str | None = None
    with_scans: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """An attack that was made; times by time.monotonic()."""

    attacker: str
    attack: str
    begun: float
    ended: float


@dataclass
class Attacker:
    """What attacks share: the way to the service, the dice, and what was left there."""

    orders: Orders
    idle: asyncio.Semaphore
    documents: list[str] = field(default_factory=list)
    submitted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)  #: of the attacker, not of the service

    def __post_init__(self) -> None:
        self.port = self.orders.port
        self.draw = random.Random(self.orders.seed)  # noqa: S311
        self.headers: Mapping[str, str] = (
            {"Authorization": f"Bearer {self.orders.key}"} if self.orders.key else {}
        )

    async def pause(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self.draw.uniform(shortest, longest))

    async def patient(self, something: Awaitable[Any], seconds: float) -> Any:
        """Wait so long for something, then leave it; return None then."""
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(something, seconds)
        return None

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Answer:
        """Make a request of one's own, and read its answer; status 0 when none comes in time."""
        said = {"Content-Length": str(len(body)), **self.headers, **(headers or {})}
        answer = Answer(0, b"")
        async with connected(self.port) as wire:
            await wire.send(head(method, target, {**said, "Connection": "close"}) + body)
            answer = await self.patient(wire.read(), timeout_s) or answer
        self.statuses[f"{method} {target.split('?')[0].rpartition('/')[0]} {answer.status}"] += 1
        return answer

    async def submit(self, name: str, content: bytes, **fields: str) -> str | None:
        """Have a document accepted; return its id, or None when it is refused."""
        if self.submitted >= DOCUMENTS_MAX:
            return None
        headers, body = form(fields, ("file", name, content))
        answer = await self.ask("POST", "/api/documents/submit", body, headers)
        document_id = answer.fields.get("id")
        if answer.status == 202 and isinstance(document_id, str):
            self.submitted += 1
            self.documents.append(document_id)
            return document_id
        return None


def besiege(orders: Orders, attacks: Mapping[Attack, int]) -> dict[str, Any]:
    """Attack until the end of the orders; the entry point of the process."""
    os.nice(NICENESS)
    return asyncio.run(_besiege(orders, attacks))


async def _besiege(orders: Orders, attacks: Mapping[Attack, int]) -> dict[str, Any]:
    attacker = Attacker(orders, asyncio.Semaphore(IDLE_CONNECTIONS))
    deeds: list[Deed] = []
    running: set[asyncio.Task[None]] = set()
    choices, weights = list(attacks), list(attacks.values())
    while time.monotonic() < orders.ends_at and not orders.stop_file.exists():
        attack = attacker.draw.choices(choices, weights)[0]
        if len(running) < AT_ONCE:
            task = asyncio.create_task(_attack(attacker, attack, deeds))
            running.add(task)
            task.add_done_callback(running.discard)
        await attacker.pause(*PAUSE_S)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return {
        "name": orders.name,
        "deeds": deeds,
        "statuses": attacker.statuses,
        "submitted": attacker.submitted,
        "faults": attacker.faults,
    }


async def _attack(attacker: Attacker, attack: Attack, deeds: list[Deed]) -> None:
    begun = time.monotonic()
    try:
        async with asyncio.timeout(ATTACK_MAX_S):
            await attack(attacker)
    except* OSError:
        pass  # a limit of time, or the service closed the connection, which is its good right
    except* ValueError as errors:
        attacker.faults.append(f"{attack.__name__}: {errors.exceptions[0]!r}")
    finally:
        deeds.append(Deed(attacker.orders.name, attack.__name__, begun, time.monotonic()))
