"""The worker's side of a conversion: what a parser child that lies cannot do."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import DocumentTooLarge, ParserCrashed
from ilios.engines import page_text
from ilios.engines.base import ConversionWarning, DocumentInfo, ImageFile, Page
from ilios.engines.embedded import limits, output_limits, page_receiver
from ilios.engines.embedded.page_receiver import PageReceiver, messages
from ilios.engines.parser_messages import Message

PAGE: Message = {
    "type": "page", "index": 0, "text": "Herons", "width": 595.0, "height": 842, "dpi": None,
    "images": [], "warnings": [], "confidence": None,
}  # fmt: skip


@pytest.fixture
def receiver(tmp_path: Path) -> PageReceiver:
    receiver = PageReceiver(tmp_path)
    receiver.take({"type": "counts", "selected": 3})
    return receiver


def image(folder: Path, name: str = "a.png") -> list[Any]:
    path = folder / name
    path.write_bytes(b"image")
    return [name, str(path), "image/png", [0, 0, 10, 10]]


@pytest.mark.parametrize("held", [0, 25, 1_000])
def test_pages_come_as_they_were_sent_in_memory_or_in_a_file(
    receiver: PageReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(page_text, "PIECE_MAX_CHARACTERS", 10)
    monkeypatch.setattr(page_receiver, "HELD_MAX_CHARACTERS", held)
    name, path, media_type, _ = image(tmp_path)
    sent = [
        Page(0, "ä" * 35, 595.0, 842.0, images=(ImageFile(name, Path(path), media_type),)),
        Page(1, "short", warnings=(ConversionWarning("text_loss", "Lost.", 2),)),
        Page(2, ""),
    ]

    for message in (message for page in sent for message in messages(page)):
        receiver.take(message)

    assert ["".join(page.pieces()) for page in receiver.pages] == [page.markdown for page in sent]
    assert [page.characters for page in receiver.pages] == [35, 5, 0]
    assert [page.images for page in receiver.pages] == [page.images for page in sent]
    assert [page.warnings for page in receiver.pages] == [page.warnings for page in sent]
    assert sum(len(page.markdown) for page in receiver.pages) <= held


def test_what_a_file_says_of_itself_is_taken(receiver: PageReceiver) -> None:
    said = {**asdict(DocumentInfo(title="A\ud800", page_count=3)), "author": "A.\0Heron"}

    receiver.take({"type": "info", "info": said})

    assert receiver.info == DocumentInfo(title="A\ufffd", author="A.\ufffdHeron", page_count=3)


@pytest.mark.parametrize(
    "said",
    [{"title": 7}, {"title": "x" * 1_001}, {"page_count": -1}, {"page_count": "1"}, {"x": "y"}, 7],
)
def test_what_no_file_says_is_refused(receiver: PageReceiver, said: Any) -> None:
    with pytest.raises(ParserCrashed, match="no answer"):
        receiver.take({"type": "info", "info": said})


def test_lone_surrogates_and_nul_become_what_a_database_stores(receiver: PageReceiver) -> None:
    warning = ["text_loss", "Lost: \0.", 1]
    receiver.take({**PAGE, "text": "a\ud800b\0c", "warnings": [warning]})

    (page,) = receiver.pages
    assert page.markdown == "a\ufffdb\ufffdc"
    assert [one.message for one in page.warnings] == ["Lost: \ufffd."]


@pytest.mark.parametrize(
    "changed",
    [
        {"index": -1},
        {"index": True},
        {"index": "0"},
        {"text": None},
        {"text": "x" * (page_text.PIECE_MAX_CHARACTERS + 1)},
        {"width": "wide"},
        {"dpi": 1.5},
        {"images": [["a.png"]]},
        {"images": 7},
        {"warnings": [["text_loss", "x" * (output_limits.WARNING_MAX_CHARACTERS + 1), 1]]},
        {"warnings": [["no_such_code", "Lost.", 1]]},
        {"warnings": [["text_loss", "Lost.", 1]] * (output_limits.PAGE_MAX_WARNINGS + 1)},
    ],
)
def test_what_no_reader_sends_is_refused(receiver: PageReceiver, changed: dict[str, Any]) -> None:
    with pytest.raises(ParserCrashed, match="no answer"):
        receiver.take({**PAGE, **changed})


def test_sizes_that_no_page_has_are_left_out(receiver: PageReceiver) -> None:
    receiver.take({**PAGE, "width": float("nan"), "height": 1e300})

    assert (receiver.pages[0].width, receiver.pages[0].height) == (None, None)


def test_a_page_that_came_before_or_was_not_announced_is_refused(receiver: PageReceiver) -> None:
    receiver.take(PAGE)
    with pytest.raises(ParserCrashed):
        receiver.take(PAGE)

    for index in (1, 2):
        receiver.take({**PAGE, "index": index})
    with pytest.raises(ParserCrashed):
        receiver.take({**PAGE, "index": 3})


def test_too_much_text_of_a_page_or_a_document_is_refused(
    receiver: PageReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_limits, "PAGE_MAX_BYTES", 20)
    monkeypatch.setattr(output_limits, "DOCUMENT_MAX_BYTES", 30)

    receiver.take({"type": "text", "text": "€" * 6})
    with pytest.raises(DocumentTooLarge, match=r"21 bytes of Markdown.*the limit is 20 bytes"):
        receiver.take({"type": "text", "text": "€"})
    monkeypatch.setattr(output_limits, "PAGE_MAX_BYTES", 100)
    with pytest.raises(DocumentTooLarge, match=r"first 1 pages.*the limit is 30 bytes"):
        receiver.take({**PAGE, "text": "€€€€"})


def test_too_many_pages_are_refused_before_the_first(tmp_path: Path) -> None:
    with pytest.raises(DocumentTooLarge, match=r"100,001 pages.*the limit is 100,000 pages"):
        PageReceiver(tmp_path).take({"type": "counts", "selected": 100_001})


def test_warnings_of_all_pages_have_a_bound_of_their_own(
    receiver: PageReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_limits, "DOCUMENT_MAX_WARNINGS", 3)
    two = [["text_loss", "Lost.", 1]] * 2

    receiver.take({**PAGE, "warnings": two})
    with pytest.raises(ParserCrashed):
        receiver.take({**PAGE, "index": 1, "warnings": two})


@pytest.mark.parametrize("name", ["../secret.png", "link.png", "hard.png", "folder.png", "no.png"])
def test_only_files_of_the_job_are_images(tmp_path: Path, name: str) -> None:
    secret, folder = tmp_path / "secret.png", tmp_path / "job"
    secret.write_bytes(b"secret")
    (folder / "folder.png").mkdir(parents=True)
    (folder / "link.png").symlink_to(secret)
    os.link(secret, folder / "hard.png")
    receiver = PageReceiver(folder)
    receiver.take({"type": "counts", "selected": 1})

    with pytest.raises(ParserCrashed):
        receiver.take({**PAGE, "images": [[name, str(folder / name), "image/png", None]]})


def test_the_path_of_an_image_is_that_of_its_name(receiver: PageReceiver, tmp_path: Path) -> None:
    name, path, media_type, box = image(tmp_path)

    with pytest.raises(ParserCrashed):
        receiver.take({**PAGE, "images": [["b.png", path, media_type, box]]})
    with pytest.raises(ParserCrashed):
        receiver.take({**PAGE, "images": [[name, path, "text/html", box]]})


def test_images_are_bounded_in_number_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [image(tmp_path, f"{number}.png") for number in range(3)]

    for bound in ({"IMAGES_MAX_COUNT": 2}, {"IMAGES_MAX_BYTES": 14}):
        receiver = PageReceiver(tmp_path)
        receiver.take({"type": "counts", "selected": 1})
        with monkeypatch.context() as patch:
            for name, value in bound.items():
                patch.setattr(limits, name, value)
            with pytest.raises(DocumentTooLarge, match="3 images of the document have 15 bytes"):
                receiver.take({**PAGE, "images": files})
