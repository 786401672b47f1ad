"""The parts of a multipart body, as they are handed to their streams."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Field, File

from ilios.api.requests import multipart
from ilios.api.requests.body import BLOCK_BYTES

BOUNDARY = b"boundary"


class Recorder:
    """Streams that note what is done with them, in its order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, int]] = []

    def __call__(self, part: Field | File) -> multipart.PartStream:
        self.events.append(("open", part.name, 0))
        return _Recorded(part.name, self.events)


class _Recorded:
    def __init__(self, name: str, events: list[tuple[str, str, int]]) -> None:
        self._name, self._events = name, events

    def write(self, block: bytes) -> None:
        self._events.append(("write", self._name, len(block)))

    def close(self) -> None:
        self._events.append(("close", self._name, 0))


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    shown = "" if file_name is None else f'; filename="{file_name}"'
    head = f'--boundary\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def blocks(body: bytes, size: int = BLOCK_BYTES) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


@pytest.mark.parametrize(
    "content", [b"", b"1", b"\r", b"-- \r\n--bound\r\n", b"-" * 200, b" " * 200]
)
@pytest.mark.parametrize(
    "ending", [b"\r\n--boundary--", b"\r\n--boundary--\r\n", b"\r\n--boundary \r\n"]
)
def test_it_does_not_matter_where_a_block_ends(content: bytes, ending: bytes) -> None:
    """Werkzeug alone adds a byte to a file when a block ends within the last two dashes."""
    body = part("file", content, "a.txt").removesuffix(b"\r\n") + ending
    if not ending.strip().endswith(b"--"):
        body += part("more", b"1").removeprefix(b"--boundary\r\n") + b"--boundary--"
    for cut in range(len(body)):
        recorder = Recorder()
        multipart.parse([body[:cut], body[cut:]], BOUNDARY, recorder)
        written = sum(size for _, name, size in recorder.events if name == "file")
        assert written == len(content), body[:cut]


@pytest.mark.parametrize("block_bytes", [1, 7, BLOCK_BYTES])
def test_each_part_is_closed_before_the_next_is_opened(block_bytes: int) -> None:
    body = part("a", b"1") + part("b", b"22", "b.txt") + part("a", b"333") + b"--boundary--\r\n"
    recorder = Recorder()

    multipart.parse(blocks(body, block_bytes), BOUNDARY, recorder)

    turns = [(kind, name) for kind, name, _ in recorder.events if kind != "write"]
    assert turns == [(kind, name) for name in "aba" for kind in ("open", "close")]
    assert sum(size for _, _, size in recorder.events) == 6


def test_the_content_of_a_part_comes_in_blocks_of_what_has_arrived() -> None:
    body = part("file", b"x" * 10 * BLOCK_BYTES, "huge.txt") + b"--boundary--\r\n"
    recorder = Recorder()

    multipart.parse(blocks(body), BOUNDARY, recorder)

    sizes = [size for _, _, size in recorder.events]
    assert max(sizes) <= BLOCK_BYTES
    assert sum(sizes) == 10 * BLOCK_BYTES


def test_headers_without_end_are_given_up_at_their_limit() -> None:
    taken = 0

    def endless() -> Iterable[bytes]:
        nonlocal taken
        yield b"--boundary\r\nX: "
        while True:
            taken += BLOCK_BYTES
            yield b"x" * BLOCK_BYTES

    with pytest.raises(RequestEntityTooLarge):
        multipart.parse(endless(), BOUNDARY, Recorder())
    assert taken <= multipart.HEADERS_MAX_BYTES + 2 * BLOCK_BYTES


@pytest.mark.parametrize(("size", "is_taken"), [(60_000, True), (70_000, False), (100_000, False)])
def test_the_headers_of_a_part_have_their_limit_wherever_a_block_ends(
    size: int, is_taken: bool
) -> None:
    head = b'--boundary\r\nContent-Disposition: form-data; name="a"\r\nX-A: ' + b"x" * size
    body = head + b"\r\n\r\nvalue\r\n--boundary--\r\n"
    recorder = Recorder()

    if is_taken:
        multipart.parse([body], BOUNDARY, recorder)
    else:
        with pytest.raises(RequestEntityTooLarge):
            multipart.parse([body], BOUNDARY, recorder)

    assert bool(recorder.events) is is_taken
