"""What a session knows of its documents, and when it forgets them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ilios.core.conversion_errors import EncryptedDocument
from ilios.core.request_errors import DocumentCancelled, DocumentFailed, DocumentNotReady
from ilios.local.mcp.session_documents import SessionDocument, SessionDocuments
from tests.support.coroutines import finished

Told = list[tuple[int, int | None]]


def document(document_id: str = "id") -> SessionDocument:
    return SessionDocument(document_id, "a.pdf")


def completed(document_id: str, characters: int = 1) -> SessionDocument:
    found = document(document_id)
    found.complete({1: "x" * characters}, [])
    return found


def known(documents: SessionDocuments, *ids: str) -> list[str]:
    return [one for one in ids if documents.get(one)]


def test_the_oldest_are_forgotten_beyond_a_number() -> None:
    documents = SessionDocuments(2, 1000)
    for name in "abc":
        documents.add(completed(name))

    assert known(documents, "a", "b", "c") == ["b", "c"]
    assert [one.id for one in documents.completed()] == ["c", "b"]


def test_the_oldest_are_forgotten_beyond_a_size_but_never_the_newest() -> None:
    documents = SessionDocuments(10, 1000)
    for name, size in (("a", 600), ("b", 300), ("c", 200), ("d", 5000)):
        documents.add(completed(name, size))

    assert known(documents, "a", "b", "c", "d") == ["d"]


def test_what_runs_is_not_forgotten() -> None:
    documents = SessionDocuments(2, 1000)
    documents.add(document("running"))
    for name in "abc":
        documents.add(completed(name))

    assert known(documents, "running", "a", "b", "c") == ["running", "c"]


def test_without_a_result_it_is_said_why() -> None:
    waiting, failed, cancelled = document(), document(), document()
    failed.fail(EncryptedDocument("It has a password."))
    finished(_cancelled(cancelled))

    with pytest.raises(DocumentNotReady):
        waiting.result()
    with pytest.raises(DocumentFailed, match="It has a password"):
        failed.result()
    with pytest.raises(DocumentCancelled):
        cancelled.result()
    assert (failed.state().status, failed.state().error_code) == ("failed", "encrypted_document")


async def _cancelled(found: SessionDocument) -> None:
    work = asyncio.create_task(asyncio.sleep(0))
    found.cancel(work)
    await asyncio.wait([work])


def test_what_comes_after_a_cancellation_changes_nothing() -> None:
    found = document()
    finished(_cancelled(found))

    found.advance(1, 2)
    found.complete({1: "late"}, [])

    assert (found.status, found.pages) == ("cancelled", None)


def waited(seconds: float, play: Callable[[SessionDocument], Awaitable[None]]) -> Told:
    """Return what is told of a document while something happens to it."""

    async def run() -> Told:
        found, told = document(), Told()

        async def report(done: int, total: int | None) -> None:
            told.append((done, total))

        playing = asyncio.ensure_future(play(found))
        await found.wait_for_end(seconds, report)
        await playing
        return told

    return finished(run())


def test_progress_rises_and_ends_with_all() -> None:
    async def play(found: SessionDocument) -> None:
        for done in (0, 1, 1, 2):
            found.advance(done, 3)
            await asyncio.sleep(0)
        found.complete({1: "", 2: "", 3: ""}, [])

    told = waited(60, play)

    numbers = [done for done, _ in told]
    assert numbers == sorted(set(numbers))
    assert told[-1] == (3, 3)


def test_a_wait_that_is_over_tells_no_end() -> None:
    async def play(found: SessionDocument) -> None:
        found.advance(1, 3)

    assert waited(0, play) == [(0, None)]
