"""The cache of page images: bounded, gone with its document, and never in the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.storage import page_image_cache
from ilios.storage.page_image_cache import PageImageCache

Keep = Callable[..., None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data", min_free_disk_bytes=0)
    data_folder.prepare(made)
    return made


@pytest.fixture
def cache(settings: Settings) -> PageImageCache:
    return PageImageCache(settings)


@pytest.fixture
def keep(settings: Settings, cache: PageImageCache) -> Keep:
    """Keep an image that was just drawn, as if it was last used so many seconds after 1970."""

    def keep(document_id: str, name: str, content: bytes = b"PNG", used_at: int = 0) -> None:
        path = data_folder.uploads(settings) / "drawn"
        path.write_bytes(content)
        if used_at:
            os.utime(path, (used_at, used_at))
        cache.keep(document_id, name, path)

    return keep


def content(cache: PageImageCache, document_id: str, name: str) -> bytes | None:
    file = cache.open(document_id, name)
    if file is None:
        return None
    with file:
        return file.read()


def names(cache: PageImageCache) -> list[str]:
    return sorted(image.path.name for image in cache.images())


def test_what_was_kept_is_found_by_every_process(
    settings: Settings, cache: PageImageCache, keep: Keep
) -> None:
    keep("one", "1-1000.png", b"of one")
    keep("two", "1-1000.png", b"of two")

    for one in (cache, PageImageCache(settings)):
        assert content(one, "one", "1-1000.png") == b"of one"
        assert content(one, "two", "1-1000.png") == b"of two"
        assert content(one, "one", "1-999.png") is None
    assert list(data_folder.uploads(settings).iterdir()) == []


def test_it_goes_with_its_document(settings: Settings, cache: PageImageCache, keep: Keep) -> None:
    for name in ("1-1000.png", "2-1000.png"):
        keep("one", name)
        keep("two", name)

    cache.remove("one")
    cache.remove("one")
    cache.remove("three")

    assert content(cache, "one", "1-1000.png") is None
    assert [path.name for path in data_folder.page_images(settings).iterdir()] == ["two"]


def test_what_was_used_longest_ago_makes_room(
    settings: Settings, keep: Keep, cache: PageImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_image_cache, "CACHE_MAX_BYTES", 1600)
    for number in range(1, 17):
        keep("one", f"{number}.png", b"x" * 100, used_at=number)
    assert content(cache, "one", "1.png")  # which is used again now

    keep("two", "17.png", b"x" * 100, used_at=17)
    keep("two", "18.png", b"x" * 100, used_at=18)

    left = names(cache)
    assert sum(image.size_bytes for image in cache.images()) <= 1600
    assert {"1.png", "17.png"} <= set(left)
    assert not {"2.png", "3.png", "4.png"} & set(left)


def test_there_are_no_more_files_than_may_be(
    keep: Keep, cache: PageImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_image_cache, "CACHE_MAX_FILES", 16)
    for number in range(1, 50):
        keep(f"document-{number}", "1.png", used_at=number)
        assert len(names(cache)) <= 18

    assert content(cache, "document-49", "1.png")


def test_the_folder_of_a_document_goes_with_its_last_image(
    settings: Settings, keep: Keep, cache: PageImageCache
) -> None:
    keep("one", "1.png")
    keep("two", "1.png")
    (image,) = (image for image in cache.images() if image.path.parent.name == "one")
    image.path.unlink()

    cache.remove_empty_folders()

    assert [path.name for path in data_folder.page_images(settings).iterdir()] == ["two"]


def test_one_that_would_take_much_of_the_room_is_not_kept(
    keep: Keep, cache: PageImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_image_cache, "CACHE_MAX_BYTES", 1600)

    keep("one", "1.png", b"x" * 101)

    assert names(cache) == []


def test_a_disk_that_is_short_of_room_keeps_nothing(settings: Settings) -> None:
    full = PageImageCache(settings.model_copy(update={"min_free_disk_bytes": 2**60}))
    path = data_folder.uploads(settings) / "drawn"
    path.write_bytes(b"PNG")

    full.keep("one", "1.png", path)

    assert names(full) == []


def test_without_its_folder_nothing_is_kept_and_nothing_fails(
    settings: Settings, keep: Keep, cache: PageImageCache
) -> None:
    data_folder.page_images(settings).rmdir()

    keep("one", "1.png")
    cache.remove("one")
    cache.remove_empty_folders()

    assert content(cache, "one", "1.png") is None
