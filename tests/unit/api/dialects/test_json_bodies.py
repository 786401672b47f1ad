"""JSON bodies with files in base64: taken out as they arrive, whatever the blocks."""

from __future__ import annotations

import base64
import hashlib
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ilios.api.dialects import json_bodies
from ilios.api.dialects.base64_files import Base64File
from ilios.api.dialects.json_bodies import SHORT_MAX_BYTES, JsonBody
from ilios.api.dialects.options import Options
from ilios.core.disk_space import DiskReserve
from ilios.core.request_errors import (
    FileTooLarge,
    InvalidField,
    MalformedRequest,
    RequestError,
    TooManyFiles,
)
from ilios.core.settings import Settings
from ilios.documents.uploads import UploadSink
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time

CONTENT = bytes(range(256)) * 1024  #: 256 KiB
CODED = base64.b64encode(CONTENT).decode()
MOST_BYTES = 64 * 1024 * 1024
Sinks = Callable[[], UploadSink]


@pytest.fixture
def new_sink(tmp_path: Path, settings: Settings) -> Iterator[Sinks]:
    """Make sinks as a request does, at whose end they are discarded."""
    reserve = DiskReserve(settings)
    made: list[UploadSink] = []

    def make() -> UploadSink:
        made.append(UploadSink(tmp_path, MOST_BYTES, reserve))
        return made[-1]

    yield make
    for sink in made:
        sink.discard()


def blocks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def read(body: Any, new_sink: Sinks, size: int = 65_536) -> JsonBody:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return json_bodies.read(blocks(sent, size), new_sink)


def content_of(found: JsonBody, value: Any) -> bytes:
    received = found.file(value, "a.pdf")
    content = received.path.read_bytes()
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    return content


@pytest.mark.parametrize("size", [1_000, 4_096, 65_536, 10_000_000])
def test_long_strings_become_files_and_all_else_stays(new_sink: Sinks, size: int) -> None:
    sent = {
        "model": "mistral-ocr-latest",
        "document": {
            "type": "document_url",
            "document_url": f"data:application/pdf;base64,{CODED}",
        },
        "pages": [0, 1],
        'a "quoted" \\ name': 'with \\" and \\\\',
        "last": CODED,
    }

    found = read(sent, new_sink, size)

    url = found.value["document"]["document_url"]
    assert found.is_file(url)
    assert found.media_type(url) == "application/pdf"
    assert content_of(found, url) == CONTENT
    assert content_of(found, found.value["last"]) == CONTENT
    assert found.media_type(found.value["last"]) is None
    kept = {name: found.value[name] for name in sent if name not in ("document", "last")}
    assert kept == {name: sent[name] for name in kept}


def test_what_stands_for_a_long_string_is_too_long_for_any_text(new_sink: Sinks) -> None:
    sent = {"prompt": "please read " * 7000, "files": [CODED[:66_000]] * 80, "rest": "a, b" * 9_000}

    found = read(sent, new_sink, 65_536)

    with pytest.raises(InvalidField, match="at most 8192 characters"):
        Options(found.value).text("prompt", most=8192)
    assert all(found.is_file(one) for one in found.value["files"])
    assert found.value["rest"] == sent["rest"]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_quote_is_told_from_an_escaped_one_across_blocks(new_sink: Sinks, size: int) -> None:
    sent = {"a": '\\"', "b": "\\\\", "c": '"', "d": '\\\\\\"\\\\', "e": "\\" * 31 + '"'}

    assert read(sent, new_sink, size).value == sent


@pytest.mark.parametrize(
    "written",
    [
        CODED.replace("/", "\\/"),
        CODED.replace("+", "\\u002b").replace("/", "\\u002F"),
        "\\r\\n".join(CODED[start : start + 76] for start in range(0, len(CODED), 76)),
        CODED.replace("+", "-").replace("/", "_").rstrip("="),
        "data:;base64," + CODED,
        "DATA:application\\/pdf;name=a.pdf;base64," + CODED,
    ],
)
@pytest.mark.parametrize("size", [999, 65_536])
def test_base64_is_read_however_it_is_written(new_sink: Sinks, written: str, size: int) -> None:
    found = read(f'{{"file": "{written}"}}'.encode(), new_sink, size)

    assert content_of(found, found.value["file"]) == CONTENT


