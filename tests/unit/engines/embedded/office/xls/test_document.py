"""Excel workbooks of before 2007: cells as they are shown, on a file that such a program wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlrd

from ilios.core.conversion_errors import CorruptDocument, DocumentTooLarge, EncryptedDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.compound_file import CompoundFile, entries_of
from ilios.engines.embedded.office.xls import document
from tests.support.compound_files import compound
from tests.support.forking import REPOSITORY
from tests.unit.engines.embedded.conftest import Convert

WORKBOOK = REPOSITORY / "tests" / "samples" / "workbook.xls"


def test_a_workbook_is_read_as_it_is_shown(convert: Convert) -> None:
    converted = convert(WORKBOOK.read_bytes(), media_types.XLS)

    assert [page.markdown for page in converted.pages] == [
        "## Sales\n\n"
        "| Day | Paid | Share | Hours | Code | Open |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| 2024-01-31 | 1,234.50 € | 12.34% | 36:00 | 01067 | TRUE |\n"
        "| a \\*star\\* | 0.3 | 12345678901234 | #DIV/0! | wide |  |",
        "## Notes (hidden)\n\nGröße 東京",
        "## Empty",
    ]
    assert converted.warnings == [("empty_page", 3)]


def test_only_the_pages_that_are_asked_for_are_read(convert: Convert) -> None:
    converted = convert(WORKBOOK.read_bytes(), media_types.XLS, pages="2")

    assert converted.counts.total == 3
    assert converted.markdown == "## Notes (hidden)\n\nGröße 東京"


def test_formats_that_are_damaged_leave_the_values(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = xlrd.open_workbook

    def damaged(**options: object) -> object:
        if options["formatting_info"]:
            raise AssertionError("a font that is none")
        return opened(**options)

    monkeypatch.setattr(xlrd, "open_workbook", damaged)

    assert "| 45322 | 1234.5 |" in convert(WORKBOOK.read_bytes(), media_types.XLS).markdown


def test_a_format_without_a_code_leaves_the_value(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = xlrd.open_workbook

    def uncoded(**options: object) -> object:
        book = opened(**options)
        for number_format in book.format_map.values():
            number_format.format_str = None
        return book

    monkeypatch.setattr(xlrd, "open_workbook", uncoded)

    assert "| 45322 | 1234.5 |" in convert(WORKBOOK.read_bytes(), media_types.XLS).markdown


def test_a_cut_a_foreign_and_an_encrypted_file_are_told_apart(
    convert: Convert, tmp_path: Path
) -> None:
    with pytest.raises(CorruptDocument, match=document.KIND):
        convert(WORKBOOK.read_bytes()[:700], media_types.XLS)
    with pytest.raises(CorruptDocument, match=document.KIND):
        convert(compound({"Other": b"x"}), media_types.XLS)
    with pytest.raises(EncryptedDocument):
        convert(compound({"Workbook": encrypted(stream(tmp_path))}), media_types.XLS)


def test_a_workbook_beyond_the_bound_is_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_PART_MAX_BYTES", 100)

    with pytest.raises(DocumentTooLarge):
        convert(WORKBOOK.read_bytes(), media_types.XLS)


def stream(folder: Path) -> bytes:
    """Return the stream of the sample that is the workbook."""
    path = folder / "workbook.xls"
    path.write_bytes(WORKBOOK.read_bytes())
    file = CompoundFile(path)
    try:
        return file.content(entries_of(file.root)["workbook"], 2**20)
    finally:
        file.close()


def encrypted(workbook: bytes) -> bytes:
    """Put behind the first record one that says that what follows is encrypted."""
    first = 4 + int.from_bytes(workbook[2:4], "little")
    password = b"\x2f\x00\x06\x00" + b"\0\0" + b"\x12\x34\x56\x78"
    return workbook[:first] + password + workbook[first:]
