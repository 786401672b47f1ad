"""That what the machine lacks is told from what is wrong with a file."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from ilios.core.conversion_errors import CorruptDocument, DiskFull
from ilios.engines import machine_errors, parser_messages
from ilios.engines.detection import media_types
from ilios.engines.embedded.ocr.page_reader import PageReader
from ilios.engines.page_text import TextSpool
from ilios.engines.parser_messages import Message
from tests.support import sample_files
from tests.unit.engines.embedded.conftest import Convert

FULL = OSError(errno.ENOSPC, "No space left on device")


class LibraryError(Exception):
    """As libraries have one for everything."""


@pytest.mark.parametrize(
    "error",
    [
        LibraryError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Status: std::bad_alloc"),
        LibraryError("Failed to allocate memory for requested buffer of size 1024"),
        LibraryError("(-4:Insufficient memory) Failed to allocate 3 bytes"),
        RuntimeError("can't start new thread"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        MemoryError(),
        etree.XMLSyntaxError("unknown error", 2, 0, 0),  # type: ignore[arg-type, call-arg]
    ],
    ids=str,
)
def test_a_library_that_got_no_memory_is_no_damaged_file(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise LibraryError("A line could not be read.") from error

    monkeypatch.setattr(PageReader, "read", fail)

    with pytest.raises(MemoryError):
        convert(sample_files.encoded(sample_files.noise(90, 90), "PNG"), media_types.PNG)


def test_other_errors_of_a_library_are_a_damaged_file(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LibraryError("A line could not be read.")

    monkeypatch.setattr(PageReader, "read", fail)

    with pytest.raises(CorruptDocument):
        convert(sample_files.encoded(sample_files.noise(90, 90), "PNG"), media_types.PNG)


def test_an_image_that_a_full_disk_does_not_take_is_no_damaged_file(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = '<w:p><w:r><w:drawing><a:blip r:embed="r1"/></w:drawing></w:r></w:p>'
    content = sample_files.docx(
        picture,
        word___rels__document_dot_xml_dot_rels=sample_files.relations(r1="media/a.png"),
        word__media__a_dot_png=sample_files.encoded(sample_files.noise(40, 40), "PNG"),
    )
    assert "![](" in convert(content, media_types.DOCX).markdown
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.suffix == ".png":
            raise FULL
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(DiskFull):
        convert(content, media_types.DOCX)


def test_a_child_may_say_that_the_disk_is_full() -> None:
    (told,) = parser_messages.with_errors(failing(DiskFull("The disk became full.")))

    assert isinstance(parser_messages.error_of(told), DiskFull)


def failing(error: Exception) -> Iterator[Message]:
    """Yield nothing, but end with an error."""
    yield from ()
    raise error


def test_a_long_result_that_a_full_disk_does_not_take_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise FULL

    spool = TextSpool(tmp_path)
    monkeypatch.setattr("ilios.engines.page_text.os.write", full)

    with pytest.raises(DiskFull):
        spool.append("a")


def test_other_errors_of_the_disk_stay_what_they_are() -> None:
    with pytest.raises(PermissionError), machine_errors.full_disk_as_such():
        raise PermissionError(errno.EACCES, "Permission denied")
