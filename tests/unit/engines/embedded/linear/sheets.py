"""Excel workbooks that grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ilios.engines.detection import media_types
from ilios.engines.embedded.office.xlsx.formulas import column_letters
from tests.support import sample_files
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


CASES: Final = (
    Case("sheet-signs", media_types.XLSX, sheet_signs, 2_000),
    Case("sheet-cells", media_types.XLSX, sheet_cells, 1_000),
    Case("sheet-shared", media_types.XLSX, sheet_shared, 2_000),
    Case("sheet-formulas", media_types.XLSX, sheet_formulas, 1_000),
    Case("sheet-beside", media_types.XLSX, sheet_beside, 500),
    Case("sheet-pictures", media_types.XLSX, sheet_pictures, 300),
)
