"""The parts of a workbook: its sheets, shared texts and number formats, in any namespace.

Read without regard to what the text does not need: colours, fonts and properties may be faulty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Final

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import (
    Archive,
    attribute,
    child,
    children,
    local_name,
    relationships,
    resolved,
)
from ilios.engines.embedded.office.xlsx_formats import NumberFormat, compiled
from ilios.engines.unicode import replace_surrogates

MAIN_PART: Final = "xl/workbook.xml"
EMPTY_SIBLINGS_KEPT: Final = 1_000  #: before they are taken out of the tree

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ACCOUNTING = '_("$"* {0}_);_("$"* \\({0}\\);_("$"* "-"??_);_(@_)'
_BUILT_IN: Final = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0_);\\("$"#,##0\\)',
    6: '"$"#,##0_);\\("$"#,##0\\)',
    7: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    8: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "m/d/yyyy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yyyy h:mm",
    **dict.fromkeys((27, 36, 50, 52, 57), 'yyyy"年"m"月"'),
    **dict.fromkeys((28, 29, 51, 53, 54, 58), 'm"月"d"日"'),
    30: "m-d-yy",
    31: 'yyyy"年"m"月"d"日"',
    **dict.fromkeys((32, 34, 55), 'h"时"mm"分"'),
    **dict.fromkeys((33, 35, 56), 'h"时"mm"分"ss"秒"'),
    **dict.fromkeys((37, 38), "#,##0_);\\(#,##0\\)"),
    **dict.fromkeys((39, 40), "#,##0.00_);\\(#,##0.00\\)"),
    41: '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)',
    42: _ACCOUNTING.format("#,##0"),
    43: '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
    44: _ACCOUNTING.format("#,##0.00"),
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
"""What the numbers below 164 mean, as Excel in English has them."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a cell: as it is, and as Markdown that knows of raised characters."""

    plain: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as the workbook lists it; the part may be missing."""

    title: str
    part: str
    is_hidden: bool


class Package:
    """The parts of a workbook that its sheets share."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._main = _main_part(archive)
        self._root = archive.xml(self._main)

    @cached_property
    def sheets(self) -> list[Sheet]:
        targets = relationships(self._archive, self._main)
        found = child(self._root, "sheets")
        return [
            Sheet(
                sheet.get("name", ""),
                targets.get(attribute(sheet, "id") or "", ("", False))[0],
                sheet.get("state", "") in ("hidden", "veryHidden"),
            )
            for sheet in (children(found, "sheet") if found is not None else ())
        ]

    @cached_property
    def is_1904(self) -> bool:
        """Whether days are counted from 1904."""
        properties = child(self._root, "workbookPr")
        return (attribute(properties, "date1904") or "").lower() in ("1", "true", "on")

    @cached_property
    def texts(self) -> list[Text]:
        """The shared texts, which cells name by number."""
        part = self._related("sharedStrings")
        if part is None:
            return []
        with self._archive.stream(part) as stream:
            return [text_of(item) for item in elements(stream, "{*}si", "{*}sstItem")]

    @cached_property
    def formats(self) -> list[NumberFormat]:
        """The number format of each style."""
        part = self._related("styles")
        root = lenient_xml(self._archive, part) if part else None
        codes = {
            number.get("numFmtId", ""): number.get("formatCode", "")
            for number in _each(root, "numFmts", "numFmt")
        }
        return [
            compiled(codes.get(identifier) or _built_in(identifier))
            for identifier in (style.get("numFmtId", "") for style in _each(root, "cellXfs", "xf"))
        ]

    def _related(self, kind: str) -> str | None:
        for found, target in related(self._archive, self._main):
            if found == kind and target in self._archive:
                return target
        return None


def related(archive: Archive, part: str) -> Iterator[tuple[str, str]]:
    """Iterate over kind and target of the parts that a part refers to: `comments`, `drawing` …"""
    folder, _, name = part.rpartition("/")
    root = lenient_xml(archive, f"{folder}/_rels/{name}.rels".lstrip("/"))
    for relation in root if root is not None else ():
        if local_name(relation) == "Relationship" and relation.get("TargetMode") != "External":
            kind = relation.get("Type", "").rpartition("/")[2]
            yield kind, resolved(folder, relation.get("Target", ""))


def elements(stream: IO[bytes], *tags: str) -> Iterator[etree._Element]:
    """Iterate over elements as they end, each emptied afterwards: a part may be large."""
    parsed = etree.iterparse(
        stream, ("end",), tag=tags, resolve_entities=False, no_network=True, load_dtd=False
    )
    for _, element in parsed:
        yield element
        element.clear()
        parent = element.getparent()
        if parent is not None and len(parent) > EMPTY_SIBLINGS_KEPT:
            del parent[:-1]


def lenient_xml(archive: Archive, part: str) -> etree._Element | None:
    """Return the root of a part that a workbook can do without; None if nothing can be read."""
    content = archive.read_or_empty(part) if part in archive else b""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        return etree.fromstring(content, parser) if content else None
    except (etree.XMLSyntaxError, ValueError):
        return None


def text_of(item: etree._Element) -> Text:
    """Return the text of a shared text, a cell or a note, without its phonetic guide."""
    plain: list[str] = []
    written: list[str] = []
    for element in item:
        name = local_name(element)
        if name not in ("t", "r"):
            continue
        text = unescaped(
            "".join(t.text or "" for t in ([element] if name == "t" else children(element, "t")))
        )
        plain.append(text)
        written.append(_scripted(element, text))
    return Text("".join(plain), " ".join("".join(written).split()))


def unescaped(text: str) -> str:
    """Resolve `_x000D_`, which stands for a character that XML cannot hold."""
    if "_x" not in text:
        return text
    return replace_surrogates(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))


def _scripted(run: etree._Element, text: str) -> str:
    place = attribute(child(run, "rPr", "vertAlign"), "val") if len(run) > 1 else None
    if place == "superscript":
        return markdown.superscript(text)
    return markdown.subscript(text) if place == "subscript" else markdown.escaped(text)


def _main_part(archive: Archive) -> str:
    for kind, target in related(archive, ""):
        if kind == "officeDocument" and target in archive:
            return target
    return MAIN_PART


def _each(root: etree._Element | None, group: str, name: str) -> Iterator[etree._Element]:
    found = child(root, group)
    return children(found, name) if found is not None else iter(())


def _built_in(identifier: str) -> str:
    return _BUILT_IN.get(int(identifier), "General") if identifier.isdecimal() else "General"
