"""Client sockets: nothing waits for a client to read, and it is known whether it still does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from functools import partial

import pytest

from ilios.api.server.slow_client_socket import (
    ANSWER_BEGIN,
    HEAD_MAX_BYTES,
    SEND_BUFFER_BYTES,
    SlowClientSocket,
)
from tests.support.waiting import wait_until

MIB = 1024 * 1024


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, SlowClientSocket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    server = SlowClientSocket(fileno=accepted.detach())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    server.setblocking(True)
    with client, server:
        yield client, server


@pytest.fixture
def client(pair: tuple[socket.socket, SlowClientSocket]) -> socket.socket:
    return pair[0]


@pytest.fixture
def server(pair: tuple[socket.socket, SlowClientSocket]) -> SlowClientSocket:
    return pair[1]


def test_sending_waits_for_nobody_and_loses_nothing(
    client: socket.socket, server: SlowClientSocket
) -> None:
    for number in range(64):
        server.sendall(bytes([number]) * MIB)
    assert server.unsent_bytes > MIB
    received = bytearray()
    while len(received) < 64 * MIB:
        server.flush()
        received += client.recv(4 * MIB)
    assert server.flush()
    assert all(received[number * MIB] == received[-1 - (63 - number) * MIB] == number
               for number in range(64))  # fmt: skip


def takes_no_more(server: SlowClientSocket) -> bool:
    """Return whether the kernel, which a busy machine delays, takes no more of what is unsent."""
    before = server.unsent_bytes
    server.flush()
    return server.unsent_bytes == before


def test_who_reads_nothing_has_so_long_and_no_longer(server: SlowClientSocket) -> None:
    server.sendall(b"x" * 8 * MIB)
    wait_until(partial(takes_no_more, server), timeout_s=30)
    begun = time.monotonic()
    server.begin_to_wait()
    given_up = server.send_deadline
    assert begun <= given_up - server.send_silence_seconds <= time.monotonic()
    server.flush()
    assert server.send_deadline == pytest.approx(given_up, abs=0.001)


def test_who_reads_gains_time_up_to_the_whole(
    client: socket.socket, server: SlowClientSocket
) -> None:
    server.sendall(b"x" * 8 * MIB)
    server.begin_to_wait()
    server._send_budget_seconds = 1.0
    before = server.send_deadline

    def has_sent_more() -> bool:
        client.recv(MIB)
        server.flush()
        return server.send_deadline > before

    wait_until(has_sent_more, timeout_s=30)
    assert server.send_deadline <= time.monotonic() + server.send_silence_seconds


def test_a_head_that_does_not_end_is_no_longer_waited_for(
    client: socket.socket, server: SlowClientSocket
) -> None:
    server.setblocking(False)
    client.sendall(b"GET / HTTP/1.1\r\nX: ")
    wait_until(lambda: server.has_whole_head() or server.head, timeout_s=30)
    assert not server.has_whole_head()
    client.sendall(b"x" * HEAD_MAX_BYTES)
    wait_until(server.has_whole_head, timeout_s=30)


def test_what_was_read_too_far_comes_first(client: socket.socket, server: SlowClientSocket) -> None:
    server.setblocking(False)
    client.sendall(b"Host: x\r\n\r\n")
    server.put_back(b"GET / HTTP/1.1\r\n")
    wait_until(server.has_whole_head, timeout_s=30)
    assert server.head == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert server.recv(100) == b"GET / HTTP/1.1\r\n"
    assert server.recv(100) == b"Host: x\r\n\r\n"
    server.put_back(b"GET / HTTP/1.1\r\n\r\n")
    assert server.has_whole_head()


def test_a_client_that_only_sends_nothing_more_has_not_left(
    client: socket.socket, server: SlowClientSocket
) -> None:
    assert not server.has_left()
    client.shutdown(socket.SHUT_WR)
    wait_until(lambda: server.has_left() or server._sent_ahead, timeout_s=30)
    assert not server.has_left()
    server.sendall(b"HTT")
    server.sendall(b"P/1.0 200 OK")
    server.sendall(b"\r\n")
    server.flush()
    assert client.recv(100) == ANSWER_BEGIN + b"0 200 OK\r\n"


def test_a_client_that_closed_its_connection_has_left(
    client: socket.socket, server: SlowClientSocket
) -> None:
    client.close()
    wait_until(server.has_left, timeout_s=30)


def test_a_connection_that_is_given_away_goes_on_where_it_was(
    client: socket.socket, server: SlowClientSocket
) -> None:
    server.sendall(b"x" * 8 * MIB)

    plain, unsent = server.give_away()

    with plain:
        assert server.fileno() == -1
        assert plain.gettimeout() == 0
        received = bytearray()
        while len(received) < 8 * MIB - len(unsent):
            received += client.recv(MIB)
        assert unsent
        plain.setblocking(True)
        plain.sendall(b"y")
        assert client.recv(MIB) == b"y"
