"""The total deadline of a call, whatever the provider does to the connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ilios.core.conversion_errors import OutcomeUnknown, ProviderUnavailable
from ilios.engines.base import Conversion, Part
from tests.integration.engines.conftest import Kept, OpenEngine
from tests.integration.engines.mistral.scripted_server import Peer, ScriptedServer

DEADLINE_SECONDS = 3  #: by which a request has been sent, unless nobody reads it
SLACK_SECONDS = 10  #: what hangs or trickles does so for much longer
TRICKLE_SECONDS = 0.05
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"
DOCUMENT = b"%PDF-1.7 " + b"x" * 100_000
INLINE = b"%PDF-1.7 " + b"x" * 4_100_000  #: more than the kernel takes from a sender in advance
UPLOADED = b"%PDF-1.7 " + b"x" * 6_000_000


@contextmanager
def ends_in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < DEADLINE_SECONDS + SLACK_SECONDS


def silence(peer: Peer) -> None:
    peer.read_request()
    peer.wait()


def trickling_head(peer: Peer) -> None:
    peer.read_request()
    peer.trickle(HEAD * 10, TRICKLE_SECONDS)


def trickling_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(HEAD + b"\r\n")
    peer.trickle(b" " * 100_000, TRICKLE_SECONDS)


@pytest.mark.parametrize("script", [silence, trickling_head, trickling_body])
def test_a_call_that_was_sent_and_takes_too_long_may_have_been_billed(
    open_engine: OpenEngine,
    make_part: Callable[..., Part],
    convert: Callable[..., Conversion],
    kept: Kept,
    script: Callable[[Peer], None],
) -> None:
    with ScriptedServer(script) as server:
        engine = open_engine(server.url, call_deadline_seconds=DEADLINE_SECONDS)

        with ends_in_time(), pytest.raises(OutcomeUnknown):
            convert(engine, make_part(DOCUMENT))

    assert kept == []


def unread(peer: Peer) -> None:
    peer.wait()


def slowly_read(peer: Peer) -> None:
    peer.read_slowly(TRICKLE_SECONDS)


@pytest.mark.parametrize("script", [unread, slowly_read])
@pytest.mark.parametrize("content", [INLINE, UPLOADED])
def test_a_call_that_could_not_be_sent_in_time_was_not_billed(
    open_engine: OpenEngine,
    make_part: Callable[..., Part],
    convert: Callable[..., Conversion],
    script: Callable[[Peer], None],
    content: bytes,
) -> None:
    with ScriptedServer(script) as server:
        engine = open_engine(server.url, call_deadline_seconds=DEADLINE_SECONDS)

        with ends_in_time(), pytest.raises(ProviderUnavailable):
            convert(engine, make_part(content))
