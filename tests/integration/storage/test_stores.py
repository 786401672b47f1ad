"""What every object store promises."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from ilios.core import clock
from ilios.core.conversion_errors import ObjectMissing
from ilios.storage.base import ObjectStore

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/source.pdf"
SPOOLED_KEYS = [KEY, "documents/instance/document/parts/0-9"]
ODD_KEYS = [
    "documents/instance/document/images/page-1_image.0.png",
    "convert/1735689600000-annual report (final) 100%+1.pdf",
    "convert/1735689600000-Überblick für 東京.pdf",
    "convert/1735689600000-what?#&='\"*.pdf",
    "documents/.hidden/..dots..",
    "a",
]
MALFORMED_KEYS = [
    "",
    "/etc/passwd",
    "documents/../../secret",
    "..",
    "documents//source.pdf",
    "documents/./source.pdf",
    "documents/",
    "a\0b",
    "x" * 256,
    "x/" * 600 + "x",
]


def test_what_was_put_is_read_again(store: ObjectStore, make_file: MakeFile) -> None:
    store.put(KEY, make_file(b"the bytes"), "application/pdf")

    with store.open(KEY) as stream:
        assert stream.read() == b"the bytes"


@pytest.mark.parametrize("key", SPOOLED_KEYS)
def test_what_was_put_last_is_fetched(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path, key: str
) -> None:
    for content in (b"first", b"second"):
        store.put(key, make_file(content), "application/pdf")

    for number in range(2):
        store.fetch(key, tmp_path / f"{number}")
        assert (tmp_path / f"{number}").read_bytes() == b"second"


@pytest.mark.parametrize("key", SPOOLED_KEYS)
def test_what_was_deleted_is_not_fetched(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path, key: str
) -> None:
    store.put(key, make_file(b"secret"), "application/pdf")

    store.delete(key)

    with pytest.raises(ObjectMissing):
        store.fetch(key, tmp_path / "fetched")


def test_a_copy_is_fetched_in_place_of_what_it_replaced(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path
) -> None:
    store.put(KEY, make_file(b"old"), "application/pdf")
    store.put("incoming/instance/document", make_file(b"new"), "application/pdf")

    store.copy("incoming/instance/document", KEY)

    store.fetch(KEY, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"new"


def test_an_object_is_read_in_pieces(store: ObjectStore, make_file: MakeFile) -> None:
    store.put(KEY, make_file(b"first line\nsecond line\n"), "text/plain")

    with store.open(KEY) as stream:
        assert stream.read(5) == b"first"
        assert list(stream) == [b" line\n", b"second line\n"]


def test_a_stream_may_be_left_early(store: ObjectStore, make_file: MakeFile) -> None:
    store.put(KEY, make_file(os.urandom(300_000)), "application/pdf")

    for _ in range(3):
        with store.open(KEY) as stream:
            assert len(stream.read(10)) == 10


def test_an_object_is_fetched_into_a_file(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path
) -> None:
    store.put(KEY, make_file(b"the bytes"), "application/pdf")

    store.fetch(KEY, tmp_path / "fetched")

    assert (tmp_path / "fetched").read_bytes() == b"the bytes"


def test_a_fetched_file_is_the_callers_to_move_and_remove(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path
) -> None:
    store.put(KEY, make_file(b"the bytes"), "application/pdf")
    for name in ("first", "second"):
        store.fetch(KEY, tmp_path / name)

    (tmp_path / "first").unlink()
    make_file(b"others").rename(tmp_path / "second")

    assert _content(store, KEY) == b"the bytes"


def test_a_fetched_file_outlives_its_object(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path
) -> None:
    store.put(KEY, make_file(b"the bytes"), "application/pdf")
    store.fetch(KEY, tmp_path / "fetched")

    store.put(KEY, make_file(b"other bytes"), "application/pdf")
    store.delete(KEY)

    assert (tmp_path / "fetched").read_bytes() == b"the bytes"


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 100_000], ids=["empty", "byte", "100 kB"])
def test_an_object_has_a_size(store: ObjectStore, make_file: MakeFile, content: bytes) -> None:
    store.put(KEY, make_file(content), "application/pdf")

    assert store.stat(KEY).size_bytes == len(content)
    assert _content(store, KEY) == content


def test_a_large_object_arrives_whole(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path
) -> None:
    content = os.urandom(20 * 1024 * 1024)
    store.put(KEY, make_file(content), "application/pdf")

    store.fetch(KEY, tmp_path / "fetched")

    assert (tmp_path / "fetched").read_bytes() == content
    assert _content(store, KEY) == content


def test_a_second_put_replaces_the_first(store: ObjectStore, make_file: MakeFile) -> None:
    store.put(KEY, make_file(b"first"), "application/pdf")

    store.put(KEY, make_file(b"second"), "application/pdf")

    assert _content(store, KEY) == b"second"


def test_a_copy_outlives_what_happens_to_its_source(
    store: ObjectStore, make_file: MakeFile
) -> None:
    store.put("incoming/instance/document", make_file(b"checked"), "application/pdf")
    store.copy("incoming/instance/document", KEY)

    store.put("incoming/instance/document", make_file(b"changed"), "application/pdf")
    assert _content(store, KEY) == b"checked"

    store.delete("incoming/instance/document")
    assert _content(store, KEY) == b"checked"


def test_a_copy_replaces_what_was_there(store: ObjectStore, make_file: MakeFile) -> None:
    store.put("incoming/instance/document", make_file(b"new"), "application/pdf")
    store.put(KEY, make_file(b"old"), "application/pdf")

    for _ in range(2):
        store.copy("incoming/instance/document", KEY)

    assert _content(store, KEY) == b"new"


def test_a_deleted_object_is_gone(store: ObjectStore, make_file: MakeFile) -> None:
    store.put(KEY, make_file(b"secret"), "application/pdf")

    store.delete(KEY)

    with pytest.raises(ObjectMissing):
        store.stat(KEY)


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.delete(KEY)
    store.delete("documents/nobody")


def test_a_delete_leaves_the_neighbours(store: ObjectStore, make_file: MakeFile) -> None:
    image = "documents/instance/document/images/1.png"
    store.put(KEY, make_file(b"source"), "application/pdf")
    store.put(image, make_file(b"image"), "image/png")

    store.delete(image)

    assert _content(store, KEY) == b"source"


@pytest.mark.parametrize("key", [KEY, "documents/instance", "documents", "nowhere"])
def test_what_is_not_there_is_missing(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path, key: str
) -> None:
    store.put("documents/instance/other/source.pdf", make_file(b"other"), "application/pdf")

    with pytest.raises(ObjectMissing), store.open(key):
        pass
    with pytest.raises(ObjectMissing):
        store.fetch(key, tmp_path / "fetched")
    with pytest.raises(ObjectMissing):
        store.stat(key)
    with pytest.raises(ObjectMissing):
        store.copy(key, "documents/instance/copy/source.pdf")
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys_are_kept_apart(store: ObjectStore, make_file: MakeFile, key: str) -> None:
    store.put(key, make_file(b"odd"), "application/pdf")
    store.put("documents/instance/plain", make_file(b"plain"), "application/pdf")

    assert _content(store, key) == b"odd"
    store.copy(key, "documents/instance/copied")
    store.delete(key)
    assert _content(store, "documents/instance/copied") == b"odd"


@pytest.mark.parametrize("key", MALFORMED_KEYS)
def test_a_malformed_key_goes_nowhere(
    store: ObjectStore, make_file: MakeFile, tmp_path: Path, key: str
) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        store.put(key, make_file(b"x"), "application/pdf")
    with pytest.raises(ValueError, match="not an object key"):
        store.copy(key, KEY)
    with pytest.raises(ValueError, match="not an object key"):
        store.delete(key)


def test_many_threads_put_at_once(store: ObjectStore, make_file: MakeFile) -> None:
    contents = {f"documents/instance/{n}/source.pdf": os.urandom(10_000) for n in range(40)}
    files = {key: make_file(content) for key, content in contents.items()}

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: store.put(key, files[key], "application/pdf"), contents))

    assert {key: _content(store, key) for key in contents} == contents


def test_of_racing_puts_to_one_key_one_wins_whole(store: ObjectStore, make_file: MakeFile) -> None:
    contents = [bytes([n]) * 50_000 for n in range(12)]
    files = [make_file(content) for content in contents]

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda file: store.put(KEY, file, "application/pdf"), files))

    assert _content(store, KEY) in contents


def _content(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


def test_a_folder_is_listed_with_all_below_it_and_nothing_beside_it(
    store: ObjectStore, make_file: MakeFile
) -> None:
    inside = ["documents/i/a/source", "documents/i/a/images/1.png", "documents/i/b/source"]
    for key in (*inside, "documents/i2/a/source", "archive/i/a/source"):
        store.put(key, make_file(b"?"), "text/plain")

    found = list(store.listed("documents/i"))

    assert sorted(one.key for one in found) == sorted(inside)
    assert all(abs(clock.now() - one.stored_at) < timedelta(minutes=1) for one in found)
    assert list(store.listed("documents/nobody")) == []


def test_a_copy_is_as_old_as_the_copying(store: ObjectStore, make_file: MakeFile) -> None:
    original = make_file(b"?")
    os.utime(original, (0, 0))
    store.put("documents/i/a/source", original, "text/plain")

    store.copy("documents/i/a/source", "archive/i/a/source")

    (copied,) = store.listed("archive/i")
    assert clock.now() - copied.stored_at < timedelta(minutes=1)
