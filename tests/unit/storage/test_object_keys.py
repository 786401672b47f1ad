"""Keys of objects."""

from __future__ import annotations

import pytest

from ilios.storage import object_keys


def test_a_key_contains_instance_and_document() -> None:
    assert object_keys.source_key("i", "d") == "documents/i-originals/d"
    assert object_keys.uploaded_key("i", "d", "a") == "documents/i/d/source-a"
    assert object_keys.image_key("i", "d", "p1_2.png") == "documents/i/d/images/p1_2.png"
    assert object_keys.incoming_key("i", "d") == "incoming/i/d"


@pytest.mark.parametrize(
    ("key", "is_for_workers"),
    [
        (object_keys.source_key("i", "d"), True),
        (object_keys.uploaded_key("i", "d", "a"), True),
        (object_keys.part_key("i", "d", 0, 9), True),
        ("documents/i/d/source", True),
        (object_keys.image_key("i", "d", "p1_2.png"), False),
        (object_keys.archive_key("i", "d"), False),
        (object_keys.incoming_key("i", "d"), False),
        ("probes/1", False),
    ],
)
def test_a_worker_fetches_originals_and_parts(key: str, is_for_workers: bool) -> None:
    assert object_keys.is_for_workers(key) == is_for_workers


@pytest.mark.parametrize(
    ("key", "is_written_once"),
    [
        (object_keys.source_key("i", "d"), True),
        (object_keys.uploaded_key("i", "d", "a"), False),
        (object_keys.part_key("i", "d", 0, 9), False),
        (object_keys.part_key("i", "d-originals", 0, 9), False),
        (object_keys.archive_key("i", "d"), False),
        ("documents/i/d/source", False),
        ("documents/i-originals", False),
    ],
)
def test_an_original_has_a_key_of_its_own(key: str, is_written_once: bool) -> None:
    assert object_keys.is_written_once(key) == is_written_once


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (object_keys.image_key("i", "d", "p1_2.png"), object_keys.IMAGES),
        (object_keys.part_key("i", "d", 0, 9), object_keys.PARTS),
        (object_keys.source_key("i", "d"), None),
        ("documents/i/d/source", None),
        ("convert/1735-report.pdf", None),
    ],
)
def test_images_and_parts_are_told_from_originals(key: str, kind: str | None) -> None:
    assert object_keys.kind_of(key) == kind


def test_an_earlier_version_sweeps_no_original() -> None:
    swept = ("documents/i/", "archive/i/", "incoming/i/")
    assert not object_keys.source_key("i", "d").startswith(swept)


@pytest.mark.parametrize("name", ["", ".", "..", "../x.png", "a/b.png", "a b.png", "ä.png", "x\n"])
def test_an_image_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an extracted image"):
        object_keys.image_key("i", "d", name)
