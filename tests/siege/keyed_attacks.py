"""Attacks of somebody with a key: documents, waits, results that nobody reads, quotas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from tests.siege import hostile_documents, raw_attacks
from tests.siege.attacker import Attack, Attacker
from tests.siege.wire import connected, form, head

POLLS = 200
POLL_S = (2.0, 6.0)
CONVERSIONS = 40
ESTIMATES = 24
BURST = 60
BATCH = 60
RACES = 8
DEAF_READERS = 6
DEAF_S = (3.0, 10.0)
NAME_BYTES = 50_000
PART_HEAD_BYTES = 100_000
UPLOADS = 40  #: that stall at once


async def hostile_document(attacker: Attacker) -> None:
    name, content = hostile_documents.make(attacker.draw, attacker.orders.with_scans)
    await attacker.submit(name, content)


async def deaf_to_results(attacker: Attacker) -> None:
    """Ask for documents, their pages and the list on several connections, and read nothing."""
    if not attacker.documents:
        await attacker.submit(*hostile_documents.long_text(attacker.draw))
        return
    chosen = attacker.draw.choices(attacker.documents[:200], k=DEAF_READERS)
    targets = [
        f"/api/documents/{one}?format={attacker.draw.choice(['markdown', 'json', 'text'])}"
        for one in chosen
    ]
    async with asyncio.TaskGroup() as together:
        for target in targets:
            together.create_task(_ask_and_not_read(attacker, target))


async def long_polls(attacker: Attacker) -> None:
    """Wait for a document that never comes on far more connections than there are places."""
    asked = json.dumps({"fileName": "never.txt", "fileSize": 10}).encode()
    answer = await attacker.ask(
        "POST", "/api/documents/upload-url", asked, {"Content-Type": "application/json"}
    )
    document_id = answer.fields.get("id", "a" * 24)
    seconds = attacker.draw.uniform(*POLL_S)
    async with asyncio.TaskGroup() as together:
        for _ in range(POLLS):
            together.create_task(_poll(attacker, document_id, seconds))
    await attacker.ask("DELETE", f"/api/documents/{document_id}")


async def conversions(attacker: Attacker) -> None:
    """Wait for more immediate conversions than there are places, then hang up."""
    async with asyncio.TaskGroup() as together:
        for _ in range(CONVERSIONS):
            together.create_task(_convert(attacker))


async def estimates(attacker: Attacker) -> None:
    headers, body = form({}, ("file", *hostile_documents.estimated_pages(attacker.draw)))
    async with asyncio.TaskGroup() as together:
        for _ in range(ESTIMATES):
            together.create_task(
                attacker.ask("POST", "/v1/estimate", body, headers, timeout_s=POLL_S[1])
            )


async def races(attacker: Attacker) -> None:
    """Cancel, delete, retry and read a document at one moment."""
    for _ in range(RACES):
        name, content = f"race-{attacker.draw.random()}.txt", f"{attacker.draw.random()}".encode()
        document_id = await attacker.submit(name, content)
        if document_id is None:
            return
        place = f"/api/documents/{document_id}"
        calls = [
            ("POST", f"{place}/cancel"),
            ("POST", f"{place}/retry"),
            ("DELETE", place),
            ("DELETE", place),
            ("GET", place),
            ("GET", f"/api/documents/status/{document_id}?wait=1"),
        ]
        attacker.draw.shuffle(calls)
        await asyncio.gather(*(attacker.ask(*call) for call in calls), return_exceptions=True)


async def burst(attacker: Attacker) -> None:
    """Submit as many small documents at once as the key may, and more."""
    await asyncio.gather(
        *(
            attacker.submit(f"{n}.txt", f"{n} {attacker.draw.random()}".encode(), priority="10")
            for n in range(BURST)
        ),
        return_exceptions=True,
    )


async def batch(attacker: Attacker) -> None:
    """Submit a batch, download it before its end, and cancel it."""
    files = [("files", f"{n}.txt", f"{n} {attacker.draw.random()}".encode()) for n in range(BATCH)]
    headers, body = form({}, *files)
    answer = await attacker.ask("POST", "/v1/batch/submit", body, headers)
    batch_id = answer.fields.get("batchId")
    if batch_id is None:
        return
    await attacker.ask("GET", f"/v1/batch/download/{batch_id}")
    await attacker.ask("GET", f"/v1/batch/status/{batch_id}?details=true&wait=1")
    await attacker.ask("POST", f"/v1/batch/{batch_id}/cancel")


async def oversized_form(attacker: Attacker) -> None:
    """Give parts of a form a head, a name, or a number that nobody needs."""
    draw = attacker.draw
    headers, body = draw.choice(
        [
            form({}, ("file", "n" * NAME_BYTES, b"A text.")),
            form({}, ("file", "\u0301\u0327" * (NAME_BYTES // 4), b"A text.")),
            form({"pages": "1," * NAME_BYTES}, ("file", "a.txt", b"A text.")),
            form({f"field{n}": "x" for n in range(2_000)}, ("file", "a.txt", b"A text.")),
            form({"f" * PART_HEAD_BYTES: "x"}, ("file", "a.txt", b"A text.")),
        ]
    )
    await attacker.ask("POST", "/api/documents/submit", body, headers)


async def odd_questions(attacker: Attacker) -> None:
    """Search with names that cost to compare, in lists that cost to read."""
    query = "%CC%81" * attacker.draw.randint(1, 900)
    for target in (f"/api/documents?limit=100&q={query}", "/api/usage/breakdown?groupBy=day"):
        await attacker.ask("GET", target)


async def stalled_uploads(attacker: Attacker) -> None:
    """Hold as many threads for uploads as one key may."""
    async with asyncio.TaskGroup() as together:
        for _ in range(UPLOADS):
            together.create_task(raw_attacks.slow_body(attacker))


ATTACKS: Mapping[Attack, int] = {
    hostile_document: 16,
    deaf_to_results: 6,
    long_polls: 2,
    conversions: 2,
    estimates: 2,
    races: 3,
    burst: 2,
    batch: 1,
    oversized_form: 3,
    odd_questions: 3,
    stalled_uploads: 1,
    raw_attacks.stalled_body: 2,
    raw_attacks.half_closed: 1,
    raw_attacks.odd_framing: 1,
}
"""How often each is made, in comparison."""


async def _ask_and_not_read(attacker: Attacker, target: str) -> None:
    async with connected(attacker.port, is_deaf=True) as wire:
        await wire.send(head("GET", target, attacker.headers))
        await attacker.pause(*DEAF_S)


async def _poll(attacker: Attacker, document_id: str, seconds: float) -> None:
    async with connected(attacker.port) as wire:
        target = f"/api/documents/status/{document_id}?wait=60"
        await wire.send(head("GET", target, attacker.headers))
        await asyncio.sleep(seconds)


async def _convert(attacker: Attacker) -> None:
    headers, body = form({}, ("file", "now.txt", f"{attacker.draw.random()}".encode()))
    await attacker.ask("POST", "/v1/convert", body, headers, timeout_s=POLL_S[1])
