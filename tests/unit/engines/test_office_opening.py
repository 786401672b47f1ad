"""Office files with passwords: what opens them, and what is said where nothing does."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ilios.core.conversion_errors import (
    CorruptDocument,
    EncryptedDocument,
    UnsupportedDocument,
    WrongPassword,
)
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.office_opening import UNASKED, write_opened
from tests.support import protected, sample_files
from tests.support.protected import PASSWORD, WRONG, locked

DOCX = protected.roomy(sample_files.docx(sample_files.word_paragraph("They wade.")))
LONG = "p" * 255


def opened(
    content: bytes, password: str | None, folder: Path, media_type: str = media_types.DOCX
) -> bytes:
    source, made = folder / "source", folder / "opened"
    source.write_bytes(content)
    write_opened(Source(source, media_type, "document", password), made)
    return made.read_bytes()


@pytest.mark.parametrize("password", [PASSWORD, "пароль 漢字 ünïcode", LONG, " "])
@pytest.mark.parametrize("media_type", [media_types.DOCX, media_types.PPTX, media_types.XLSX])
def test_its_password_opens_it(password: str, media_type: str, tmp_path: Path) -> None:
    assert opened(locked(DOCX, password), password, tmp_path, media_type) == DOCX


def test_a_file_as_office_2007_wrote_it_is_opened_too(tmp_path: Path) -> None:
    content = protected.pdf("standard.docx")

    assert opened(content, "Password1234_", tmp_path).startswith(b"PK")
    with pytest.raises(WrongPassword):
        opened(content, WRONG, tmp_path)


def test_a_file_as_office_2010_wrote_it_is_opened_too(tmp_path: Path) -> None:
    content = protected.locked_in_2010(DOCX)

    assert opened(content, PASSWORD, tmp_path) == DOCX
    with pytest.raises(WrongPassword):
        opened(content, WRONG, tmp_path)
    with pytest.raises(EncryptedDocument):
        opened(content, None, tmp_path)
    assert opened(protected.locked_in_2010(DOCX, UNASKED), WRONG, tmp_path) == DOCX


def test_a_key_that_is_longer_than_its_hash_is_named(tmp_path: Path) -> None:
    content = bytearray(protected.locked_in_2010(DOCX))
    bits = b'keyBits="128"'
    place = content.rindex(bits)
    content[place : place + len(bits)] = b'keyBits="256"'

    with pytest.raises(UnsupportedDocument, match="kind of encryption"):
        opened(bytes(content), PASSWORD, tmp_path)


def test_another_one_does_not(tmp_path: Path) -> None:
    with pytest.raises(WrongPassword, match="does not open the Word document"):
        opened(locked(DOCX), WRONG, tmp_path)


def test_without_one_its_password_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(EncryptedDocument, match="with its `password`"):
        opened(locked(DOCX), None, tmp_path)


@pytest.mark.parametrize("password", [None, WRONG])
def test_a_workbook_that_is_only_not_to_be_changed_needs_none(
    password: str | None, tmp_path: Path
) -> None:
    assert opened(locked(DOCX, UNASKED), password, tmp_path, media_types.XLSX) == DOCX


@pytest.mark.parametrize(
    "content",
    [
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
        locked(DOCX)[:1024],
        locked(DOCX)[:600] + b"\xff" * 4000,
    ],
)
def test_a_damaged_file_is_called_so(content: bytes, tmp_path: Path) -> None:
    with pytest.raises((CorruptDocument, UnsupportedDocument)):
        opened(content, PASSWORD, tmp_path)


def test_the_library_logs_no_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        opened(protected.pdf("standard.docx"), "Password1234_", tmp_path)

    assert "Password1234_" not in caplog.text
