"""PowerPoint presentations of before 2007: what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EncryptedDocument,
    UnsupportedDocument,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.office.ppt import repetitions
from tests.support import old_office
from tests.support.compound_files import compound
from tests.support.old_office import slides
from tests.unit.engines.embedded.conftest import Convert

TALK = slides(["Größe *und* Gewicht", "東京 2003", "End"])


def test_a_page_is_a_slide(convert: Convert) -> None:
    converted = convert(TALK, media_types.PPT)

    assert [page.markdown for page in converted.pages] == [
        "Größe \\*und\\* Gewicht",
        "東京 2003",
        "End",
    ]
    assert converted.warnings == []


def test_only_the_pages_that_are_asked_for_are_read(convert: Convert) -> None:
    converted = convert(TALK, media_types.PPT, pages="2")

    assert converted.counts.total == 3
    assert converted.markdown == "東京 2003"


def test_names_of_streams_may_be_in_capitals(convert: Convert) -> None:
    assert convert(slides(["Loud"], capitals=True), media_types.PPT).markdown == "Loud"


def test_of_a_file_for_powerpoint_95_and_97_the_newer_half_is_read(convert: Convert) -> None:
    both = compound(
        {"PowerPoint Document": b"x", "PP97_DUALSTORAGE": old_office.streams(["Twice"])}
    )

    assert convert(both, media_types.PPT).markdown == "Twice"


def test_a_file_does_not_say_that_it_was_made_today(convert: Convert) -> None:
    info = convert(TALK, media_types.PPT).counts.info

    assert (info.created, info.producer, info.page_count) == (None, None, 3)


def test_nothing_stays_of_what_it_is_rewritten_as(convert: Convert, tmp_path: Path) -> None:
    convert(TALK, media_types.PPT)

    assert list((tmp_path / "images").iterdir()) == []


def test_a_presentation_of_powerpoint_95_is_refused_with_a_way_out(convert: Convert) -> None:
    with pytest.raises(UnsupportedDocument, match=r"such as PowerPoint 95\. Save it as PPTX"):
        convert(slides(["Old"], is_of_95=True), media_types.PPT)


def test_a_presentation_with_a_password_is_refused(convert: Convert) -> None:
    with pytest.raises(EncryptedDocument, match="PowerPoint presentation is protected by"):
        convert(slides(["Secret"], encrypted=True), media_types.PPT)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(slides(["x" * 3000])[:700], id="cut"),
        pytest.param(slides(["x" * 3000])[:2000], id="cut later"),
        pytest.param(compound({"PowerPoint Document": b"x" * 5000}), id="without a user"),
    ],
)
def test_a_damaged_presentation_is_corrupt(convert: Convert, content: bytes) -> None:
    with pytest.raises(CorruptDocument, match="PowerPoint presentation"):
        convert(content, media_types.PPT)


def test_slides_with_much_in_common_are_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(slides(["x" * 1000] * 20), media_types.PPT)
    monkeypatch.setattr(repetitions, "READ_MAX_BYTES", 20 * 2_000)

    with pytest.raises(DocumentTooLarge, match="too much in common"):
        convert(slides(["x" * 1000] * 20), media_types.PPT)


@pytest.mark.parametrize("bound", ["ARCHIVE_PART_MAX_BYTES", "ARCHIVE_MAX_BYTES"])
def test_a_presentation_beyond_a_bound_is_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(limits, bound, 100)

    with pytest.raises(DocumentTooLarge):
        convert(TALK, media_types.PPT)
