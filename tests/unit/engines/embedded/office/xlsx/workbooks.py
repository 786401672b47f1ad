"""Building workbooks part by part, as other programs than Excel and openpyxl write them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

TRANSITIONAL = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = {
    TRANSITIONAL: "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    STRICT: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
PACKAGE = "http://schemas.openxmlformats.org/package/2006"

Link = tuple[str, str]
"""Kind and target of a relationship; targets with `:` are outside of the package."""


def text(place: str, content: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(content)}</t></is></c>'


def number(place: str, value: object, style: int = 0) -> str:
    return f'<c r="{place}" s="{style}"><v>{value}</v></c>'


def relations(links: Sequence[Link], namespace: str = TRANSITIONAL) -> str:
    """Write relationships with the ids r1, r2 …"""
    written = ""
    for n, (kind, target) in enumerate(links, start=1):
        mode = ' TargetMode="External"' if ":" in target else ""
        address = f"{RELATIONS[namespace]}/{kind}"
        written += f'<Relationship Id="r{n}" Type="{address}" Target="{target}"{mode}/>'
    return f'<Relationships xmlns="{PACKAGE}/relationships">{written}</Relationships>'


def workbook(
    *sheets: Sequence[str],
    formats: Sequence[str] = (),
    shared: Sequence[str] = (),
    behind: str = "",
    links: Sequence[Link] = (),
    parts: Mapping[str, str | bytes] | None = None,
    properties: str = "",
    namespace: str = TRANSITIONAL,
    main: str = "xl/workbook.xml",
) -> bytes:
    """Return a workbook; each sheet is given by the XML of its rows' cells.

    `behind` stands behind the cells of the first sheet, which has the `links`; style 1 has the
    first of the `formats`. `parts` are added, or stand in for others.
    """
    spaces = f'xmlns="{namespace}" xmlns:r="{RELATIONS[namespace]}"'
    folder = main.rpartition("/")[0]
    listed = "".join(
        f'<sheet name="Sheet {n}" sheetId="{n}" r:id="r{n}"/>' for n in range(1, len(sheets) + 1)
    )
    written: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": relations([("officeDocument", main)], namespace),
        main: f"<workbook {spaces}>{properties}<sheets>{listed}</sheets></workbook>",
        f"{folder}/_rels/{main.rpartition('/')[2]}.rels": relations(
            [
                *(("worksheet", f"sheet{n}.xml") for n in range(1, len(sheets) + 1)),
                ("styles", "styles.xml"),
                ("sharedStrings", "strings.xml"),
            ],
            namespace,
        ),
        f"{folder}/styles.xml": _styles(formats, spaces),
        f"{folder}/strings.xml": f"<sst {spaces}>{''.join(shared)}</sst>",
        f"{folder}/_rels/sheet1.xml.rels": relations(links, namespace),
    }
    for n, rows in enumerate(sheets, start=1):
        cells = "".join(f'<row r="{row}">{c}</row>' for row, c in enumerate(rows, start=1))
        more = behind if n == 1 else ""
        written[f"{folder}/sheet{n}.xml"] = (
            f"<worksheet {spaces}><sheetData>{cells}</sheetData>{more}</worksheet>"
        )
    return packed({**written, **(parts or {})})


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _styles(formats: Sequence[str], spaces: str) -> str:
    codes = "".join(
        f'<numFmt numFmtId="{n}" formatCode={quoteattr(code)}/>'
        for n, code in enumerate(formats, start=170)
    )
    styles = "".join(f'<xf numFmtId="{n}"/>' for n in range(170, 170 + len(formats)))
    return (
        f"<styleSheet {spaces}><numFmts>{codes}</numFmts>"
        f'<cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>'
    )
