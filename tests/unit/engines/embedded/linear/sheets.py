"""Excel workbooks that grow."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from ilios.engines.detection import media_types
from ilios.engines.embedded.office.xlsx.formulas import column_letters
from tests.support import sample_files
from tests.support.compound_files import compound
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers
from tests.unit.engines.embedded.office.xlsx import workbooks


def sheet_signs(n: int) -> bytes:
    shown = [workbooks.text(f"A{place}", line) for place, line in enumerate(lines(n), start=1)]
    return workbooks.workbook([*shown])


def sheet_cells(n: int) -> bytes:
    """Return cells in a staircase, so that each row and each column has one."""
    letters = list(columns(min(n, 16_000)))
    return workbooks.workbook(
        [workbooks.text(f"{letters[i % len(letters)]}{2 * i + 1}", "a") for i in range(n)]
    )


def columns(n: int) -> Iterator[str]:
    return (column_letters(2 * number + 1) for number in range(n))


def sheet_shared(n: int) -> bytes:
    cells = [f'<c r="A{i + 1}" t="s"><v>{i % 7}</v></c>' for i in range(n)]
    blank = [f'<c r="B{i + 1}" t="s"><v>7</v></c>' for i in range(n)]
    texts = [*(f"text {i}" for i in range(7)), " " * 10 * n, *(f"s{i}" for i in range(n))]
    shared = [f"<si><t>{text}</t></si>" for text in texts]
    return workbooks.workbook([*cells, *blank], shared=shared)


def sheet_formulas(n: int) -> bytes:
    """Return cells that share a long formula of quotes."""
    quotes = "'" * n
    first = f'<c r="A1"><f t="shared" si="0" ref="A1:A{n}">{"[" * n}{quotes}B2</f></c>'
    others = [f'<c r="A{i + 2}"><f t="shared" si="0"/><v>1</v></c>' for i in range(n)]
    bare = [f'<c r="B{i + 2}"><f t="shared" si="0"/></c>' for i in range(8)]
    return workbooks.workbook([first, *others, *bare])


def sheet_beside(n: int) -> bytes:
    """Return what a sheet has beside its cells: merged ones, names, formats, links, validations."""
    behind = (
        "<mergeCells>" + numbers(n, '<mergeCell ref="A@:B@"/>') + "</mergeCells>"
        + numbers(n, '<conditionalFormatting sqref="A@"><cfRule/></conditionalFormatting>')
        + "<hyperlinks>" + numbers(n, '<hyperlink ref="A@" r:id="r1"/>') + "</hyperlinks>"
    )  # fmt: skip
    cells = [workbooks.text(f"A{i + 1}", "a") for i in range(n)]
    return workbooks.workbook(
        cells, behind=behind, links=[("hyperlink", "http://a/" + "b" * 20 * n)]
    )


def sheet_pictures(n: int) -> bytes:
    names = 'xmlns:a="urn:a" xmlns:x="urn:x" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    picture = '<x:anchor><x:pic><x:blipFill><a:blip r:embed="r1"/></x:blipFill></x:pic></x:anchor>'
    return workbooks.workbook(
        [workbooks.text("A1", "a")],
        links=[("drawing", "drawing.xml")],
        parts={
            "xl/drawing.xml": f"<x:wsDr {names}>{picture * n}</x:wsDr>",
            "xl/_rels/drawing.xml.rels": workbooks.relations([("image", "i.png")]),
            "xl/i.png": sample_files.encoded(sample_files.noise(40, 40), "PNG") + b"\0" * n,
        },
    )


def xls_cells(n: int) -> bytes:
    """Return numbers, texts, notes' places and cells far apart, in the records of an XLS."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    begin = struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 0)
    page = struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 0)
    number = [struct.pack("<HHHd", row % 65_536, 0, 0, row / 7) for row in range(n)]
    wide = [struct.pack("<HHHd", 1, 1 + column % 200, 0, 1.0) for column in range(n)]
    label = [
        struct.pack("<HHHHB", row % 65_536, 255, 0, len(line), 0)
        + line.encode("latin-1", "replace")
        for row, line in enumerate(line[:250] for line in lines(n))
    ]
    records = b"".join(record(0x0203, each) for each in (*number, *wide))
    records += b"".join(record(0x0204, each) for each in label)
    name = b"\x05\0Sheet"
    start = len(record(0x809, begin) + record(0x85, bytes(6) + name) + record(0x0A, b""))
    sheet = record(0x85, struct.pack("<IBB", start, 0, 0) + name)
    whole = record(0x809, begin) + sheet + record(0x0A, b"")
    return compound({"Workbook": whole + record(0x809, page) + records + record(0x0A, b"")})


CASES: Final = (
    Case("xls-cells", media_types.XLS, xls_cells, 4_000),
    Case("sheet-signs", media_types.XLSX, sheet_signs, 2_000),
    Case("sheet-cells", media_types.XLSX, sheet_cells, 1_000),
    Case("sheet-shared", media_types.XLSX, sheet_shared, 2_000),
    Case("sheet-formulas", media_types.XLSX, sheet_formulas, 1_000),
    Case("sheet-beside", media_types.XLSX, sheet_beside, 500),
    Case("sheet-pictures", media_types.XLSX, sheet_pictures, 300),
)
