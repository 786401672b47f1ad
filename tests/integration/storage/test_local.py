"""What the local store promises besides: durability, tidiness, links."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ilios.core import clock
from ilios.core.conversion_errors import DiskFull, ObjectMissing
from ilios.core.errors import StartupError
from ilios.core.request_errors import LinkInvalid
from ilios.storage.local import LocalStore
from ilios.storage.signed_links import LinkSigner

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/source.pdf"
IMAGE = "documents/instance/document/images/1.png"


def test_a_put_takes_the_file_away(local_store: LocalStore, make_file: MakeFile) -> None:
    file = make_file(b"x")

    local_store.put(KEY, file, "application/pdf")

    assert not file.exists()


def test_objects_are_closed_to_other_users(local_store: LocalStore) -> None:
    assert stat.S_IMODE(local_store.root.stat().st_mode) == 0o700


def test_the_last_delete_removes_the_documents_folders(
    local_store: LocalStore, make_file: MakeFile
) -> None:
    local_store.put(KEY, make_file(b"x"), "application/pdf")
    local_store.put(IMAGE, make_file(b"x"), "image/png")

    local_store.delete(KEY)
    local_store.delete(IMAGE)

    assert _below(local_store.root) == ["documents", "documents/instance"]


def test_a_copy_takes_no_space_and_leaves_nothing_else(
    local_store: LocalStore, make_file: MakeFile
) -> None:
    local_store.put("incoming/instance/document", make_file(b"x"), "application/pdf")
    local_store.put("documents/instance/copy", make_file(b"old"), "application/pdf")

    for _ in range(2):
        local_store.copy("incoming/instance/document", "documents/instance/copy")

    assert _below(local_store.root) == [
        "documents",
        "documents/instance",
        "documents/instance/copy",
        "incoming",
        "incoming/instance",
        "incoming/instance/document",
    ]


def test_puts_and_deletes_in_one_folder_do_not_disturb_each_other(
    local_store: LocalStore, make_file: MakeFile
) -> None:
    files = [make_file(b"x") for _ in range(400)]

    def put_and_delete(number: int) -> None:
        key = f"documents/instance/document/images/{number}.png"
        local_store.put(key, files[number], "image/png")
        assert local_store.stat(key).size_bytes == 1
        local_store.delete(key)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put_and_delete, range(400)))

    assert _below(local_store.root) == ["documents", "documents/instance"]


def test_a_put_outlives_a_delete_that_takes_its_folder_away(
    local_store: LocalStore, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, deletes = os.rename, ["one"]

    def rename_after_a_delete(source: Path, target: str) -> None:
        if deletes and Path(target).parent.exists():
            deletes.pop()
            Path(target).parent.rmdir()
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_after_a_delete)
    local_store.put(KEY, make_file(b"x"), "application/pdf")

    assert not deletes
    assert local_store.stat(KEY).size_bytes == 1


def test_a_reader_keeps_the_object_that_it_opened(
    local_store: LocalStore, make_file: MakeFile
) -> None:
    local_store.put(KEY, make_file(b"first"), "application/pdf")

    with local_store.open(KEY) as stream:
        local_store.put(KEY, make_file(b"second"), "application/pdf")
        local_store.delete(KEY)
        assert stream.read() == b"first"


def test_a_fetched_object_is_read_where_it_lies(
    local_store: LocalStore, make_file: MakeFile, tmp_path: Path
) -> None:
    local_store.put(KEY, make_file(b"x"), "application/pdf")

    local_store.fetch(KEY, tmp_path / "fetched")

    assert (local_store.root / KEY).samefile(tmp_path / "fetched")


def test_a_failed_fetch_leaves_no_file(
    local_store: LocalStore, make_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_store.put(KEY, make_file(b"x"), "application/pdf")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(DiskFull, match="The disk is full"):
        local_store.fetch(KEY, tmp_path / "fetched")

    assert not (tmp_path / "fetched").exists()


def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartupError, match="Not a directory"):
        LocalStore(tmp_path / "file" / "objects", LinkSigner(b"k" * 32), None)


def test_a_get_link_carries_what_serving_needs(local_store: LocalStore) -> None:
    url = local_store.presign_get(
        KEY, expires=timedelta(minutes=5), file_name="Bericht für M.pdf", media_type="text/html"
    )

    link = local_store.links.read(_token(url), "GET", clock.now())
    assert url.startswith("https://ocr.example.com/objects/")
    assert (link.key, link.file_name, link.media_type) == (KEY, "Bericht für M.pdf", "text/html")


def test_a_put_link_carries_the_exact_size(local_store: LocalStore) -> None:
    url = local_store.presign_put(KEY, expires=timedelta(minutes=5), size_bytes=1234)

    link = local_store.links.read(_token(url), "PUT", clock.now())
    assert (link.key, link.size_bytes) == (KEY, 1234)


def test_a_link_ends_with_its_time(local_store: LocalStore) -> None:
    url = local_store.presign_put(KEY, expires=timedelta(minutes=5), size_bytes=1)

    with pytest.raises(LinkInvalid):
        local_store.links.read(_token(url), "PUT", clock.now() + timedelta(minutes=5, seconds=1))


def test_without_a_public_url_links_are_paths(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "objects", LinkSigner(b"k" * 32), None)

    url = store.presign_put(KEY, expires=timedelta(minutes=5), size_bytes=1)

    assert url.startswith("/objects/")
    assert store.links.read(_token(url), "PUT", clock.now()).key == KEY


def test_no_call_leaks_a_descriptor(
    local_store: LocalStore, make_file: MakeFile, tmp_path: Path
) -> None:
    local_store.put(KEY, make_file(b"x"), "application/pdf")
    before = _open_below(local_store.root)

    for _ in range(5):
        local_store.put(KEY, make_file(b"x"), "application/pdf")
        local_store.fetch(KEY, tmp_path / "fetched")
        (tmp_path / "fetched").unlink()
        with suppress(ObjectMissing):
            local_store.fetch("documents/none", tmp_path / "fetched")

    assert _open_below(local_store.root) == before


def _open_below(folder: Path) -> list[str]:
    """Return what this process has open there; other threads open and close other things."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return sorted(name for name in found if name.startswith(str(folder)))


def _token(url: str) -> str:
    return urlsplit(url).path.removeprefix("/objects/")


def _below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))