def test_short_strings_are_files_as_well(new_sink: Sinks) -> None:
    short = base64.b64encode(b"%PDF-1.7").decode()
    found = read({"a": short, "b": f"data:application/pdf;base64,{short}"}, new_sink)

    assert content_of(found, found.value["a"]) == b"%PDF-1.7"
    assert content_of(found, found.value["b"]) == b"%PDF-1.7"
    assert (found.is_file(found.value["a"]), found.is_file(found.value["b"])) == (False, True)
    assert found.media_type(found.value["b"]) == "application/pdf"


@pytest.mark.parametrize(
    "value", ["http://example.com", "dä==", "a", "data:text/plain,abc", 5, None]
)
def test_a_value_that_is_no_file_is_refused_by_the_name_of_its_field(
    new_sink: Sinks, value: Any
) -> None:
    found = read({"file": value}, new_sink)

    with pytest.raises(InvalidField) as refused:
        found.file(found.value["file"], "a.pdf", "document_url")
    assert refused.value.code == "invalid_document_url"


LONG = "x" * (SHORT_MAX_BYTES + 10)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", MalformedRequest),
        (b"{", MalformedRequest),
        (b"[]", MalformedRequest),
        (b'{"a": NaN}', MalformedRequest),
        (b'{"a": "', MalformedRequest),
        (b'{"a": ' + b"9" * 5_000 + b"}", MalformedRequest),
        (b'{"a": "\xff"}', MalformedRequest),
        (b"[" * 200_000, MalformedRequest),
        (b'{"a": "' + b"." * 100_000 + b'"}', InvalidField),
        (b'{"a": "' + b"\\u00e4" * 20_000 + b'"}', InvalidField),
        (b'{"a": "' + b"\\x" * 50_000 + b'"}', InvalidField),
        (b'{"a": "data:text/plain,' + b"a" * 100_000 + b'"}', InvalidField),
        (b'{"a": "data:' + b"a" * 100_000 + b'"}', InvalidField),
        (b'{"a": "' + b"QQ==" * 30_000 + b'"}', InvalidField),
        (b" " * 2_000_000, FileTooLarge),
        (b'["a",' * 400_000, FileTooLarge),
    ],
)
def test_what_is_no_such_body_is_refused(
    new_sink: Sinks, body: bytes, kind: type[RequestError]
) -> None:
    with pytest.raises(kind):
        read(body, new_sink)


def test_a_body_has_no_more_files_than_a_batch(new_sink: Sinks) -> None:
    with pytest.raises(TooManyFiles):
        read({"files": [CODED[:70_000]] * 101}, new_sink)


def test_a_long_body_takes_little_memory(new_sink: Sinks) -> None:
    piece = base64.b64encode(CONTENT + b"..")  # without padding

    def body() -> Iterator[bytes]:
        yield b'{"file": "'
        for _ in range(80):
            yield from blocks(piece, 65_536)
        yield b'"}'

    tracemalloc.start()
    try:
        found = json_bodies.read(body(), new_sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert found.long_strings[found.value["file"]].sink.size_bytes == 80 * (len(CONTENT) + 2)
    assert peak < 3 * 1024 * 1024


@pytest.mark.parametrize("part", [b'"a",', b'"\\\\\\"",', b'"' + b"\\\\" * 99 + b'",', b"[],"])
def test_time_is_in_proportion_to_a_body(new_sink: Sinks, part: bytes) -> None:
    def seconds(size: int) -> float:
        body = b'{"a": [' + part * (size // len(part)) + b"0]}"
        with processor_time() as taken:
            read(body, new_sink)
        return taken[0]

    assert is_linear(seconds, 250_000)


@pytest.mark.parametrize("sign", ["a", ";", ";a"])
def test_a_data_url_without_end_is_told_in_proportion_to_it(new_sink: Sinks, sign: str) -> None:
    body = read({}, new_sink)

    def seconds(size: int) -> float:
        with processor_time() as taken:
            assert not body.is_file("data:" + sign * size)
        return taken[0]

    assert is_linear(seconds, 20_000)


def test_pieces_of_any_size_decode_to_the_same(new_sink: Sinks) -> None:
    for size in (1, 2, 3, 5, 1_000):
        decoder = Base64File(new_sink())
        for piece in blocks(CODED.encode()[:3_001], size):
            decoder.write(piece)
        with pytest.raises(InvalidField):  # one character too many
            decoder.close()
